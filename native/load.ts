import { createRequire } from 'node:module'
import {
  type ConnectTarget,
  type CopyCounters,
  type CopyResult,
  type CopySettings,
  type ExportInfo,
  type HashAlgorithm,
} from './types.js'

/** One connection as the addon gives it; rejections are plain failures (see errors.ts). */
export interface NativeHandle {
  connect(target: ConnectTarget): Promise<void>
  info(): ExportInfo
  pread(offset: bigint, length: bigint): Promise<Buffer>
  pwrite(offset: bigint, data: Uint8Array): Promise<void>
  zero(offset: bigint, length: bigint, mayTrim: boolean): Promise<void>
  trim(offset: bigint, length: bigint): Promise<void>
  flush(): Promise<void>
  blockStatus(offset: bigint, length: bigint): Promise<{ readonly length: bigint; readonly flags: number }[]>
  close(): void
}

export interface NativeRequest {
  readonly source: ConnectTarget
  /** Left out only in mode 'hash'. */
  readonly target?: ConnectTarget
  readonly mode: 'copy' | 'compare' | 'hash'
  /** Offset and length by turns. */
  readonly extents: BigUint64Array
  readonly targetIsZero: boolean
  readonly hashAlgorithm?: HashAlgorithm
  readonly hashBlockBytes?: number
}

export interface NativeJob {
  readonly promise: Promise<Omit<CopyResult, 'manifest'> & { readonly digests?: Buffer }>
  abort(): void
  setPaused(paused: boolean): void
  /** 0 for no limit. */
  setRate(bytesPerSecond: bigint): void
}

export interface NativeFileCopy {
  readonly promise: Promise<{ readonly readBytes: bigint; readonly pageSum: bigint }>
  abort(): void
}

export interface NativeAddon {
  readonly Handle: new () => NativeHandle
  startCopy(request: NativeRequest & CopySettings, onProgress: (counters: CopyCounters) => void): NativeJob
  /** `parts`: offset in the file (all ones: zeroes), offset on the disk and length by turns. */
  startFileCopy(
    request: { readonly source: string; readonly target?: string; readonly parts: BigUint64Array },
    onProgress: (readBytes: bigint) => void,
  ): NativeFileCopy
}

/** Loads the addon built by `npm run build`; each JavaScript environment (main or worker thread) gets its own state. */
export function loadAddon(): NativeAddon {
  try {
    return createRequire(import.meta.url)('#nbd.node') as NativeAddon
  } catch (cause) {
    throw new Error(
      'the NBD addon cannot be loaded: run `npm run build`, and check that libnbd0 is installed',
      { cause },
    )
  }
}
