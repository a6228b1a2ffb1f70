import { type OperationId, type SnapshotId, type TargetVmId, type VolumeId } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'

/** What can be done with a volume. A `vmId` of null is the VM this appliance is. */
export type VolumeRequest =
  | { readonly kind: 'create'; readonly label: string | null; readonly sizeBytes: Bytes }
  | { readonly kind: 'attach'; readonly volumeId: VolumeId; readonly vmId: TargetVmId | null }
  /** As the root disk of a VM that is off. */
  | { readonly kind: 'attach-root'; readonly volumeId: VolumeId; readonly vmId: TargetVmId }
  | { readonly kind: 'detach'; readonly volumeId: VolumeId; readonly vmId: TargetVmId | null }
  | { readonly kind: 'delete'; readonly volumeId: VolumeId }
  /** Ends the export of the volume, whoever holds it. */
  | { readonly kind: 'revoke'; readonly volumeId: VolumeId }
  /** Of a snapshot that nothing recorded needs; never asked for by operators as such. */
  | { readonly kind: 'delete-snapshot'; readonly volumeId: VolumeId; readonly snapshotId: SnapshotId }
  /** Takes the volume from a VM that is not needed any more, which is stopped for it, and brings it back here. */
  | { readonly kind: 'clean-up'; readonly volumeId: VolumeId; readonly vmId: TargetVmId }

export type OperationKind = VolumeRequest['kind']

export const operationKinds = [
  'create',
  'attach',
  'attach-root',
  'detach',
  'delete',
  'revoke',
  'delete-snapshot',
  'clean-up',
] as const satisfies readonly OperationKind[]

/** `pending`: it waits for its turn. */
export type OperationState = 'pending' | 'running' | 'succeeded' | 'failed'

export interface Operation {
  readonly id: OperationId
  readonly request: VolumeRequest
  readonly state: OperationState
  /** Null: a volume that has not been made yet. */
  readonly volumeId: VolumeId | null
}

/** What a finished operation made true. */
export type Outcome =
  | { readonly kind: 'made'; readonly name: string; readonly sizeBytes: Bytes }
  | { readonly kind: 'attached'; readonly vmId: TargetVmId; readonly devicePath: string | null }
  | { readonly kind: 'detached' }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'revoked' }
  | { readonly kind: 'snapshot-deleted' }
