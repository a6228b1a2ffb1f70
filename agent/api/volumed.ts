import { Type, type Static } from 'typebox'
import { BytesText } from './schemas.js'

/** What the OMA and its volume daemon say to each other. A volume is named by its serial. */
const closed = { additionalProperties: false }
const Serial = Type.String({ pattern: '^[0-9a-f]{20}$', description: 'first 20 hex digits of the UUID' })
/** Decimal, as byte counts are; 19 digits stay below the database's 2^64. */
const FenceText = Type.String({ pattern: '^[1-9][0-9]{0,18}$', description: 'fence token, decimal' })

export const SerialParam = Type.Object({ serial: Serial }, closed)
const PassIdText = Type.String({ pattern: '^[0-9a-f-]{36}$', description: 'a pass, by its id' })
export const OpenExportRequest = Type.Object(
  {
    minimumBytes: BytesText,
    fenceToken: FenceText,
    /** What is written goes to the overlay of this pass; left out: to the device. */
    stagedPassId: Type.Optional(PassIdText),
  },
  closed,
)
export const OpenedExport = Type.Object(
  {
    socket: Type.String({ pattern: '^/', maxLength: 107 }),
    exportName: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    sizeBytes: BytesText,
  },
  closed,
)
export const CloseExportQuery = Type.Object({ fenceToken: FenceText }, closed)

/** Without socket and name: only who opened an export may reach it. */
export const ExportView = Type.Object({ serial: Serial, sizeBytes: BytesText, fenceToken: FenceText }, closed)
export const ExportList = Type.Object({ items: Type.Array(ExportView) }, closed)
export type ExportList = Static<typeof ExportList>

/** A volume attached to this machine, proven at the moment of the answer. */
export const DeviceView = Type.Object(
  {
    serial: Serial,
    path: Type.String(),
    name: Type.String({ description: 'its persistent name in the directory of names' }),
    sizeBytes: BytesText,
  },
  closed,
)
/** Something carries the serial and could not be proven to be the volume. */
export const DoubtView = Type.Object({ serial: Serial, why: Type.String() }, closed)
export const DeviceList = Type.Object(
  { items: Type.Array(DeviceView), doubts: Type.Array(DoubtView) },
  closed,
)
export type DeviceList = Static<typeof DeviceList>

/** What one look at all names changed. */
export const NamesReportView = Type.Object(
  {
    made: Type.Array(Type.String()),
    repaired: Type.Array(Type.String()),
    dropped: Type.Array(Type.String()),
    doubts: Type.Array(DoubtView),
  },
  closed,
)
export type NamesReportView = Static<typeof NamesReportView>

const Count = Type.Integer({ minimum: 0 })
/** Counted since the daemon's start. */
export const VolumedHealth = Type.Object(
  {
    openExports: Count,
    opened: Count,
    /** Servers that ended unasked. */
    lost: Count,
    /** Requests refused for an old token. */
    fenced: Count,
  },
  closed,
)
export type VolumedHealth = Static<typeof VolumedHealth>

/** An overlay is what one staged pass holds of one volume. */
export const OverlayParams = Type.Object({ serial: Serial, passId: PassIdText }, closed)
const DigestText = Type.String({ pattern: '^[0-9a-f]{64}$' })
const workOn = { fenceToken: FenceText, diskBytes: BytesText }
/**
 * Asked for again until it has ended. `seal`: make durable, read back; `apply`: write to the device; `check`: read what a
 * pass wrote to the device itself.
 */
export const StagedWorkRequest = Type.Union([
  Type.Object({ kind: Type.Literal('seal'), ...workOn }, closed),
  Type.Object({ kind: Type.Literal('apply'), ...workOn, digest: DigestText }, closed),
  Type.Object({ kind: Type.Literal('check'), ...workOn }, closed),
])
/** As domain/read-proof.ts has it. */
const FoundProof = Type.Object({ areas: DigestText, sum: Type.String({ pattern: '^[0-9a-f]{32}$' }) }, closed)
export const SealedView = Type.Object(
  { dataBytes: BytesText, zeroBytes: BytesText, digest: DigestText, found: FoundProof },
  closed,
)
export const StagedWorkReply = Type.Union([
  Type.Object(
    {
      kind: Type.Literal('running'),
      doneBytes: BytesText,
      totalBytes: Type.Union([BytesText, Type.Null()]),
    },
    closed,
  ),
  Type.Object({ kind: Type.Literal('sealed'), sealed: SealedView }, closed),
  Type.Object({ kind: Type.Literal('applied') }, closed),
  Type.Object({ kind: Type.Literal('checked'), found: FoundProof }, closed),
])
/** The staging space: what is free, and every overlay with what it takes. */
export const StagingView = Type.Object(
  {
    freeBytes: BytesText,
    overlays: Type.Array(Type.Object({ serial: Serial, passId: PassIdText, storedBytes: BytesText }, closed)),
  },
  closed,
)
