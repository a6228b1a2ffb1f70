import { Type, type Static } from 'typebox'
import { BytesText, FailureView, Id, Instant, StepView } from './schemas.js'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
/** One of these words. */
const words = <const T extends readonly string[]>(...values: T) =>
  Type.Unsafe<T[number]>(Type.Union(values.map(value => Type.Literal(value))))

export const FailoverKind = words('test', 'live', 'unplanned')
export const NetworkMode = words('test', 'live')
export const MacPolicy = words('keep', 'new')

/** `running`: the VM of a test is up. `deciding`: the target is up, and the operator commits or rolls back. */
export const FailoverState = words(
  'starting',
  'running',
  'deciding',
  'cleaning-up',
  'committing',
  'rolling-back',
  'failed',
  'cleaned-up',
  'committed',
  'rolled-back',
)

const options = {
  onShutdownHang: Type.Optional(words('abort', 'power-off')),
  shutdownSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3600 })),
  keepMinutes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 20_160,
      description: 'a test is cleaned up by itself after so long',
    }),
  ),
  rootDiskKey: Type.Optional(
    Nullable(
      Type.String({ maxLength: 64, description: 'the disk to boot from; left out: the first of the source' }),
    ),
  ),
}

export const ExplainFailover = Type.Object(
  { kind: FailoverKind, ...options },
  { additionalProperties: false },
)
export type ExplainFailover = Static<typeof ExplainFailover>
export const StartFailover = Type.Object(
  {
    kind: FailoverKind,
    vmName: Type.Optional(
      Type.String({
        maxLength: 1000,
        description: 'the name of the VM, typed: an unplanned failover needs it',
      }),
    ),
    ...options,
  },
  { additionalProperties: false },
)
export type StartFailover = Static<typeof StartFailover>

export const RollBack = Type.Object(
  {
    vmName: Type.String({
      maxLength: 1000,
      description: 'the name of the VM, typed: what the target wrote is lost',
    }),
  },
  { additionalProperties: false },
)

export const FailoverFindingView = Type.Object({
  code: Type.String(),
  severity: words('blocker', 'warning', 'info'),
  what: Type.String(),
  remedy: Type.String(),
})

const PlannedCall = Type.Object({
  system: words('cloudstack', 'vsphere'),
  command: Type.String(),
  on: Type.String(),
})
const ExplainedStep = Type.Object({
  name: Type.String(),
  title: Type.String(),
  calls: Type.Array(PlannedCall),
  risk: Type.String(),
  seconds: Type.Number({ minimum: 0 }),
  basis: words('measured', 'assumed'),
  isDowntime: Type.Boolean(),
})

const PlannedNic = Type.Object({
  nicKey: Id,
  label: Type.String(),
  sourceNetwork: Type.String(),
  networkId: Id,
  networkName: Type.String(),
  macAddress: Nullable(Type.String({ description: 'null: CloudStack chooses one' })),
})
const PlannedDisk = Type.Object({
  diskKey: Id,
  label: Type.String(),
  capacityBytes: BytesText,
  volumeId: Id,
})
const PlannedMachine = Type.Object({
  hostName: Type.String(),
  serviceOffering: Type.String(),
  cpuCount: Nullable(Type.Integer({ minimum: 0 })),
  memoryMib: Nullable(Type.Integer({ minimum: 0 })),
  template: Type.String(),
  firmware: words('bios', 'uefi', 'uefi-secure'),
  nics: Type.Array(PlannedNic),
  disks: Type.Array(PlannedDisk, { description: 'the one it boots from first' }),
})

/** What a failover would do; `plan` is null while a finding blocks it. */
export const ExplanationView = Type.Object({
  kind: FailoverKind,
  findings: Type.Array(FailoverFindingView),
  plan: Nullable(
    Type.Object({
      machine: PlannedMachine,
      steps: Type.Array(ExplainedStep),
      closing: Type.Array(
        Type.Object({ action: words('commit', 'roll-back', 'clean-up'), steps: Type.Array(ExplainedStep) }),
      ),
      totalSeconds: Type.Number({ minimum: 0 }),
      downtimeSeconds: Type.Number({ minimum: 0 }),
      pointOfNoReturn: Type.String(),
    }),
  ),
})
export type ExplanationView = Static<typeof ExplanationView>

const BootEvidence = Type.Object({
  state: Type.String(),
  observedSeconds: Type.Number({ minimum: 0 }),
  addresses: Type.Array(Type.String()),
})

/** What was measured; null where the failover did not come so far. */
export const FailoverReport = Type.Object({
  pointAt: Nullable(Instant),
  pointPassId: Nullable(Id),
  secondsToUp: Nullable(Type.Number({ description: 'from the request until the target VM was up' })),
  downtimeSeconds: Nullable(
    Type.Number({ description: 'from the source seen off until the target VM was up' }),
  ),
  upSeconds: Nullable(Type.Number({ description: 'how long it was up when the failover was closed' })),
  evidence: Nullable(BootEvidence),
  networks: Type.Array(Type.Object({ nic: Type.String(), network: Type.String() })),
  disks: Type.Array(Type.Object({ label: Type.String(), capacityBytes: BytesText, volumeId: Id })),
  steps: Type.Array(Type.Object({ name: Type.String(), seconds: Type.Number() })),
})
export type FailoverReport = Static<typeof FailoverReport>

const SagaStateText = words('running', 'unwinding', 'done', 'needs-operator')

export const FailoverView = Type.Object({
  id: Id,
  jobId: Id,
  sourceVmId: Id,
  vmName: Type.String(),
  kind: FailoverKind,
  state: FailoverState,
  /** Of what works on it now, or did last; `needs-operator` is an alarm. */
  sagaState: SagaStateText,
  percent: Type.Integer({ minimum: 0, maximum: 100 }),
  targetVmId: Nullable(Id),
  pointAt: Nullable(Instant),
  requestedAt: Instant,
  upAt: Nullable(Instant),
  expiresAt: Nullable(Instant),
  endedAt: Nullable(Instant),
  failure: Nullable(FailureView),
  /** What can be done with it now. */
  actions: Type.Array(words('cancel', 'commit', 'roll-back', 'clean-up')),
})
export type FailoverView = Static<typeof FailoverView>
export const FailoverList = Type.Object({ items: Type.Array(FailoverView) })
export const FailoverQuery = Type.Object({ sourceVmId: Type.Optional(Id) }, { additionalProperties: false })

export const FailoverDetailView = Type.Object({
  ...FailoverView.properties,
  /** Replication waits for it. */
  holdsReplicas: Type.Boolean(),
  machine: Nullable(PlannedMachine),
  steps: Type.Array(StepView),
  /** Of what closes it; empty until somebody asked for that. */
  closingSteps: Type.Array(StepView),
  report: FailoverReport,
})
export type FailoverDetailView = Static<typeof FailoverDetailView>

export const ReplaceNetworks = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          nicKey: Id,
          mode: NetworkMode,
          networkId: Id,
          mac: MacPolicy,
        },
        { additionalProperties: false },
      ),
      { maxItems: 64 },
    ),
  },
  { additionalProperties: false },
)
export type ReplaceNetworks = Static<typeof ReplaceNetworks>

const Mapped = Nullable(Type.Object({ networkId: Id, networkName: Type.String(), mac: MacPolicy }))
/** Where each network card of the source goes in each mode; null: not mapped, which blocks. */
export const NetworkMappingView = Type.Object({
  items: Type.Array(
    Type.Object({
      nicKey: Id,
      /** Null: the newest known hardware has no such card. */
      label: Nullable(Type.String()),
      macAddress: Nullable(Type.String()),
      sourceNetwork: Nullable(Type.String()),
      test: Mapped,
      live: Mapped,
    }),
  ),
})
export type NetworkMappingView = Static<typeof NetworkMappingView>
