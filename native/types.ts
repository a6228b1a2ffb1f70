/** Settings for TLS; all paths and names, never secrets. See nbd_set_tls(3). */
export interface TlsSettings {
  readonly mode: 'require'
  /** Directory with ca-cert.pem, client-cert.pem, client-key.pem (nbd_set_tls_certificates(3)). */
  readonly certificatesDir: string
  readonly verifyPeer: boolean
}

export type ConnectTarget =
  | { readonly kind: 'uri'; readonly uri: string; readonly tls?: TlsSettings }
  | { readonly kind: 'unix'; readonly path: string; readonly exportName: string; readonly tls?: TlsSettings }
  | { readonly kind: 'command'; readonly argv: readonly [string, ...string[]] }

/** What the server advertises. `null` where it said nothing. Sizes in bytes. */
export interface ExportInfo {
  readonly sizeBytes: bigint
  readonly readOnly: boolean
  readonly canFlush: boolean
  readonly canFua: boolean
  readonly canZero: boolean
  readonly canFastZero: boolean
  readonly canTrim: boolean
  readonly canMultiConn: boolean
  readonly canDf: boolean
  readonly canCache: boolean
  readonly hasAllocationContext: boolean
  readonly structuredReplies: boolean
  readonly tlsNegotiated: boolean
  readonly minBlockBytes: bigint | null
  readonly preferredBlockBytes: bigint | null
  readonly maxBlockBytes: bigint | null
}

/** A range of one allocation state; `hole`: not allocated, `zero`: reads as zeroes (NBD spec, base:allocation). */
export interface AllocationExtent {
  readonly offset: bigint
  readonly length: bigint
  readonly hole: boolean
  readonly zero: boolean
}

export interface CopyExtent {
  readonly offset: bigint
  readonly length: bigint
}

export interface CopyRequest {
  /** Where to read; opened read-only by the engine's own connections. */
  readonly source: ConnectTarget
  readonly target: ConnectTarget
  /** Sorted, disjoint, inside both exports. */
  readonly extents: readonly CopyExtent[]
  /**
   * True only when every byte of the target is known to read as zero; then ranges the source's map calls zero are
   * skipped, otherwise they are zeroed on the target.
   */
  readonly targetIsZero: boolean
  /** Connection pairs; default: min(cores, 4) where both servers advertise multi-conn, else 1. */
  readonly connections?: number
  /** Bytes per request; default 256 KiB with one pair, 512 KiB with several. */
  readonly requestBytes?: number
  /** Requests in flight per pair. */
  readonly depth?: number
  readonly signal?: AbortSignal
  /** Called at most each `progressIntervalMs` (default 500), and once at the end. */
  readonly onProgress?: (progress: CopyCounters & { readonly rateBytesPerSec: bigint }) => void
  readonly progressIntervalMs?: number
}

/**
 * Bytes. After a successful copy: read + skipped-without-reading = the extents' total;
 * every byte read was either written or zeroed. `retriedRequests` counts requests sent again after a server's
 * transient refusal.
 */
export interface CopyCounters {
  readonly readBytes: bigint
  readonly writtenBytes: bigint
  readonly zeroedBytes: bigint
  readonly skippedBytes: bigint
  readonly retriedRequests: number
}

export type CopyFallback =
  | 'source-has-no-allocation-map'
  | 'source-single-connection'
  | 'target-single-connection'
  | 'target-has-no-zero'
  | 'target-has-no-flush'

export interface CopyResult extends CopyCounters {
  readonly seconds: number
  readonly connections: number
  /** Target connections whose flush the server acknowledged; equals `connections` unless 'target-has-no-flush'. */
  readonly flushedConnections: number
  readonly fallbacks: readonly CopyFallback[]
}
