import { type SnapshotSetId, type VolumeId } from '../../domain/ids.js'
import { type Json } from '../../domain/json.js'
import { type SagaDefinition, type Step } from '../../saga/step.js'
import { type SnapshotSetDeps } from './deps.js'

/** The set and its members are recorded before the saga starts. */
export type SnapshotSetInput = { readonly setId: SnapshotSetId }
export type SnapshotSetStep<Output extends Json> = Step<SnapshotSetDeps, SnapshotSetInput, Output>

export const volumeSnapshotName = (set: SnapshotSetId, volume: VolumeId): string =>
  `ossea-set-${set}-${volume}`

/** Undone last: a set is called failed only when none of its snapshots is left. */
const begin: SnapshotSetStep<null> = {
  name: 'begin',
  title: 'Record the intent',
  run: ({ logger }, { input }) => {
    logger.info({ set: input.setId }, 'snapshots of all volumes started')
    return Promise.resolve(null)
  },
  undo: ({ store }, { input }) => store.advance(input.setId, ['taking'], 'failed'),
}

const takeAll: SnapshotSetStep<null> = {
  name: 'take-snapshots',
  title: 'Take a snapshot of every volume',
  run: async ({ store, target, proofOf }, { input, signal }) => {
    for (const { volumeId, snapshotId } of await store.members(input.setId)) {
      if (snapshotId !== null) continue
      const proof = await proofOf(volumeId, signal)
      const taken = await target.ensure(volumeSnapshotName(input.setId, volumeId), volumeId, signal)
      await store.recordSnapshot(input.setId, volumeId, { snapshotId: taken, proof })
    }
    return null
  },
  undo: async ({ store, target }, { input, signal }) => {
    for (const { volumeId } of await store.members(input.setId)) {
      const name = volumeSnapshotName(input.setId, volumeId)
      for (const found of await target.findByName(name, volumeId, signal)) await target.remove(found, signal)
      await store.forgetSnapshot(input.setId, volumeId)
    }
  },
}

const confirm: SnapshotSetStep<null> = {
  name: 'confirm',
  title: 'Confirm that every volume can be brought back',
  run: async ({ store }, { input }) => {
    const members = await store.members(input.setId)
    if (members.length === 0 || members.some(member => member.snapshotId === null))
      throw new Error(`snapshot set ${input.setId} is not complete`)
    await store.advance(input.setId, ['taking'], 'ready')
    return null
  },
}

/** Snapshots of all volumes of a VM, or none. Nobody writes to the volumes while it runs. */
export const takeSnapshotsSaga: SagaDefinition<SnapshotSetDeps, SnapshotSetInput> = {
  kind: 'take-snapshots',
  steps: [begin, takeAll, confirm],
  commitStep: confirm.name,
}
