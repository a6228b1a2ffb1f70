import { Type, type Static } from 'typebox'
import { BytesText, FailureView, Id, Instant } from './schemas.js'

const closed = { additionalProperties: false }
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** `committed`: its pass is not yet on the volumes. `on-volume` and `kept` can be used, the others cannot. */
export const PointStanding = Type.Union([
  Type.Object({ kind: Type.Literal('committed') }),
  Type.Object({ kind: Type.Literal('on-volume') }),
  Type.Object({
    kind: Type.Literal('kept'),
    undoBytes: Type.String({
      pattern: '^[0-9]{1,20}$',
      description: 'what was overwritten between it and the next newer point',
    }),
  }),
  Type.Object({
    kind: Type.Union([Type.Literal('expired'), Type.Literal('deleted'), Type.Literal('lost')]),
    why: Type.String(),
    endedAt: Instant,
  }),
])
export type PointStanding = Static<typeof PointStanding>

/** All disks of a VM at one instant of the source. */
export const PointView = Type.Object({
  id: Id,
  jobId: Id,
  vmName: Type.String(),
  passId: Id,
  passNumber: Type.Integer({ minimum: 1 }),
  roundId: Nullable(Type.String({ description: 'points of one round show several VMs at one moment' })),
  at: Type.String({ format: 'date-time', description: 'when the source was frozen' }),
  committedAt: Instant,
  isUsable: Type.Boolean(),
  standing: PointStanding,
  pinned: Type.Boolean({ description: 'neither count nor age lets it go' }),
  disks: Type.Array(
    Type.Object({
      diskKey: Id,
      label: Type.String(),
      volumeId: Id,
      sizeBytes: BytesText,
      stagedDigest: Nullable(
        Type.String({
          description: 'of what its pass wrote, as it was read back; null: it wrote the volume directly',
        }),
      ),
      checkedSum: Nullable(
        Type.String({
          description:
            'of the pages its pass read of the source, found again where they were written; null: not compared',
        }),
      ),
    }),
  ),
})
export type PointView = Static<typeof PointView>

const MaxPoints = Type.Integer({
  minimum: 1,
  maximum: 64,
  description: 'usable points, the newest included; 1 keeps no undo',
})
export const PointPolicyView = Type.Object(
  {
    maxPoints: MaxPoints,
    maxAgeSeconds: Nullable(Type.Integer({ minimum: 60, maximum: 315_360_000 })),
    capBytes: Type.String({
      pattern: '^[1-9][0-9]{0,18}$',
      description: 'what the undo of all points may take; the oldest point goes first',
    }),
  },
  closed,
)
export type PointPolicyView = Static<typeof PointPolicyView>

export const PointList = Type.Object({
  /** Newest first; those that are gone for as long as the job is there, the newest hundred. */
  items: Type.Array(PointView),
  policy: PointPolicyView,
  usable: Type.Integer({ minimum: 0 }),
  undoBytes: Type.String({ pattern: '^[0-9]{1,20}$' }),
  hoursKept: Nullable(
    Type.Number({ minimum: 0, description: 'between the oldest and the newest usable point' }),
  ),
})
export type PointList = Static<typeof PointList>

export const PointsOfRound = Type.Object({ items: Type.Array(PointView) })
export const RoundQuery = Type.Object({ roundId: Type.String({ minLength: 1, maxLength: 64 }) }, closed)

export const ChangePoint = Type.Object({ pinned: Type.Boolean() }, closed)

export const StartRestore = Type.Object(
  {
    newerPoints: Type.Union([Type.Literal('keep'), Type.Literal('drop')], {
      description: 'drop: give newer points up where there is no room to keep them; keep: fail then',
    }),
  },
  closed,
)
export type StartRestore = Static<typeof StartRestore>

export const RestoreView = Type.Object({
  id: Id,
  jobId: Id,
  pointId: Id,
  newerPoints: Type.Union([Type.Literal('keep'), Type.Literal('drop')]),
  sagaState: Type.Union([
    Type.Literal('running'),
    Type.Literal('unwinding'),
    Type.Literal('done'),
    Type.Literal('needs-operator'),
  ]),
  startedAt: Instant,
  endedAt: Nullable(Instant),
  writtenBytes: Nullable(Type.String({ pattern: '^[0-9]{1,20}$' })),
  failure: Nullable(FailureView),
})
export type RestoreView = Static<typeof RestoreView>

export const OpenPoint = Type.Object(
  { leaseSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800, default: 3600 })) },
  closed,
)
/** Read-only NBD exports on unix sockets of this appliance, until the lease ends. */
export const OpenedPointView = Type.Object({
  id: Id,
  pointId: Id,
  leaseUntil: Instant,
  disks: Type.Array(
    Type.Object({
      diskKey: Id,
      sizeBytes: BytesText,
      socket: Type.String(),
      exportName: Type.String(),
    }),
  ),
})
export type OpenedPointView = Static<typeof OpenedPointView>
/** Without sockets and names: only who opened an export may reach it. */
export const PointExportList = Type.Object({
  items: Type.Array(Type.Object({ id: Id, pointId: Id, leaseUntil: Instant })),
})
export type PointExportList = Static<typeof PointExportList>
