import { Type, type Static } from 'typebox'
import { BytesText, FailureView, Id, Instant, VerifiedState } from './schemas.js'

const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** The evidence of one disk. All but the window is null until it was looked at. */
export const VerifiedDiskView = Type.Object({
  diskKey: Id,
  label: Type.String(),
  state: Nullable(VerifiedState),
  why: Nullable(Type.String({ description: 'of unknown, in words' })),
  fromBytes: BytesText,
  untilBytes: Type.String({
    pattern: '^[0-9]{1,20}$',
    description: 'the disk was looked at between the two',
  }),
  comparedBytes: Nullable(BytesText),
  leftOutBytes: Nullable(
    Type.String({
      pattern: '^[0-9]{1,20}$',
      description: 'changed since the recovery point, so the volume may differ there and was not compared',
    }),
  ),
  blocks: Nullable(Type.Integer({ minimum: 0 })),
  differingBlocks: Nullable(Type.Integer({ minimum: 0 })),
  firstDifference: Nullable(
    Type.String({ pattern: '^[0-9]{1,20}$', description: 'where the first block that differs begins' }),
  ),
  sourceReadBytes: Nullable(BytesText),
  targetReadBytes: Nullable(BytesText),
})
export type VerifiedDiskView = Static<typeof VerifiedDiskView>

export const VerificationView = Type.Object({
  id: Id,
  jobId: Id,
  trigger: Type.Union([Type.Literal('operator'), Type.Literal('scrub')]),
  sagaState: Type.Union([
    Type.Literal('running'),
    Type.Literal('unwinding'),
    Type.Literal('done'),
    Type.Literal('needs-operator'),
  ]),
  state: Nullable(VerifiedState),
  startedAt: Instant,
  endedAt: Nullable(Instant),
  recoveryPointAt: Type.String({
    format: 'date-time',
    description: 'what of the source the volumes were compared with',
  }),
  algorithm: Type.String(),
  blockBytes: Type.Integer({ minimum: 1 }),
  bytesPerSecond: Nullable(BytesText),
  failure: Nullable(FailureView),
  disks: Type.Array(VerifiedDiskView),
})
export type VerificationView = Static<typeof VerificationView>
export const VerificationList = Type.Object({ items: Type.Array(VerificationView) })

export const StartVerification = Type.Union([
  Type.Object(
    {
      algorithm: Type.Optional(Type.Union([Type.Literal('xxh3-128'), Type.Literal('sha256')])),
      bytesPerSecond: Type.Optional(
        Type.String({ pattern: '^[1-9][0-9]{0,19}$', description: 'limit of each side; left out: none' }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Null(),
])
export type StartVerification = Static<typeof StartVerification>
