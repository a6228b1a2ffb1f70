declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A replication job: keeps one VM's disks copied to the target. */
export type JobId = Branded<'JobId'>
/** One run of a replication job. */
export type PassId = Branded<'PassId'>
/** Passes started together by one fire of a schedule, by an operator or for a recovery point objective. */
export type RoundId = Branded<'RoundId'>
/** Replication jobs that are scheduled together. */
export type GroupId = Branded<'GroupId'>
export type ScheduleId = Branded<'ScheduleId'>
/** One saga: a multi-step operation with its step log. */
export type SagaId = Branded<'SagaId'>
/** One comparison of a job's volumes with their source. */
export type VerificationId = Branded<'VerificationId'>
/** One recovery point of a job: all its disks at one instant. */
export type PointId = Branded<'PointId'>
/** What one writing over the volumes of a job saved of them. */
export type LayerId = Branded<'LayerId'>
/** One failover of a VM, from its start to what closed it. */
export type FailoverId = Branded<'FailoverId'>
/** One piece of work leased to a VMA. */
export type TaskId = Branded<'TaskId'>
/** The instanceUuid of a VM in vCenter: its identity, unlike name, path or managed object id. */
export type SourceVmId = Branded<'SourceVmId'>
/** The id of a volume in CloudStack. */
export type VolumeId = Branded<'VolumeId'>
/** The id of a volume's snapshot in CloudStack. */
export type SnapshotId = Branded<'SnapshotId'>
/** Snapshots of all volumes of one VM, taken together. */
export type SnapshotSetId = Branded<'SnapshotSetId'>
/** One operation on a volume that somebody asked for. */
export type OperationId = Branded<'OperationId'>
/** The id of a VM in CloudStack. */
export type TargetVmId = Branded<'TargetVmId'>
/** The first 20 hex digits of a volume's UUID: what CloudStack on KVM gives the disk as its serial. */
export type VolumeSerial = Branded<'VolumeSerial'>
/** The `key` of a virtual disk in its VM, stable for the life of the disk; decimal. */
export type DiskKey = Branded<'DiskKey'>
/** vSphere's opaque change ID of a disk at a snapshot. */
export type ChangeId = Branded<'ChangeId'>

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const isUuid = (text: string): boolean => uuidPattern.test(text)

export const jobId = (text: string): JobId => text as JobId
export const passId = (text: string): PassId => text as PassId
export const roundId = (text: string): RoundId => text as RoundId
export const groupId = (text: string): GroupId => text as GroupId
export const scheduleId = (text: string): ScheduleId => text as ScheduleId
export const verificationId = (text: string): VerificationId => text as VerificationId
export const pointId = (text: string): PointId => text as PointId
export const layerId = (text: string): LayerId => text as LayerId
export const failoverId = (text: string): FailoverId => text as FailoverId
export const sagaId = (text: string): SagaId => text as SagaId
export const taskId = (text: string): TaskId => text as TaskId
export const sourceVmId = (text: string): SourceVmId => text as SourceVmId
export const volumeId = (text: string): VolumeId => text as VolumeId
export const snapshotId = (text: string): SnapshotId => text as SnapshotId
export const snapshotSetId = (text: string): SnapshotSetId => text as SnapshotSetId
export const operationId = (text: string): OperationId => text as OperationId
export const targetVmId = (text: string): TargetVmId => text as TargetVmId
export const diskKey = (text: string): DiskKey => text as DiskKey
export const volumeSerial = (text: string): VolumeSerial => text as VolumeSerial
export const changeId = (text: string): ChangeId => text as ChangeId

/** CloudStack's `diskUuidToSerial`: the UUID without hyphens, first 20 characters. */
export const serialOfVolume = (volume: VolumeId): VolumeSerial =>
  volume.replaceAll('-', '').slice(0, 20).toLowerCase() as VolumeSerial
