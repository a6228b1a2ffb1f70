import { NbdError } from '../../native/errors.js'
import { type VolumeSerial } from '../domain/ids.js'
import { AppError } from '../errors.js'

/** A failed copy out of an overlay in the operator's words; anything else, and every error after an abort, as it came. */
export function overlayError(path: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(cause instanceof NbdError)) return cause
  const attempt = `${path} at ${cause.offset}+${cause.length}: ${cause.errno}`
  if (cause.side !== 'target') return new AppError('STAGING_INVALID', attempt, cause)
  return new AppError(cause.errno === 'ENOSPC' ? 'TARGET_FULL' : 'TARGET_WRITE_FAILED', attempt, cause)
}

/** The same where the device of a volume was only read. */
export function deviceReadError(serial: VolumeSerial, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(cause instanceof NbdError)) return cause
  const attempt = `volume ${serial} at ${cause.offset}+${cause.length}: ${cause.errno}`
  return new AppError('TARGET_READ_FAILED', attempt, cause)
}
