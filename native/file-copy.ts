import { asNbdError } from './errors.js'
import { loadAddon } from './load.js'

/** A part of a disk and where a file holds it. Bytes. */
export interface FilePart {
  readonly offset: bigint
  readonly length: bigint
  /** Null: the part is all zeroes and lies nowhere. */
  readonly fileOffset: bigint | null
}

export interface FileCopyRequest {
  /** The file that holds the parts. Both are absolute. */
  readonly source: string
  readonly parts: readonly FilePart[]
  readonly signal: AbortSignal
  /** At most four times a second. */
  readonly onProgress: (readBytes: bigint) => void
}

/** What a file says that is no part. */
const nowhere = (1n << 64n) - 1n

/** The page sum of the parts (see `PageSum` in src/page_sum.h), read from the file. Rejects as copyFromFile() does. */
export const sumOfFile = (request: FileCopyRequest): Promise<bigint> => start(request, {})

/**
 * Writes the parts to a file or device that is there, each to its place, and gives their page sum. Nothing is synced: keep
 * the target open from before, and sync it there, so that no write error is missed. Rejects with NbdError (`side`, `errno`, and
 * where on the disk) or the signal's reason; the target then holds an unknown mixture inside the parts.
 */
export const copyFromFile = (request: FileCopyRequest & { readonly target: string }): Promise<bigint> =>
  start(request, { target: request.target })

async function start(
  { source, parts, signal, onProgress }: FileCopyRequest,
  target: { readonly target?: string },
): Promise<bigint> {
  signal.throwIfAborted()
  const list = new BigUint64Array(parts.length * 3)
  parts.forEach(({ offset, length, fileOffset }, index) => {
    if (offset < 0n || length < 0n || (fileOffset ?? 0n) < 0n) throw new RangeError('a part is negative')
    list.set([fileOffset ?? nowhere, offset, length], index * 3)
  })
  const job = loadAddon().startFileCopy({ source, ...target, parts: list }, onProgress)
  const abort = (): void => job.abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    const { readBytes, pageSum } = await job.promise
    onProgress(readBytes)
    return pageSum
  } catch (error) {
    signal.throwIfAborted()
    throw asNbdError(error)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
