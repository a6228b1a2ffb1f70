import { Type, type Static, type TSchema } from 'typebox'
import { Hardware } from './hardware.js'
import { FindingView, PreflightResult, PreflightVm } from './preflight.js'
import {
  BytesText,
  Consistency,
  ErrorCodeText,
  Id,
  Instant,
  PowerState,
  QuiescePolicy,
  SyncType,
} from './schemas.js'

/**
 * What a VMA and the OMA say to each other. The VMA asks for work, keeps it by heartbeats that carry the lease's epoch, and
 * hands in one outcome. It remembers nothing: everything it needs is in the task.
 */
const ChangeIdText = Type.String({ minLength: 1, maxLength: 200 })
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const SourceDisk = Type.Object({
  diskKey: Id,
  label: Type.String(),
  capacityBytes: BytesText,
  backingUuid: Type.String({ description: 'empty: the server gives none' }),
  /** The datastore path of the file under all snapshots. */
  baseFile: Type.String({ maxLength: 2000 }),
  snapshotable: Type.Boolean(),
})
export type SourceDisk = Static<typeof SourceDisk>

export const InspectVm = Type.Object({ sourceVmId: Id })
export const InspectVmResult = Type.Object({
  name: Type.String(),
  power: PowerState,
  changeTracking: Type.Union([Type.Literal('on'), Type.Literal('off'), Type.Literal('unsupported')]),
  findings: Type.Array(FindingView),
  disks: Type.Array(SourceDisk),
})

export const CreateSnapshot = Type.Object({
  sourceVmId: Id,
  snapshotName: Type.String(),
  quiesce: QuiescePolicy,
})
export const ReadPoweredOff = Type.Object({ sourceVmId: Id })

/** The disks of a VM at one instant: frozen by a snapshot, or at rest because the VM is off. */
export const FrozenVm = Type.Object({
  createdAt: Instant,
  consistency: Consistency,
  /** What could not be done as it was asked for, in words. */
  notes: Type.Array(Type.String()),
  /** Why the changes of no disk can be told, so that all have to be looked at whole; null: they can. */
  fullReason: Nullable(Type.String()),
  /** From asking for the snapshot to its standing; null: none was taken. */
  freezeSeconds: Nullable(Type.Number({ minimum: 0 })),
  /** Of a VM that is off: has to be the same when the copy ends. Null for a snapshot. */
  stateToken: Nullable(Type.String()),
  hardware: Hardware,
  disks: Type.Array(Type.Object({ diskKey: Id, capacityBytes: BytesText, changeId: Nullable(ChangeIdText) })),
})

/** As domain/disk-start.ts has it. */
export const CopyStart = Type.Union([
  Type.Object({ kind: Type.Literal('full'), why: Nullable(Type.String()) }),
  Type.Object({ kind: Type.Literal('changes'), since: ChangeIdText }),
  Type.Object({ kind: Type.Literal('compare'), why: Type.String(), heldBytes: BytesText }),
])
export type CopyStart = Static<typeof CopyStart>

const PageSumText = Type.String({ pattern: '^[0-9a-f]{32}$' })
/** As domain/read-proof.ts has it. */
export const ReadProofText = Type.Object({
  areas: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sum: PageSumText,
})

export const DiskCounters = Type.Object({
  diskKey: Id,
  syncType: SyncType,
  plannedBytes: BytesText,
  readBytes: BytesText,
  writtenBytes: BytesText,
  zeroedBytes: BytesText,
  skippedBytes: BytesText,
  /** Read by an earlier try of the same copy and not durable when that broke. */
  sentAgainBytes: BytesText,
  /** Below this offset of the disk everything that `basis` asks for was flushed. */
  durableBelow: BytesText,
  /** Sum of the pages below it, 32 hex digits. */
  durableSum: PageSumText,
  /** Names what is read and which parts of it. */
  basis: Type.String({ maxLength: 64 }),
  retriedRequests: Type.Integer({ minimum: 0 }),
  rateBytesPerSec: BytesText,
  /** Null until the disk has ended. */
  seconds: Nullable(Type.Number({ minimum: 0 })),
  fallbacks: Type.Array(Type.String()),
})
export type DiskCounters = Static<typeof DiskCounters>

export const CopyDisk = Type.Object({
  diskKey: Id,
  start: CopyStart,
  /** What an earlier try of the same copy reported last, while its lease lasted; null: there was none. */
  earlier: Nullable(DiskCounters),
  exportSocket: Type.String(),
  exportName: Type.String(),
})
/** Where the bytes are read: in a snapshot, or in the disks of a VM that is off and has to stay so. */
export const CopySource = Type.Union([
  Type.Object({ kind: Type.Literal('snapshot'), name: Type.String() }),
  Type.Object({ kind: Type.Literal('powered-off'), stateToken: Type.String() }),
])
export const CopyDisks = Type.Object({
  sourceVmId: Id,
  from: CopySource,
  /** How gently the VM is read; see domain/pace.ts. */
  pace: Type.Object({
    level: Type.Integer({ minimum: 0, maximum: 8 }),
    bytesPerSec: Nullable(BytesText),
  }),
  disks: Type.Array(CopyDisk),
})
export type CopyDisks = Static<typeof CopyDisks>

export const CopyDisksResult = Type.Object({
  disks: Type.Array(
    Type.Object({
      ...DiskCounters.properties,
      /** Every target connection's flush was acknowledged; false only where the server has no flush. */
      flushed: Type.Boolean(),
      /** Null where both sides were read and only differences sent. */
      readProof: Nullable(ReadProofText),
    }),
  ),
  /** What happened to the snapshots of the VM meanwhile and makes its later changes doubtful; null: nothing. */
  disturbance: Nullable(Type.String()),
})
export type CopyDisksResult = Static<typeof CopyDisksResult>

export const HashAlgorithm = Type.Union([Type.Literal('xxh3-128'), Type.Literal('sha256')])

export const VerifyDisk = Type.Object({
  diskKey: Id,
  /** Of the recovery point; null: what changed since cannot be told. */
  since: Nullable(ChangeIdText),
  /** The part of the disk to look at. */
  fromBytes: BytesText,
  untilBytes: BytesText,
  exportSocket: Type.String(),
  exportName: Type.String(),
})
export const VerifyDisks = Type.Object({
  sourceVmId: Id,
  from: CopySource,
  algorithm: HashAlgorithm,
  blockBytes: Type.Integer({ minimum: 65_536, maximum: 1_048_576 }),
  /** For each side; null: no limit. One disk after the other with one. */
  bytesPerSecond: Nullable(BytesText),
  disks: Type.Array(VerifyDisk),
})

/** What was found of one disk. `leftOutBytes`: changed since the recovery point, so the sides may differ there. */
export const VerifiedDisk = Type.Union([
  Type.Object({
    kind: Type.Literal('compared'),
    diskKey: Id,
    blocks: Type.Integer({ minimum: 0 }),
    differingBlocks: Type.Integer({ minimum: 0 }),
    firstDifference: Nullable(BytesText),
    comparedBytes: BytesText,
    leftOutBytes: BytesText,
    sourceReadBytes: BytesText,
    targetReadBytes: BytesText,
  }),
  Type.Object({ kind: Type.Literal('unknown'), diskKey: Id, why: Type.String() }),
])
export type VerifiedDisk = Static<typeof VerifiedDisk>
export const VerifyDisksResult = Type.Object({ disks: Type.Array(VerifiedDisk) })

export const RemoveSnapshot = Type.Object({ sourceVmId: Id, snapshotName: Type.String() })
export const RemoveSnapshotResult = Type.Object({
  consolidated: Type.Literal(true),
  seconds: Type.Number({ minimum: 0 }),
})

/** As vCenter tells it now; `toolsRunning`: the guest can be asked to shut down. */
export const ReadPower = Type.Object({ sourceVmId: Id })
export const ReadPowerResult = Type.Object({ power: PowerState, toolsRunning: Type.Boolean() })

/** Asks the guest, and resolves when the VM is off. What to do with a guest that hangs is the OMA's word. */
export const ShutDownVm = Type.Object({
  sourceVmId: Id,
  seconds: Type.Integer({ minimum: 1, maximum: 3600 }),
  onHang: Type.Union([Type.Literal('abort'), Type.Literal('power-off')]),
})
export const ShutDownVmResult = Type.Object({
  how: Type.Union([Type.Literal('guest'), Type.Literal('forced'), Type.Literal('was-off')]),
  seconds: Type.Number({ minimum: 0 }),
})
export const PowerOnVm = Type.Object({ sourceVmId: Id })
export const PowerOnVmResult = Type.Object({ wasOn: Type.Boolean() })

/** Input and result of each kind of task. */
export const taskSchemas = {
  'inspect-vm': { input: InspectVm, result: InspectVmResult },
  'preflight-vm': { input: PreflightVm, result: PreflightResult },
  'create-snapshot': { input: CreateSnapshot, result: FrozenVm },
  'read-powered-off': { input: ReadPoweredOff, result: FrozenVm },
  'copy-disks': { input: CopyDisks, result: CopyDisksResult },
  'verify-disks': { input: VerifyDisks, result: VerifyDisksResult },
  'remove-snapshot': { input: RemoveSnapshot, result: RemoveSnapshotResult },
  'read-power': { input: ReadPower, result: ReadPowerResult },
  'shut-down-vm': { input: ShutDownVm, result: ShutDownVmResult },
  'power-on-vm': { input: PowerOnVm, result: PowerOnVmResult },
} as const
export type TaskKind = keyof typeof taskSchemas
export type TaskInput<K extends TaskKind> = Static<(typeof taskSchemas)[K]['input']>
export type TaskResult<K extends TaskKind> = Static<(typeof taskSchemas)[K]['result']>

const leased = <K extends TaskKind, Input extends TSchema>(kind: K, input: Input) =>
  Type.Object({
    id: Id,
    epoch: Type.Integer({ minimum: 1 }),
    leaseMs: Type.Integer({ minimum: 1 }),
    hold: Type.Boolean({ description: 'it begins, but moves nothing until a heartbeat says otherwise' }),
    kind: Type.Literal(kind),
    input,
  })
export const LeasedTask = Type.Union([
  leased('inspect-vm', InspectVm),
  leased('preflight-vm', PreflightVm),
  leased('create-snapshot', CreateSnapshot),
  leased('read-powered-off', ReadPoweredOff),
  leased('copy-disks', CopyDisks),
  leased('verify-disks', VerifyDisks),
  leased('remove-snapshot', RemoveSnapshot),
  leased('read-power', ReadPower),
  leased('shut-down-vm', ShutDownVm),
  leased('power-on-vm', PowerOnVm),
])
export type LeasedTask = Static<typeof LeasedTask>

export const LeaseRequest = Type.Object(
  { workerId: Id, waitMs: Type.Integer({ minimum: 0, maximum: 30_000 }) },
  { additionalProperties: false },
)

export const Heartbeat = Type.Object(
  {
    epoch: Type.Integer({ minimum: 1 }),
    progress: Type.Array(DiskCounters, { maxItems: 256 }),
    held: Type.Boolean({ description: 'nothing of the task moves' }),
  },
  { additionalProperties: false },
)
export type Heartbeat = Static<typeof Heartbeat>
export const HeartbeatReply = Type.Object({ cancel: Type.Boolean(), hold: Type.Boolean() })
export type HeartbeatReply = Static<typeof HeartbeatReply>

export const TaskOutcome = Type.Union([
  Type.Object({ kind: Type.Literal('done'), result: Type.Unknown() }, { additionalProperties: false }),
  Type.Object(
    { kind: Type.Literal('failed'), code: ErrorCodeText, message: Type.String({ maxLength: 2000 }) },
    { additionalProperties: false },
  ),
])
export type TaskOutcome = Static<typeof TaskOutcome>
export const TaskReport = Type.Object(
  { epoch: Type.Integer({ minimum: 1 }), outcome: TaskOutcome },
  { additionalProperties: false },
)

export const InventoryVm = Type.Object(
  {
    id: Id,
    name: Type.String({ maxLength: 1000 }),
    power: PowerState,
    diskCount: Type.Integer({ minimum: 0 }),
    capacityBytes: BytesText,
    folder: Type.String({ maxLength: 2000 }),
    host: Nullable(Type.String({ maxLength: 1000 })),
    passSnapshots: Type.Array(Type.String({ maxLength: 80 })),
  },
  { additionalProperties: false },
)
export type InventoryVm = Static<typeof InventoryVm>

/** One page of the inventory; VMs not named between `first` and `last` of one scan are gone from vCenter. */
export const InventoryPage = Type.Object(
  { scanId: Id, vms: Type.Array(InventoryVm, { maxItems: 1000 }), last: Type.Boolean() },
  { additionalProperties: false },
)
export type InventoryPage = Static<typeof InventoryPage>

export const SourceReport = Type.Union([
  Type.Object({ state: Type.Literal('ok') }, { additionalProperties: false }),
  Type.Object(
    { state: Type.Literal('failed'), code: ErrorCodeText, message: Type.String({ maxLength: 2000 }) },
    { additionalProperties: false },
  ),
])
export type SourceReport = Static<typeof SourceReport>
