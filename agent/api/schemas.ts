import { Type, type Static } from 'typebox'
import { errorTable, type ErrorCode } from '../errors.js'
import { ReplicaView, StagingPolicy, StagingView } from './staging.js'

/** Byte counts travel as decimal strings: JSON numbers lose exactness above 2^53. */
export const BytesText = Type.String({ pattern: '^[0-9]{1,20}$', description: 'bytes, decimal' })
/** RFC 3339 in UTC. */
export const Instant = Type.String({ format: 'date-time' })
export const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9-]+$' })

export const ErrorCodeText = Type.Unsafe<ErrorCode>({ type: 'string', enum: Object.keys(errorTable) })
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const FailureView = Type.Object({
  code: ErrorCodeText,
  message: Type.String(),
  next: Type.String({ description: 'what the operator does next' }),
})
export type FailureView = Static<typeof FailureView>

export const ErrorReply = Type.Object({
  code: ErrorCodeText,
  message: Type.String(),
  next: Type.String(),
  requestId: Type.String(),
})
export type ErrorReply = Static<typeof ErrorReply>

/** `unknown` is not `off`: it says the VMA has not told. */
export const PowerState = Type.Union([
  Type.Literal('on'),
  Type.Literal('off'),
  Type.Literal('suspended'),
  Type.Literal('unknown'),
])
export type PowerState = Static<typeof PowerState>

/** `compare` reads both sides and sends the differences: of a disk copied before whose changes cannot be told. */
export const SyncType = Type.Union([
  Type.Literal('full'),
  Type.Literal('incremental'),
  Type.Literal('compare'),
])
export type SyncType = Static<typeof SyncType>

export const PassState = Type.Union([
  Type.Literal('intent'),
  Type.Literal('snapped'),
  Type.Literal('copying'),
  Type.Literal('flushed'),
  Type.Literal('verified'),
  Type.Literal('committed'),
  Type.Literal('applied'),
  Type.Literal('failed'),
])
export type PassState = Static<typeof PassState>

/**
 * Progress of one disk in one pass. `syncType`, `plannedBytes` and `rateBytesPerSec` are null until known. `plannedBytes`
 * is what has to be read from the source: allocated bytes in a full pass and in a compare, changed bytes in an incremental
 * one; `readBytes` counts up to it. `writtenBytes` + `zeroedBytes` is what reached the target; `skippedBytes` needed no request at all.
 */
export const PassDiskView = Type.Object({
  diskKey: Id,
  label: Type.String(),
  capacityBytes: BytesText,
  volumeId: Nullable(Id),
  syncType: Nullable(SyncType),
  plannedBytes: Nullable(BytesText),
  readBytes: BytesText,
  writtenBytes: BytesText,
  zeroedBytes: BytesText,
  skippedBytes: BytesText,
  sentAgainBytes: Type.String({
    pattern: '^[0-9]{1,20}$',
    description: 'read by a try that broke and not durable then; in written and zeroed they count twice',
  }),
  retriedRequests: Type.Integer({ minimum: 0 }),
  seconds: Nullable(Type.Number({ description: 'spent copying this disk; null until it has ended' })),
  changeIdBefore: Nullable(Type.String()),
  changeIdAfter: Nullable(Type.String({ description: 'null until the pass is committed' })),
  fallbacks: Type.Array(Type.String(), { description: 'what could not be done as it should, in words' }),
})
export type PassDiskView = Static<typeof PassDiskView>

export const StepState = Type.Union([
  Type.Literal('waiting'),
  Type.Literal('running'),
  Type.Literal('done'),
  Type.Literal('failed'),
  Type.Literal('undoing'),
  Type.Literal('undone'),
  Type.Literal('undo-failed'),
])
export type StepState = Static<typeof StepState>

export const StepView = Type.Object({
  name: Type.String(),
  title: Type.String({ description: 'the step in the words of an operator' }),
  state: StepState,
  startedAt: Nullable(Instant),
  endedAt: Nullable(Instant),
  failure: Nullable(FailureView),
})
export type StepView = Static<typeof StepView>

/** `mixed`: the disks are not all of one type. */
export const PassView = Type.Object({
  id: Id,
  jobId: Id,
  number: Type.Integer({ minimum: 1 }),
  state: PassState,
  sagaState: Type.Union([
    Type.Literal('running'),
    Type.Literal('unwinding'),
    Type.Literal('done'),
    Type.Literal('needs-operator'),
  ]),
  syncType: Nullable(Type.Union([SyncType, Type.Literal('mixed')])),
  startedAt: Instant,
  endedAt: Nullable(Instant),
  plannedBytes: Nullable(BytesText),
  movedBytes: BytesText,
  rateBytesPerSec: Nullable(BytesText),
  etaSeconds: Nullable(Type.Integer({ minimum: 0 })),
  failure: Nullable(FailureView),
  held: Type.Boolean({ description: 'the VMA has confirmed that nothing of it moves' }),
  resumedCount: Type.Integer({
    minimum: 0,
    description: 'how often a restarted agent took the pass up again',
  }),
})
export type PassView = Static<typeof PassView>

/**
 * What the guest knew of the moment its disks were frozen. `crash`: nothing, they are as a power cut would leave them.
 */
export const Consistency = Type.Union([
  Type.Literal('powered-off'),
  Type.Literal('quiesced'),
  Type.Literal('crash'),
])
export type Consistency = Static<typeof Consistency>

/** `final` reads a VM that is off, without a snapshot. */
export const PassMode = Type.Union([Type.Literal('snapshot'), Type.Literal('final')])
export type PassMode = Static<typeof PassMode>
export const StartPass = Type.Union([
  Type.Object({ mode: Type.Optional(PassMode) }, { additionalProperties: false }),
  Type.Null(),
])

export const PassDetailView = Type.Object({
  ...PassView.properties,
  mode: PassMode,
  consistency: Nullable(Consistency),
  staging: StagingView,
  notes: Type.Array(Type.String(), {
    description: 'what did not go as it should, without breaking the pass',
  }),
  brokenCopies: Type.Array(Type.Object({ endedAt: Instant, failure: FailureView }), {
    description: 'tries of the copy that broke, oldest first; each next one went on from the durable marks',
  }),
  disks: Type.Array(PassDiskView),
  steps: Type.Array(StepView),
})
export type PassDetailView = Static<typeof PassDetailView>

export const JobDiskView = Type.Object({
  diskKey: Id,
  label: Type.String(),
  capacityBytes: BytesText,
  volumeId: Nullable(Id),
  changeId: Nullable(
    Type.String({ description: 'of the last committed pass; null: the next pass looks at the whole disk' }),
  ),
})
export type JobDiskView = Static<typeof JobDiskView>

/** What a job is doing, worst first where several hold. */
export const JobState = Type.Union([
  Type.Literal('needs-operator'),
  Type.Literal('replicating'),
  Type.Literal('pausing'),
  Type.Literal('paused'),
  Type.Literal('stopping'),
  Type.Literal('cleaning-up'),
  Type.Literal('failed'),
  Type.Literal('stopped'),
  Type.Literal('protected'),
  Type.Literal('unprotected'),
  Type.Literal('new'),
])
export type JobState = Static<typeof JobState>

/** Two VMs may have one name: `folder` and `host` tell them apart, `id` (the instance UUID) is what the VM is. */
export const SourceVmView = Type.Object({
  id: Id,
  name: Type.String(),
  folder: Type.String({ description: 'datacenter and folders, parted by /; empty: vCenter does not tell' }),
  host: Nullable(Type.String({ description: 'the ESXi host; null: vCenter does not tell' })),
  power: PowerState,
  diskCount: Type.Integer({ minimum: 0 }),
  capacityBytes: BytesText,
  seenAt: Instant,
  managedAt: Nullable(
    Type.String({ format: 'date-time', description: 'when it came into management; null: it is not' }),
  ),
  jobId: Nullable(Id),
  jobState: Nullable(JobState),
})
export type SourceVmView = Static<typeof SourceVmView>
export const SourceVmList = Type.Object({ items: Type.Array(SourceVmView), next: Nullable(Id) })
export type SourceVmList = Static<typeof SourceVmList>

export const JobView = Type.Object({
  id: Id,
  sourceVmId: Id,
  vmName: Type.String(),
  state: JobState,
  createdAt: Instant,
  recoveryPointAt: Nullable(
    Type.String({
      format: 'date-time',
      description: 'when the source snapshot of the newest committed pass was taken',
    }),
  ),
  replica: ReplicaView,
  pausedAt: Nullable(
    Type.String({
      format: 'date-time',
      description: 'its pass moves nothing and it starts none; null: not paused',
    }),
  ),
  stoppedAt: Nullable(
    Type.String({ format: 'date-time', description: 'it starts no pass any more; null: not stopped' }),
  ),
  currentPass: Nullable(PassView),
  lastPass: Nullable(PassView),
})
export type JobView = Static<typeof JobView>

/** Whether the guest is asked to bring its file systems in order before a snapshot; `preferred` goes on without it. */
export const QuiescePolicy = Type.Union([
  Type.Literal('required'),
  Type.Literal('preferred'),
  Type.Literal('off'),
])
export type QuiescePolicy = Static<typeof QuiescePolicy>

/** `unknown`: nobody can tell what changed since the recovery point, so nothing was compared. It is never `identical`. */
export const VerifiedState = Type.Union([
  Type.Literal('identical'),
  Type.Literal('different'),
  Type.Literal('unknown'),
])
export type VerifiedState = Static<typeof VerifiedState>

/** The newest verification that ended, in short; `state` null: it failed. */
export const LastVerification = Type.Object({
  id: Id,
  state: Nullable(VerifiedState),
  endedAt: Instant,
  recoveryPointAt: Instant,
  blocks: Type.Integer({ minimum: 0 }),
  differingBlocks: Type.Integer({ minimum: 0 }),
  failure: Nullable(FailureView),
})
export type LastVerification = Static<typeof LastVerification>

export const JobDetailView = Type.Object({
  ...JobView.properties,
  quiesce: QuiescePolicy,
  stagingPolicy: StagingPolicy,
  lastVerification: Nullable(LastVerification),
  disks: Type.Array(JobDiskView),
})
export type JobDetailView = Static<typeof JobDetailView>

export const CreateJob = Type.Object(
  {
    sourceVmId: Id,
    quiesce: Type.Optional(QuiescePolicy),
    stagingPolicy: Type.Optional(StagingPolicy),
    volumes: Type.Optional(
      Type.Array(Type.Object({ diskKey: Id, volumeId: Id }, { additionalProperties: false }), {
        description:
          'existing volumes, attached to this appliance, to write to; a disk not named here gets a new volume',
      }),
    ),
  },
  { additionalProperties: false },
)
export type CreateJob = Static<typeof CreateJob>

/** What a deleted job leaves in CloudStack. */
export const LeftVolumes = Type.Object({
  volumes: Type.Array(Type.Object({ diskKey: Id, label: Type.String(), volumeId: Id })),
})
export type LeftVolumes = Static<typeof LeftVolumes>

export const ChangeJob = Type.Object(
  { quiesce: Type.Optional(QuiescePolicy), stagingPolicy: Type.Optional(StagingPolicy) },
  { additionalProperties: false, minProperties: 1 },
)
export type ChangeJob = Static<typeof ChangeJob>

/**
 * What the OMA knows of its VMA and of vCenter. `unknown`: nothing was heard yet. `refused`: the VMA is of a version that
 * does not work with this OMA, `failure` says which.
 */
export const StatusView = Type.Object({
  version: Type.String(),
  now: Instant,
  vma: Type.Object({
    state: Type.Union([
      Type.Literal('connected'),
      Type.Literal('lost'),
      Type.Literal('refused'),
      Type.Literal('unknown'),
    ]),
    lastSeenAt: Nullable(Instant),
    version: Nullable(Type.String({ description: 'of the VMA that was heard last' })),
    failure: Nullable(FailureView),
  }),
  source: Type.Object({
    state: Type.Union([Type.Literal('ok'), Type.Literal('failed'), Type.Literal('unknown')]),
    failure: Nullable(FailureView),
    checkedAt: Nullable(Instant),
  }),
})
export type StatusView = Static<typeof StatusView>

export const JobList = Type.Object({ items: Type.Array(JobView) })
export const PassList = Type.Object({ items: Type.Array(PassView) })
