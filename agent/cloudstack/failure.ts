import { AppError, type ErrorCode } from '../errors.js'

/** A failed call. `effect` says whether CloudStack can have acted on it. */
export class CloudstackError extends AppError {
  readonly effect: 'none' | 'unknown'
  /** How long the server asked to be left alone; undefined: it did not say. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    more: {
      readonly effect: 'none' | 'unknown'
      readonly cause?: unknown
      readonly retryAfterMs?: number | undefined
    },
  ) {
    super(code, message, more.cause)
    this.effect = more.effect
    this.retryAfterMs = more.retryAfterMs
  }
}

/** What CloudStack itself answered, by `errorcode`. A fault does not prove that nothing happened: look before repeating. */
export class CloudstackFault extends CloudstackError {
  readonly errorCode: number

  constructor(errorCode: number, message: string) {
    super(codeOf(errorCode), message, { effect: untouched.has(errorCode) ? 'none' : 'unknown' })
    this.errorCode = errorCode
  }
}

/** Answered before a command runs: wrong key, too many calls, not in this role. */
const untouched = new Set([401, 429, 432])

/** ApiErrorCode of CloudStack. */
function codeOf(errorCode: number): ErrorCode {
  switch (errorCode) {
    case 401:
      return 'CLOUDSTACK_REFUSED'
    case 429:
      return 'CLOUDSTACK_BUSY'
    case 432:
      return 'CLOUDSTACK_NOT_PERMITTED'
    case 530:
      return 'CLOUDSTACK_INTERNAL'
    case 532:
      return 'CLOUDSTACK_LIMIT_REACHED'
    case 533:
    case 534:
    case 535:
      return 'CLOUDSTACK_NO_CAPACITY'
    default:
      return 'CLOUDSTACK_FAULT'
  }
}

/** CloudStack answers an id it does not know with error 431 and this text, not with an empty list. */
export const isUnknownId = (error: unknown): boolean =>
  error instanceof CloudstackFault &&
  error.errorCode === 431 &&
  /entity does not exist|unable to find/i.test(error.message)

/** Nobody answered for CloudStack; it may answer later. */
export const isAway = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'CLOUDSTACK_UNREACHABLE' || error.code === 'CLOUDSTACK_BUSY')
