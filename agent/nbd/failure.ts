import { NbdError } from '../../native/errors.js'
import { AppError } from '../errors.js'

/** What libnbd says when the other side is gone, whatever was being asked of it. */
const lostConnection = new Set(['ESHUTDOWN', 'ENOTCONN', 'ECONNRESET', 'EPIPE'])

/** An NbdError in the operator's words; anything else, and every error after an abort, as it came. */
export function asAppError(disk: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(cause instanceof NbdError)) return cause
  const where = cause.length === 0n ? '' : ` at ${cause.offset}+${cause.length}`
  const attempt = `disk ${disk}${where}: ${cause.errno}`
  if (cause.side !== 'target') return new AppError('SOURCE_READ_FAILED', attempt, cause)
  if (cause.op === 'nbd_connect' || lostConnection.has(cause.errno))
    return new AppError('NBD_UNREACHABLE', attempt, cause)
  switch (cause.op) {
    case 'nbd_flush':
      return new AppError(cause.errno === 'ENOSPC' ? 'TARGET_FULL' : 'TARGET_FLUSH_FAILED', attempt, cause)
    case 'copy':
      return new AppError('TARGET_VOLUME_TOO_SMALL', attempt, cause)
    default:
      return new AppError(cause.errno === 'ENOSPC' ? 'TARGET_FULL' : 'TARGET_WRITE_FAILED', attempt, cause)
  }
}

/** The same for a target that is only read: to the engine it is a source then. */
export function targetError(disk: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(cause instanceof NbdError)) return cause
  const code =
    cause.op === 'nbd_connect' || lostConnection.has(cause.errno) ? 'NBD_UNREACHABLE' : 'TARGET_READ_FAILED'
  return new AppError(code, `disk ${disk} at ${cause.offset}+${cause.length}: ${cause.errno}`, cause)
}
