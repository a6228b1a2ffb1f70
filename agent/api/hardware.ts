import { Type, type Static } from 'typebox'
import { BytesText, Id, Instant } from './schemas.js'

const Text = Type.String({ maxLength: 2000 })
const WholeOrNull = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()])
const TextOrNull = Type.Union([Text, Type.Null()])

/** A VM's hardware; null where the server did not tell. Devices carry the keys vSphere gave them. */
export const Hardware = Type.Object({
  cpuCount: WholeOrNull,
  coresPerSocket: WholeOrNull,
  memoryMib: WholeOrNull,
  firmware: Text,
  secureBoot: Type.Boolean(),
  hardwareVersion: Text,
  guestId: Text,
  guestName: Text,
  tools: Type.Object({
    state: Type.Union([
      Type.Literal('running'),
      Type.Literal('not-running'),
      Type.Literal('not-installed'),
      Type.Literal('unknown'),
    ]),
    version: TextOrNull,
  }),
  controllers: Type.Array(
    Type.Object({ key: Id, type: Text, label: Text, busNumber: WholeOrNull, sharedBus: TextOrNull }),
  ),
  nics: Type.Array(Type.Object({ key: Id, label: Text, type: Text, macAddress: Text, network: Text })),
  disks: Type.Array(
    Type.Object({
      key: Id,
      label: Text,
      capacityBytes: BytesText,
      controllerKey: Text,
      unitNumber: WholeOrNull,
      backingUuid: Text,
    }),
  ),
})
export type Hardware = Static<typeof Hardware>

/** A version is stored when a pass found something changed; numbers of a VM count from 1. */
export const HardwareVersion = Type.Object({
  version: Type.Integer({ minimum: 1 }),
  passId: Id,
  takenAt: Instant,
})
export const HardwareVersionList = Type.Object({ items: Type.Array(HardwareVersion) })
export type HardwareVersionList = Static<typeof HardwareVersionList>
export const HardwareVersionDetail = Type.Object({ ...HardwareVersion.properties, hardware: Hardware })
export type HardwareVersionDetail = Static<typeof HardwareVersionDetail>

export const VersionParam = Type.Object({ id: Id, version: Type.Integer({ minimum: 1 }) })
export const ComparisonQuery = Type.Object(
  { from: Type.Integer({ minimum: 1 }), to: Type.Integer({ minimum: 1 }) },
  { additionalProperties: false },
)
export const HardwareComparison = Type.Object({
  from: HardwareVersion,
  to: HardwareVersion,
  differences: Type.Array(Type.Object({ field: Type.String(), from: TextOrNull, to: TextOrNull })),
})
export type HardwareComparison = Static<typeof HardwareComparison>
