import { Type, type Static } from 'typebox'
import { ErrorCodeText, Id, Instant } from './schemas.js'

const closed = { additionalProperties: false }
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'names this plan' })

export const RemovedVolume = Type.Object({
  volumeId: Id,
  label: Type.String({ description: 'of its disk' }),
  isOurs: Type.Boolean({ description: 'false: it was given to the job, and always stays' }),
})

/** What goes when a VM is removed from management, and what speaks against it now. */
export const RemovalPlan = Type.Object({
  plan: Digest,
  sourceVmId: Id,
  name: Type.String(),
  job: Nullable(
    Type.Object({
      id: Id,
      passes: Type.Integer({ description: 'their logs go with the job' }),
      verifications: Type.Integer(),
      /** After the removal nothing knows what the volumes held. */
      recoveryPointAt: Nullable(Instant),
    }),
  ),
  volumes: Type.Array(RemovedVolume),
  blockers: Type.Array(Type.Object({ code: ErrorCodeText, message: Type.String(), next: Type.String() })),
})
export type RemovalPlan = Static<typeof RemovalPlan>

/** `delete`: the volumes that are ours are deleted; nothing brings them back. */
export const RemoveVm = Type.Object(
  { plan: Digest, volumes: Type.Union([Type.Literal('keep'), Type.Literal('delete')]) },
  closed,
)
export type RemoveVm = Static<typeof RemoveVm>

/** The VM and its job are forgotten; each volume that goes is deleted by an operation. */
export const RemovedVm = Type.Object({
  deletions: Type.Array(Type.Object({ volumeId: Id, operationId: Id })),
  kept: Type.Array(RemovedVolume),
})
export type RemovedVm = Static<typeof RemovedVm>
