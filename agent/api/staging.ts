import { Type, type Static } from 'typebox'

const Bytes = Type.String({ pattern: '^[0-9]{1,20}$', description: 'bytes, decimal' })

/** What becomes of a pass that the staging space of the OMA cannot hold. */
export const StagingPolicy = Type.Union([Type.Literal('wait'), Type.Literal('apply-directly')], {
  description:
    'wait: the pass fails and is tried later; apply-directly: it writes the volumes, which hold no recovery point until it is done',
})
export type StagingPolicy = Static<typeof StagingPolicy>

/**
 * What the volumes are worth now, with or without the source. `none`: nothing was committed yet; `at-point`: they are the
 * recovery point; `finishing`: the OMA is making them the recovery point; `no-point`: they are a mixture, `why` says since what.
 */
export const ReplicaView = Type.Object({
  state: Type.Union([
    Type.Literal('none'),
    Type.Literal('at-point'),
    Type.Literal('finishing'),
    Type.Literal('no-point'),
  ]),
  why: Type.Union([Type.String(), Type.Null()]),
})
export type ReplicaView = Static<typeof ReplicaView>

/** Where a pass writes. `way` null: not chosen yet; `stagedBytes` null: nothing was sealed. */
export const StagingView = Type.Object({
  way: Type.Union([Type.Literal('direct'), Type.Literal('staged'), Type.Null()]),
  stagedBytes: Type.Union([Bytes, Type.Null()]),
  appliedBytes: Type.Union([Bytes, Type.Null()]),
})
export type StagingView = Static<typeof StagingView>
