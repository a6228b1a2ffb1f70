import { Type, type Static } from 'typebox'
import { BytesText, FailureView, Id, Instant } from './schemas.js'

const closed = { additionalProperties: false }
const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' })
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** The same key with the same fields is the same request, however often it is sent. */
const IdempotencyKey = Type.String({ pattern: '^[A-Za-z0-9._:-]{8,128}$' })
const Target = Type.Optional(
  Type.Union([Uuid, Type.Null()], { description: 'a VM of CloudStack; left out or null: this appliance' }),
)

export const VolumeOperationKind = Type.Union([
  Type.Literal('create'),
  Type.Literal('attach'),
  Type.Literal('attach-root'),
  Type.Literal('detach'),
  Type.Literal('delete'),
  Type.Literal('revoke'),
  Type.Literal('delete-snapshot'),
  Type.Literal('clean-up'),
])
export type VolumeOperationKind = Static<typeof VolumeOperationKind>

/** What can be done with a volume. `clean-up` stops the VM, takes the volume from it and attaches it here. */
export const RequestVolumeOperation = Type.Union([
  Type.Object(
    {
      idempotencyKey: IdempotencyKey,
      kind: Type.Literal('create'),
      sizeBytes: Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'rounded up to whole GiB' }),
      label: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,39}$' })),
    },
    closed,
  ),
  Type.Object(
    {
      idempotencyKey: IdempotencyKey,
      kind: Type.Union([Type.Literal('attach'), Type.Literal('detach')]),
      volumeId: Uuid,
      vmId: Target,
    },
    closed,
  ),
  Type.Object(
    {
      idempotencyKey: IdempotencyKey,
      kind: Type.Union([Type.Literal('attach-root'), Type.Literal('clean-up')]),
      volumeId: Uuid,
      vmId: Uuid,
    },
    closed,
  ),
  Type.Object(
    {
      idempotencyKey: IdempotencyKey,
      kind: Type.Union([Type.Literal('delete'), Type.Literal('revoke')]),
      volumeId: Uuid,
    },
    closed,
  ),
])
export type RequestVolumeOperation = Static<typeof RequestVolumeOperation>

export const VolumeOperationState = Type.Union([
  Type.Literal('pending'),
  Type.Literal('running'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
])

export const VolumeOperationView = Type.Object({
  id: Id,
  number: Type.String({ description: 'grows with each request, decimal' }),
  idempotencyKey: Type.String(),
  kind: VolumeOperationKind,
  state: VolumeOperationState,
  volumeId: Nullable(Type.String({ description: 'null until a new volume is there' })),
  vmId: Nullable(Type.String({ description: 'as it was asked for' })),
  /** Null until an attach to this appliance has proved the device. */
  devicePath: Nullable(Type.String()),
  drift: Nullable(Type.String({ description: 'what changed afterwards without an operation' })),
  failure: Nullable(FailureView),
  requestedAt: Instant,
  startedAt: Nullable(Instant),
  endedAt: Nullable(Instant),
})
export type VolumeOperationView = Static<typeof VolumeOperationView>

export const VolumeOperationList = Type.Object({ items: Type.Array(VolumeOperationView) })

/** The newest first. */
export const VolumeOperationQuery = Type.Object(
  {
    kind: Type.Optional(VolumeOperationKind),
    state: Type.Optional(VolumeOperationState),
    volumeId: Type.Optional(Uuid),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  },
  closed,
)
export type VolumeOperationQuery = Static<typeof VolumeOperationQuery>

/** What was seen, or why nothing could be seen; the two are never mixed up. */
const Looked = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([
    Type.Object({ kind: Type.Literal('seen'), value: schema }),
    Type.Object({ kind: Type.Literal('unknown'), why: Type.String() }),
  ])

export const CloudVolumeView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  sizeBytes: BytesText,
  vmId: Nullable(Type.String()),
  deviceId: Nullable(Type.Integer()),
  isOurs: Type.Boolean(),
})
export type CloudVolumeView = Static<typeof CloudVolumeView>
export const CloudVolumeList = Type.Object({ items: Type.Array(CloudVolumeView) })

export const LocalDeviceView = Type.Object({
  path: Type.String(),
  name: Type.String({ description: 'its persistent name' }),
  sizeBytes: BytesText,
})
export type LocalDeviceView = Static<typeof LocalDeviceView>

export const LocalExportView = Type.Object({
  serial: Type.String(),
  sizeBytes: BytesText,
  fenceToken: Type.String(),
})
export type LocalExportView = Static<typeof LocalExportView>
export const LocalExportList = Type.Object({ items: Type.Array(LocalExportView) })

/** A volume as CloudStack, the volume daemon and the database show it; null: there is none. */
export const VolumeStatusView = Type.Object({
  volumeId: Type.String(),
  cloud: Looked(Nullable(CloudVolumeView)),
  device: Looked(Nullable(LocalDeviceView)),
  export: Looked(Nullable(LocalExportView)),
  /** As the last operation left it; null: no operation made this volume. */
  recorded: Nullable(Type.Object({ name: Type.String(), vmId: Nullable(Type.String()) })),
  /** Replicated to by this job. */
  jobId: Nullable(Type.String()),
  drift: Type.Array(Type.String(), { description: 'where these differ; what is seen counts' }),
})
export type VolumeStatusView = Static<typeof VolumeStatusView>

export const VolumeParam = Type.Object({ id: Uuid }, closed)
export const DeviceNameParam = Type.Object(
  { name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', description: 'vdb, or vol<serial>' }) },
  closed,
)

export const VolumeHealthView = Type.Object({
  daemon: Looked(
    Type.Object({
      openExports: Type.Integer(),
      opened: Type.Integer(),
      lost: Type.Integer(),
      fenced: Type.Integer(),
    }),
  ),
  cloud: Looked(Type.Object({ applianceVolumes: Type.Integer() })),
})
export type VolumeHealthView = Static<typeof VolumeHealthView>

/** Counted over everything that is stored. */
export const VolumeMetricsView = Type.Object({
  operations: Type.Array(
    Type.Object({
      kind: VolumeOperationKind,
      state: VolumeOperationState,
      count: Type.Integer(),
      meanSeconds: Nullable(Type.Number({ description: 'from its turn to its end; null until one ended' })),
    }),
  ),
  drifted: Type.Integer({ description: 'operations after which something changed' }),
})
export type VolumeMetricsView = Static<typeof VolumeMetricsView>

/** One thing that is not as it is recorded. */
export const VolumeFindingView = Type.Object({
  kind: Type.Union([
    Type.Literal('orphan-volume'),
    Type.Literal('orphan-export'),
    Type.Literal('orphan-snapshot'),
    Type.Literal('unknown-snapshot'),
    Type.Literal('lost-snapshot'),
    Type.Literal('lost-volume'),
    Type.Literal('moved-volume'),
    Type.Literal('missing-device'),
    Type.Literal('unknown-device'),
    Type.Literal('unproven-device'),
  ]),
  subject: Type.String({ description: 'the id of a volume or of a snapshot, or the serial of a device' }),
  what: Type.String(),
  /** Ours, and needed by nothing that is recorded. */
  removable: Type.Boolean(),
  firstSeenAt: Instant,
  lastSeenAt: Instant,
})
export type VolumeFindingView = Static<typeof VolumeFindingView>
export const VolumeFindingList = Type.Object({ items: Type.Array(VolumeFindingView) })

export const FindingParam = Type.Object(
  {
    kind: Type.Union([
      Type.Literal('orphan-volume'),
      Type.Literal('orphan-export'),
      Type.Literal('orphan-snapshot'),
    ]),
    subject: Type.String({ pattern: '^[0-9a-f-]{20,36}$' }),
  },
  closed,
)

/** What a look at all persistent names changed, and everything that is not as it is recorded. */
export const VolumeSyncView = Type.Object({
  names: Type.Object({
    made: Type.Array(Type.String()),
    repaired: Type.Array(Type.String()),
    dropped: Type.Array(Type.String()),
  }),
  findings: Type.Array(VolumeFindingView),
})
export type VolumeSyncView = Static<typeof VolumeSyncView>
