/** `unknown`: it could not be checked, which is neither good nor bad. */
export interface CheckResult {
  readonly title: string
  readonly outcome: 'ok' | 'problem' | 'unknown'
  readonly found: string
}

export interface Check {
  readonly title: string
  readonly run: (signal: AbortSignal) => Promise<Pick<CheckResult, 'outcome' | 'found'>>
}

const limitMs = 8000

/** All checks at once, in their order. One that breaks or takes too long is `unknown`; none ends the others. */
export const runChecks = (checks: readonly Check[]): Promise<readonly CheckResult[]> =>
  Promise.all(
    checks.map(async ({ title, run }) => {
      const signal = AbortSignal.timeout(limitMs)
      try {
        return { title, ...(await Promise.race([run(signal), lapsed(signal)])) }
      } catch (error) {
        return { title, outcome: 'unknown', found: reasonOf(error) } as const
      }
    }),
  )

const lapsed = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error(`no answer in ${limitMs / 1000} s`)), {
      once: true,
    })
  })

/** Of system errors only the code: their texts hold addresses and paths in no fixed form. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error'
  return 'code' in error ? String(error.code) : error.message
}
