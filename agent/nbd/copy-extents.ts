import { copy } from '../../native/copy.js'
import { type ConnectTarget } from '../../native/types.js'
import { type Extent } from '../domain/extent.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { asAppError } from './failure.js'

/**
 * Copies extents from one of our own servers to another; resolves with the bytes copied when the target has confirmed that
 * they are durable. `extents` sorted, disjoint, inside both. Rejects as moveDisk does; the target then holds an unknown mixture
 * inside the extents.
 */
export async function copyExtents(
  what: string,
  ends: { readonly source: ConnectTarget; readonly target: ConnectTarget },
  extents: readonly Extent[],
  signal: AbortSignal,
): Promise<Bytes> {
  if (extents.length === 0) return 0n
  let result
  try {
    result = await copy({ ...ends, extents, mode: 'copy', targetIsZero: false, signal })
  } catch (cause) {
    throw asAppError(what, cause, signal)
  }
  if (result.flushedConnections !== result.connections)
    throw new AppError('TARGET_FLUSH_FAILED', `${what}: its server has no flush`)
  return result.writtenBytes + result.zeroedBytes
}
