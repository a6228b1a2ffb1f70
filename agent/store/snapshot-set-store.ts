import { snapshotId, volumeId, type SnapshotSetId, type VolumeId } from '../domain/ids.js'
import { type SnapshotSetState, type SnapshotSetStore } from '../replication/snapshot-set/deps.js'
import { storeCall, type Database } from './database.js'

interface SetRow {
  readonly id: string
  readonly state: SnapshotSetState
  readonly created_at: Date
}

interface SnapshotRow {
  readonly set_id: string
  readonly volume_id: string
  readonly snapshot_id: string | null
  readonly proof: string | null
}

/** Records a set that is about to be taken, with all its volumes, in one transaction; before the saga starts. */
export const createSnapshotSet = (
  db: Database,
  now: () => Date,
  set: SnapshotSetId,
  volumes: readonly VolumeId[],
): Promise<void> =>
  storeCall(`recording snapshot set ${set}`, () =>
    db.transaction(async tx => {
      await tx<SetRow>('snapshot_sets').insert({ id: set, state: 'taking', created_at: now() })
      for (const volume of volumes)
        await tx<SnapshotRow>('volume_snapshots').insert({
          set_id: set,
          volume_id: volume,
          snapshot_id: null,
          proof: null,
        })
    }),
  )

export function snapshotSetStore(db: Database): SnapshotSetStore {
  const member = (set: SnapshotSetId, volume: VolumeId) =>
    db<SnapshotRow>('volume_snapshots').where({ set_id: set, volume_id: volume })
  return {
    members: set =>
      storeCall(`reading snapshot set ${set}`, async () => {
        const rows = await db<SnapshotRow>('volume_snapshots').where({ set_id: set }).orderBy('volume_id')
        return rows.map(row => ({
          volumeId: volumeId(row.volume_id),
          snapshotId: row.snapshot_id === null ? null : snapshotId(row.snapshot_id),
          proof: row.proof,
        }))
      }),
    advance: (set, from, to) =>
      storeCall(`moving snapshot set ${set} to ${to}`, async () => {
        const changed = await db<SetRow>('snapshot_sets')
          .where({ id: set })
          .whereIn('state', [...from])
          .update({ state: to })
        if (changed === 1) return
        const row = await db<SetRow>('snapshot_sets').where({ id: set }).first()
        if (row?.state !== to)
          throw new Error(`snapshot set ${set} is ${row?.state ?? 'missing'} and cannot become ${to}`)
      }),
    recordSnapshot: (set, volume, taken) =>
      storeCall(`recording snapshot ${taken.snapshotId}`, async () => {
        const changed = await member(set, volume).update({
          snapshot_id: taken.snapshotId,
          proof: taken.proof,
        })
        if (changed !== 1) throw new Error(`snapshot set ${set} has no volume ${volume}`)
      }),
    forgetSnapshot: (set, volume) =>
      storeCall(`forgetting the snapshot of volume ${volume}`, async () => {
        await member(set, volume).update({ snapshot_id: null })
      }),
  }
}
