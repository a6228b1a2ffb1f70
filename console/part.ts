/** A failure in the operator's words: `next` says what to do about it. */
export interface Failure {
  readonly code: string
  readonly sentence: string
  /** What was being attempted; empty when the sentence says all. */
  readonly message: string
  readonly next: string
}

/** One thing read from the agent. `value` stays when a later reading fails; null: never read. */
export interface Part<T> {
  /** Of which object; empty where there is only one. */
  readonly key: string
  readonly value: T | null
  /** When `value` was read, in the console's clock. */
  readonly okMs: number | null
  /** Of the newest reading. */
  readonly failure: Failure | null
}

export const emptyPart = <T>(key = ''): Part<T> => ({ key, value: null, okMs: null, failure: null })
