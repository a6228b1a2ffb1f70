/**
 * `sentence` says what happened, `next` what to do about it. `retry` tells callers whether the same request can succeed later
 * by itself (`after-delay`), only after somebody changed something (`after-operator`), or never.
 */
export interface ErrorRow {
  readonly status: number
  readonly retry: 'never' | 'after-delay' | 'after-operator'
  readonly sentence: string
  readonly next: string
}

export const row = (status: number, retry: ErrorRow['retry'], sentence: string, next: string): ErrorRow => ({
  status,
  retry,
  sentence,
  next,
})
