import { Type, type Static } from 'typebox'
import { FailureView, Id, Instant, JobState, PowerState, SourceVmView } from './schemas.js'

/** The VMs of the source site, and which of them are managed: chosen by an operator, without anything being replicated. */
const closed = { additionalProperties: false }
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

const filterFields = {
  name: Type.Optional(Type.String({ maxLength: 200, description: 'part of the name, case does not count' })),
  folder: Type.Optional(Type.String({ maxLength: 2000, description: 'the folder itself and all below it' })),
  power: Type.Optional(PowerState),
  managed: Type.Optional(Type.Boolean()),
  hasJob: Type.Optional(Type.Boolean()),
  state: Type.Optional(JobState),
}

export const VmQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 1000 }),
    after: Type.Optional(Id),
    ...filterFields,
  },
  closed,
)
export type VmQuery = Static<typeof VmQuery>

/** `vm` is null when vCenter no longer lists it; what was replicated of it stays. */
export const ManagedVmView = Type.Object({
  id: Id,
  name: Type.String({ description: 'as vCenter showed it last' }),
  managedAt: Instant,
  vm: Nullable(SourceVmView),
  jobId: Nullable(Id),
  jobState: Nullable(JobState),
})
export type ManagedVmView = Static<typeof ManagedVmView>
export const ManagedVmList = Type.Object({ items: Type.Array(ManagedVmView), next: Nullable(Id) })
export type ManagedVmList = Static<typeof ManagedVmList>

/** Adds to management; nothing is replicated by it. */
export const AddManagedVm = Type.Object({ sourceVmId: Id }, closed)
export const AddManagedVms = Type.Object(
  { sourceVmIds: Type.Array(Id, { minItems: 1, maxItems: 1000, uniqueItems: true }) },
  closed,
)

export const AddOutcome = Type.Object({
  sourceVmId: Id,
  outcome: Type.Union([Type.Literal('added'), Type.Literal('already-managed'), Type.Literal('failed')]),
  failure: Nullable(FailureView),
})
export type AddOutcome = Static<typeof AddOutcome>
export const AddOutcomes = Type.Object({ items: Type.Array(AddOutcome) })
