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

export type HashAlgorithm = 'xxh3-128' | 'sha256'

export interface HashSettings {
  /** xxh3-128 finds damage; sha256 also stands against a peer that wants to deceive. */
  readonly algorithm: HashAlgorithm
  /** A power of two, 64 KiB to 1 MiB; default 1 MiB. */
  readonly blockBytes?: number
}

/**
 * A digest for each block of the extents. A block is what an extent holds of one unit of `blockBytes` of the disk, so the
 * blocks follow from the extents; `digests` holds theirs in order.
 */
export interface Manifest {
  readonly algorithm: HashAlgorithm
  readonly blockBytes: number
  readonly extents: readonly CopyExtent[]
  readonly digests: Buffer
}

/** Everything that can be left to the engine. */
export interface CopySettings {
  /**
   * Connection pairs; default: one for each 64 MiB begun, at most min(cores, 4), where both servers advertise multi-conn,
   * else 1.
   */
  readonly connections?: number
  /** Bytes per request; default 512 KiB. */
  readonly requestBytes?: number
  /** Requests of that size in flight per pair, default 4, 8 on one pair alone; smaller ones go further ahead. */
  readonly depth?: number
  readonly progressIntervalMs?: number
  /** For one request, and for connecting; a flush has five times as long. Default one minute. */
  readonly requestTimeoutMs?: number
  /** How long a lost connection is tried again; default 3 s. */
  readonly reconnectWindowMs?: number
  /** How often the targets are flushed to move the durable mark; default 10 s. */
  readonly markIntervalMs?: number
  /**
   * Whether the source is asked which ranges are zero, ahead of the copy. The default, 'where-worth-it', asks unless the
   * extents are on average no longer than a request: what is zero in those is read and found by the zero test.
   */
  readonly allocationMap?: 'where-worth-it' | 'always' | 'never'
  /** A durable mark of an earlier copy: what the extents hold below it is left out. */
  readonly resumeFrom?: bigint
  /**
   * Sums the pages read, to be compared with what the target holds (see `PageSum` in src/page_sum.h). Extents that meet
   * inside a page are joined first.
   */
  readonly sumsPages?: boolean
  /** The sum below `resumeFrom`, as the earlier copy reported it with its mark. */
  readonly resumeSum?: bigint
  /** Limit on what is read from the source; it can be changed while the copy runs. */
  readonly bytesPerSecond?: bigint
}

export interface CopyRequest extends CopySettings {
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
  /** 'compare' reads both sides and sends the differences. */
  readonly mode?: 'copy' | 'compare'
  /** Hashes what is read on its way. */
  readonly hash?: HashSettings
  readonly signal?: AbortSignal
  /** Called at most each `progressIntervalMs` (default 500), and once at the end. */
  readonly onProgress?: (progress: CopyCounters & { readonly rateBytesPerSec: bigint }) => void
}

/**
 * Bytes. After a successful copy: read + skipped-without-reading = the extents' total; every byte read was either
 * written or zeroed, or skipped because the target held it. A copy that goes back to a durable mark takes what it sends
 * again out of the counts, so they can fall. `retriedRequests` counts the pieces above the mark, which are sent again.
 */
export interface CopyCounters {
  readonly readBytes: bigint
  readonly writtenBytes: bigint
  readonly zeroedBytes: bigint
  readonly skippedBytes: bigint
  readonly retriedRequests: number
  readonly reconnects: number
  /** Everything in the extents below this offset was acknowledged and flushed on every connection. */
  readonly durableBelow: bigint
  /** Of the pages below it, where pages are summed. */
  readonly durableSum: bigint
}

export type CopyFallback =
  | 'source-has-no-allocation-map'
  | 'source-single-connection'
  | 'target-single-connection'
  | 'target-has-no-zero'
  | 'target-has-no-flush'
  | 'target-refused-fast-zero'
  | 'target-refused-zero'
  | 'source-map-refused'

export interface CopyResult extends CopyCounters {
  readonly seconds: number
  /** Pairs that had work: a short copy can be over before the last pair is connected. */
  /** Pairs that were connected while there was work. */
  readonly connections: number
  /** Target connections whose flush the server acknowledged; equals `connections` unless 'target-has-no-flush'. */
  readonly flushedConnections: number
  readonly requestBytes: number
  readonly depth: number
  /** Pairs whose thread stays on one CPU: all, unless there is one pair alone or more pairs than CPUs. */
  readonly pinnedLanes: number
  /** Whether the source's allocation map was asked for. */
  readonly readMap: boolean
  readonly fallbacks: readonly CopyFallback[]
  /** Of all pages read, with `resumeSum`; undefined unless asked for. */
  readonly pageSum?: bigint
  /** Undefined unless hashes were asked for. */
  readonly manifest?: Manifest
}
