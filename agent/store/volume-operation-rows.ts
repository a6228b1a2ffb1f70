import { snapshotId, targetVmId, volumeId } from '../domain/ids.js'
import { type Json } from '../domain/json.js'
import {
  type OperationKind,
  type OperationState,
  type Outcome,
  type VolumeRequest,
} from '../volume-controller/operation.js'

export interface OperationRow {
  readonly number: string
  readonly id: string
  readonly idempotency_key: string
  readonly kind: OperationKind
  readonly request: string
  readonly saga_id: string
  readonly state: OperationState
  readonly volume_id: string | null
  readonly outcome: string | null
  readonly drift: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
  readonly requested_at: Date
  readonly started_at: Date | null
  readonly ended_at: Date | null
}

/** A volume that an operation made; gone with it. */
export interface VolumeRow {
  readonly id: string
  readonly name: string
  readonly size_bytes: string
  readonly vm_id: string | null
  readonly updated_at: Date
}

export const unfinished: readonly OperationState[] = ['pending', 'running']

/** The same request has the same text, which is how a repeated one is told from another. */
export function requestText(request: VolumeRequest): string {
  const { kind } = request
  const fields: Json =
    request.kind === 'create'
      ? { label: request.label, sizeBytes: request.sizeBytes.toString() }
      : request.kind === 'delete-snapshot'
        ? { volumeId: request.volumeId, vmId: null, snapshotId: request.snapshotId }
        : { volumeId: request.volumeId, vmId: 'vmId' in request ? request.vmId : null }
  return JSON.stringify({ kind, ...fields })
}

interface SavedRequest {
  readonly label: string | null
  readonly sizeBytes: string
  readonly volumeId: string
  readonly vmId: string | null
  /** Of a `delete-snapshot` only. */
  readonly snapshotId?: string
}

export function requestOf(row: Pick<OperationRow, 'id' | 'kind' | 'request'>): VolumeRequest {
  const saved = JSON.parse(row.request) as SavedRequest
  const vm = saved.vmId === null ? null : targetVmId(saved.vmId)
  const needed = () => {
    if (vm === null) throw new Error(`operation ${row.id} has no VM`)
    return vm
  }
  switch (row.kind) {
    case 'create':
      return { kind: 'create', label: saved.label, sizeBytes: BigInt(saved.sizeBytes) }
    case 'attach':
    case 'detach':
      return { kind: row.kind, volumeId: volumeId(saved.volumeId), vmId: vm }
    case 'attach-root':
    case 'clean-up':
      return { kind: row.kind, volumeId: volumeId(saved.volumeId), vmId: needed() }
    case 'delete-snapshot':
      if (saved.snapshotId === undefined) throw new Error(`operation ${row.id} has no snapshot`)
      return {
        kind: 'delete-snapshot',
        volumeId: volumeId(saved.volumeId),
        snapshotId: snapshotId(saved.snapshotId),
      }
    case 'delete':
    case 'revoke':
      return { kind: row.kind, volumeId: volumeId(saved.volumeId) }
  }
}

export const outcomeText = (outcome: Outcome): string =>
  JSON.stringify(outcome.kind === 'made' ? { ...outcome, sizeBytes: outcome.sizeBytes.toString() } : outcome)
