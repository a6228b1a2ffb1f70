import {
  type ExplanationView,
  type FailoverDetailView,
  type FailoverView,
  type NetworkMappingView,
} from '../api/failover.js'
import { type FailoverKind, type FailoverOptions } from '../domain/failover.js'
import { type NicMapping } from '../domain/network-mapping.js'

export interface StartFailover extends Partial<FailoverOptions> {
  /** The name of the VM as the operator typed it; an unplanned failover needs it. */
  readonly confirmedName?: string
}

/** What an operator asks for, each in one transaction. Nothing here waits for the work itself. */
export interface FailoverAdmin {
  /**
   * The same wish again gives the failover that goes on. Rejects with NOT_FOUND, FAILOVER_BUSY, FAILOVER_COMMITTED or
   * FAILOVER_NAME_MISMATCH.
   */
  readonly start: (
    sourceVmId: string,
    kind: FailoverKind,
    options: StartFailover,
  ) => Promise<{ readonly id: string }>
  /**
   * Records the saga that closes it, or finds the one that goes on; `retry` is a saga that is stuck and is to be tried at
   * once. Rejects with NOT_FOUND, FAILOVER_STATE or FAILOVER_NAME_MISMATCH.
   */
  readonly close: (
    id: string,
    action: 'commit' | 'roll-back' | 'clean-up',
    confirmedName: string | undefined,
  ) => Promise<{ readonly retry: string | null }>
  readonly cancel: (id: string) => Promise<{ readonly sagaId: string }>
}

export interface NetworkMappings {
  readonly of: (sourceVmId: string) => Promise<readonly NicMapping[]>
  /** All of the VM, in one transaction. Rejects with FAILOVER_NETWORK_SHARED. */
  readonly replace: (sourceVmId: string, mappings: readonly NicMapping[]) => Promise<void>
}

export interface FailoverViews {
  readonly failovers: (sourceVmId: string | undefined) => Promise<FailoverView[]>
  /** Rejects with NOT_FOUND. */
  readonly failover: (id: string) => Promise<FailoverDetailView>
}

/** All that the API needs for failovers. */
export interface FailoverControl {
  readonly admin: FailoverAdmin
  readonly views: FailoverViews
  readonly networks: {
    /** With the network cards of the newest known hardware. */
    readonly of: (sourceVmId: string) => Promise<NetworkMappingView>
    /** Names are resolved to ids and kept with them. Rejects with REQUEST_INVALID or FAILOVER_NETWORK_SHARED. */
    readonly replace: (
      sourceVmId: string,
      wanted: readonly {
        readonly nicKey: string
        readonly mode: NicMapping['mode']
        readonly networkId: string
        readonly mac: NicMapping['mac']
      }[],
      signal: AbortSignal,
    ) => Promise<NetworkMappingView>
  }
  readonly explain: (
    sourceVmId: string,
    kind: FailoverKind,
    options: Partial<FailoverOptions>,
    signal: AbortSignal,
  ) => Promise<ExplanationView>
  readonly onWork: () => void
  readonly onCancel: (sagaId: string) => void
  readonly onRetry: (sagaId: string) => void
}
