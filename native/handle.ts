import { asNbdError } from './errors.js'
import { loadAddon, type NativeHandle } from './load.js'
import { type AllocationExtent, type ConnectTarget, type ExportInfo } from './types.js'

/** NBD spec, base:allocation: NBD_STATE_HOLE and NBD_STATE_ZERO. */
const stateHole = 1
const stateZero = 2
/** A block status length is a 32-bit field; 2 GiB keeps clear of its edge. */
const maxStatusBytes = 2n ** 31n

export interface CallOptions {
  /**
   * Rejects the call with the signal's reason at once. NBD cannot take a request back: one already sent may still take
   * effect on the server.
   */
  readonly signal?: AbortSignal
}

/**
 * One NBD connection. Calls may overlap; they are sent at once and settle in the order of the server's answers. Failures
 * are NbdError. A connection that dies rejects every open call with ENOTCONN.
 */
export class NbdHandle {
  readonly info: ExportInfo
  readonly #native: NativeHandle

  constructor(native: NativeHandle) {
    this.#native = native
    this.info = native.info()
  }

  /** At most 64 MiB. */
  pread(offset: bigint, length: bigint, options?: CallOptions): Promise<Buffer> {
    return settle(options?.signal, () => this.#native.pread(offset, length))
  }

  /** The data is copied before the call returns. */
  pwrite(offset: bigint, data: Uint8Array, options?: CallOptions): Promise<void> {
    return settle(options?.signal, () => this.#native.pwrite(offset, data))
  }

  /** Makes the range read as zeroes; with `mayTrim` the server may free the space. */
  zero(
    offset: bigint,
    length: bigint,
    options?: CallOptions & { readonly mayTrim?: boolean },
  ): Promise<void> {
    return settle(options?.signal, () => this.#native.zero(offset, length, options?.mayTrim ?? false))
  }

  /** A hint: what the range reads as afterwards is undefined (NBD spec, NBD_CMD_TRIM). */
  trim(offset: bigint, length: bigint, options?: CallOptions): Promise<void> {
    return settle(options?.signal, () => this.#native.trim(offset, length))
  }

  /** Resolves when everything acknowledged on this connection is durable. Never repeat it after an error. */
  flush(options?: CallOptions): Promise<void> {
    return settle(options?.signal, () => this.#native.flush())
  }

  /**
   * The allocation map of the whole range, neighbours of one state joined. Undefined when the server has no
   * `base:allocation`: then nothing is known, in particular not that anything is zero.
   */
  async blockStatus(
    offset: bigint,
    length: bigint,
    options?: CallOptions,
  ): Promise<AllocationExtent[] | undefined> {
    if (!this.info.hasAllocationContext) return undefined
    const extents: AllocationExtent[] = []
    const end = offset + length
    let at = offset
    while (at < end) {
      const span = end - at < maxStatusBytes ? end - at : maxStatusBytes
      const from = at
      const entries = await settle(options?.signal, () => this.#native.blockStatus(from, span))
      for (const entry of entries) {
        const usable = entry.length < end - at ? entry.length : end - at
        append(extents, at, usable, entry.flags)
        at += usable
      }
      if (at === from) throw new Error('the NBD server described nothing of the range it was asked for')
    }
    return extents
  }

  /** Ends the session; open calls reject with ESHUTDOWN. A second close does nothing. */
  close(): void {
    this.#native.close()
  }
}

/** Connects. Rejects with NbdError, or with the signal's reason when it aborts first; nothing stays open then. */
export async function openNbd(target: ConnectTarget, options?: CallOptions): Promise<NbdHandle> {
  options?.signal?.throwIfAborted()
  const native = new (loadAddon().Handle)()
  const abort = (): void => native.close()
  options?.signal?.addEventListener('abort', abort, { once: true })
  try {
    await native.connect(target)
    options?.signal?.throwIfAborted()
    return new NbdHandle(native)
  } catch (error) {
    native.close()
    options?.signal?.throwIfAborted()
    throw asNbdError(error)
  } finally {
    options?.signal?.removeEventListener('abort', abort)
  }
}

function append(extents: AllocationExtent[], offset: bigint, length: bigint, flags: number): void {
  if (length === 0n) return
  const hole = (flags & stateHole) !== 0
  const zero = (flags & stateZero) !== 0
  const last = extents.at(-1)
  if (last !== undefined && last.hole === hole && last.zero === zero) {
    extents[extents.length - 1] = { ...last, length: last.length + length }
  } else {
    extents.push({ offset, length, hole, zero })
  }
}

async function settle<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  const outcome = call().catch((error: unknown) => {
    throw asNbdError(error)
  })
  if (signal === undefined) return outcome
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(reasonOf(signal))
    signal.addEventListener('abort', abort, { once: true })
    outcome.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

const reasonOf = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason })
