import { asNbdError } from './errors.js'
import { loadAddon, type NativeRequest } from './load.js'
import { joined, type PlainExtent } from './manifest.js'
import {
  type ConnectTarget,
  type CopyCounters,
  type CopyExtent,
  type CopyRequest,
  type CopyResult,
  type CopySettings,
  type HashSettings,
  type Manifest,
} from './types.js'

/** A copy that runs. */
export interface RunningCopy {
  readonly result: Promise<CopyResult>
  /** What is in flight still finishes; nothing new is read. */
  pause(): void
  resume(): void
  /** Bytes read from the source in a second; undefined lifts the limit. */
  setRate(bytesPerSecond: bigint | undefined): void
}

/**
 * Copies the extents from source to target on native threads and flushes every target connection. Rejects with NbdError
 * (its `side` says whose fault, its `durableBelow` what is safe) or the signal's reason; then the target holds an unknown
 * mixture of old and new inside the extents, and all threads and connections have ended. A lost connection, and once a
 * failed flush, send the copy back to its last durable mark; any other failed request fails the copy.
 */
export async function copy(request: CopyRequest): Promise<CopyResult> {
  return startCopy(request).result
}

export function startCopy(request: CopyRequest): RunningCopy {
  const { signal, onProgress, hash, extents, mode = 'copy', ...plain } = request
  return start({ ...plain, mode }, extents, { hash, signal, onProgress })
}

/** Reads one side and gives its digests. Rejects as copy() does. */
export async function hashDisk(
  request: CopySettings & {
    readonly source: ConnectTarget
    readonly extents: readonly CopyExtent[]
    readonly hash: HashSettings
    readonly signal?: AbortSignal
    readonly onProgress?: CopyRequest['onProgress']
  },
): Promise<Manifest> {
  const { signal, onProgress, hash, extents, ...plain } = request
  const running = start({ ...plain, mode: 'hash', targetIsZero: false }, extents, {
    hash,
    signal,
    onProgress,
  })
  const { manifest } = await running.result
  if (manifest === undefined) throw new Error('the addon gave no digests')
  return manifest
}

interface Extras {
  readonly hash: HashSettings | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: CopyRequest['onProgress']
}

function start(
  request: Omit<NativeRequest, 'extents'> & CopySettings,
  wanted: readonly CopyExtent[],
  { hash, signal, onProgress }: Extras,
): RunningCopy {
  if (signal?.aborted === true) return stillborn(signal)
  const extents = hash === undefined && request.sumsPages !== true ? wanted : joined(wanted)
  const hashing =
    hash === undefined
      ? {}
      : { hashAlgorithm: hash.algorithm, hashBlockBytes: hash.blockBytes ?? 1024 * 1024 }
  const rate = rateMeter()
  const job = loadAddon().startCopy({ ...request, ...hashing, extents: flat(extents) }, counters => {
    onProgress?.({ ...counters, rateBytesPerSec: rate(counters) })
  })
  const abort = (): void => job.abort()
  signal?.addEventListener('abort', abort, { once: true })
  const settle = async (): Promise<CopyResult> => {
    try {
      const { digests, ...result } = await job.promise
      onProgress?.({ ...result, rateBytesPerSec: rate(result) })
      if (hash === undefined || digests === undefined) return result
      const blockBytes = hash.blockBytes ?? 1024 * 1024
      const covered = above(extents, request.resumeFrom ?? 0n)
      return { ...result, manifest: { algorithm: hash.algorithm, blockBytes, extents: covered, digests } }
    } catch (error) {
      signal?.throwIfAborted()
      throw asNbdError(error)
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }
  return {
    result: settle(),
    pause: () => job.setPaused(true),
    resume: () => job.setPaused(false),
    setRate: bytesPerSecond => job.setRate(bytesPerSecond ?? 0n),
  }
}

function stillborn(signal: AbortSignal): RunningCopy {
  const nothing = (): void => undefined
  const reason = async (): Promise<never> => {
    signal.throwIfAborted()
    return Promise.reject(new Error('aborted'))
  }
  return { result: reason(), pause: nothing, resume: nothing, setRate: nothing }
}

function flat(extents: readonly CopyExtent[]): BigUint64Array {
  const list = new BigUint64Array(extents.length * 2)
  extents.forEach(({ offset, length }, index) => {
    if (offset < 0n || length < 0n) throw new RangeError('an extent is negative')
    list[index * 2] = offset
    list[index * 2 + 1] = length
  })
  return list
}

const above = (extents: readonly CopyExtent[], mark: bigint): PlainExtent[] =>
  extents.flatMap(({ offset, length }) => {
    const from = offset > mark ? offset : mark
    return offset + length <= mark ? [] : [{ offset: from, length: offset + length - from }]
  })

/** Bytes read per second over the last few reports: long enough to be steady, short enough to show a stall. */
function rateMeter(): (counters: CopyCounters) => bigint {
  const samples: { readonly atMs: number; readonly bytes: bigint }[] = [
    { atMs: performance.now(), bytes: 0n },
  ]
  return counters => {
    samples.push({ atMs: performance.now(), bytes: counters.readBytes })
    if (samples.length > 7) samples.shift()
    const first = samples[0]
    const last = samples.at(-1)
    if (first === undefined || last === undefined || last.atMs <= first.atMs || last.bytes < first.bytes)
      return 0n
    return ((last.bytes - first.bytes) * 1000n) / BigInt(Math.max(1, Math.round(last.atMs - first.atMs)))
  }
}
