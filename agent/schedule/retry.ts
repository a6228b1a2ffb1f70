import { errorTable, type ErrorCode } from '../errors.js'

/** Failures that ask for the same patience. */
export type FailureClass = 'worker' | 'capacity' | 'passing' | 'operator' | 'bug'

interface Patience {
  readonly firstMs: number
  /** The delay doubles up to this. */
  readonly longestMs: number
  /** After the first one. */
  readonly retries: number
}

const minuteMs = 60_000

/** A class without patience is not tried again in its round; the next slot tries. */
const patienceOf: Readonly<Record<FailureClass, Patience | null>> = {
  worker: { firstMs: minuteMs / 2, longestMs: 5 * minuteMs, retries: 10 },
  capacity: { firstMs: 5 * minuteMs, longestMs: 60 * minuteMs, retries: 6 },
  passing: { firstMs: minuteMs, longestMs: 15 * minuteMs, retries: 4 },
  operator: null,
  bug: null,
}

/** No back-off is longer; one that seems to be was saved before the clock was put back. */
export const longestBackOffMs = 60 * minuteMs

const workerCodes: ReadonlySet<ErrorCode> = new Set(['WORKER_LOST', 'WORKER_ABSENT', 'WORKER_LEASE_LAPSED'])
const capacityCodes: ReadonlySet<ErrorCode> = new Set([
  'APPLIANCE_FULL',
  'CLOUDSTACK_BUSY',
  'CLOUDSTACK_NO_CAPACITY',
])

export function failureClass(code: ErrorCode): FailureClass {
  if (workerCodes.has(code)) return 'worker'
  if (capacityCodes.has(code)) return 'capacity'
  switch (errorTable[code].retry) {
    case 'after-delay':
      return 'passing'
    case 'after-operator':
      return 'operator'
    case 'never':
      return 'bug'
  }
}

export type Retry =
  | { readonly kind: 'again'; readonly afterMs: number }
  /** Nothing gets better by itself. */
  | { readonly kind: 'not-retried' }
  | { readonly kind: 'tries-used' }

/** After try number `tries` failed (from 1 on); `maxRetries` null: as many as the class allows. */
export function retryAfter(code: ErrorCode, tries: number, maxRetries: number | null): Retry {
  const patience = patienceOf[failureClass(code)]
  if (patience === null) return { kind: 'not-retried' }
  const { firstMs, longestMs, retries } = patience
  if (tries > Math.min(retries, maxRetries ?? retries)) return { kind: 'tries-used' }
  return { kind: 'again', afterMs: Math.min(longestMs, firstMs * 2 ** (tries - 1)) }
}
