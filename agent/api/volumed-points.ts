import { Type, type Static } from 'typebox'
import { BytesText, Instant } from './schemas.js'

/** What the OMA and its volume daemon say to each other about points. */
const closed = { additionalProperties: false }
const Serial = Type.String({ pattern: '^[0-9a-f]{20}$', description: 'first 20 hex digits of the UUID' })
const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' })
const FenceText = Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'fence token, decimal' })
/** Ten digits: as in the names of the files. */
const Seq = Type.Integer({ minimum: 0, maximum: 4_294_967_295 })

/** A point of a volume: what it held after the writing `position`. */
const place = { position: Seq, expected: Type.Array(Uuid, { maxItems: 200 }), sizeBytes: BytesText }

export const LayerParams = Type.Object({ serial: Serial, layer: Uuid }, closed)
export const SerialOnly = Type.Object({ serial: Serial }, closed)
export const FenceQuery = Type.Object({ fenceToken: FenceText }, closed)
export const SeqQuery = Type.Object({ seq: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }) }, closed)

/** Asked for again until it is done. `pass`: what its overlay will overwrite; `point`: what going back to it will. */
export const SaveUndoRequest = Type.Object(
  {
    seq: Seq,
    fenceToken: FenceText,
    what: Type.Union([
      Type.Object({ kind: Type.Literal('pass'), pass: Uuid }, closed),
      Type.Object({ kind: Type.Literal('point'), ...place }, closed),
    ]),
  },
  closed,
)
/** `kept`: the layer of this name holds what is overwritten; without it everybody who reads a point is cut off. */
export const RestoreRequest = Type.Object(
  { seq: Seq, fenceToken: FenceText, kept: Type.Boolean(), ...place },
  closed,
)
export const PointWorkReply = Type.Union([
  Type.Object({ kind: Type.Literal('running') }, closed),
  Type.Object({ kind: Type.Literal('done'), bytes: BytesText }, closed),
])
export type PointWorkReply = Static<typeof PointWorkReply>

export const UndoList = Type.Object(
  {
    freeBytes: BytesText,
    layers: Type.Array(Type.Object({ serial: Serial, seq: Seq, layer: Uuid, bytes: BytesText }, closed)),
  },
  closed,
)

export const ReaderParams = Type.Object({ exportId: Uuid, serial: Serial }, closed)
export const OpenReaderRequest = Type.Object(
  { point: Uuid, leaseSeconds: Type.Integer({ minimum: 1, maximum: 604_800 }), ...place },
  closed,
)
export const OpenedReader = Type.Object(
  {
    socket: Type.String({ pattern: '^/', maxLength: 107 }),
    exportName: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    leaseUntil: Instant,
  },
  closed,
)
export const ReaderList = Type.Object(
  {
    items: Type.Array(
      Type.Object({ exportId: Uuid, point: Uuid, serial: Serial, leaseUntil: Instant }, closed),
    ),
  },
  closed,
)
