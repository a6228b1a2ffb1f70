import { createRequire } from 'node:module'
import {
  type ConnectTarget,
  type CopyCounters,
  type CopyRequest,
  type CopyResult,
  type ExportInfo,
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

export type NativeCounters = Omit<CopyCounters, 'retriedRequests'>

export interface NativeAddon {
  readonly Handle: new () => NativeHandle
  startCopy(
    request: Omit<CopyRequest, 'signal' | 'onProgress'>,
    onProgress: (counters: NativeCounters) => void,
  ): { readonly promise: Promise<Omit<CopyResult, 'retriedRequests'>>; abort(): void }
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
