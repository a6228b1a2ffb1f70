import { type PointStanding, type PointView } from '../api/points.js'
import { keptPoints } from '../replication/points/kept-points.js'
import { type Journal } from '../replication/points/deps.js'
import { type Database } from './database.js'
import { readJournal, type PointDiskRow, type PointRow } from './points.js'

/** Points as operators see them, in the order of the rows. */
export async function pointViews(db: Database, rows: readonly PointRow[]): Promise<PointView[]> {
  const ids = rows.map(row => row.id)
  const jobs = await db<{ id: string; vm_name: string }>('replication_jobs').whereIn(
    'id',
    rows.map(row => row.job_id),
  )
  const passes = await db<{ id: string; number: number }>('passes').whereIn('id', ids)
  const disks = await db<PointDiskRow>('recovery_point_disks')
    .whereIn('point_id', ids)
    .orderByRaw('LENGTH(disk_key), disk_key')
    .select<PointDiskRow[]>()
  const digests = await db<{ pass_id: string; disk_key: string; digest: string }>('sealed_disks').whereIn(
    'pass_id',
    ids,
  )
  const checked = await db<{ pass_id: string; disk_key: string; read_sum: string | null }>('pass_disks')
    .whereIn('pass_id', ids)
    .where('is_checked', true)
  const journals = new Map<string, Journal>()
  for (const { id } of jobs) journals.set(id, await readJournal(db, id))
  return rows.map(row => {
    const standing = standingOf(row, journals.get(row.job_id))
    return {
      id: row.id,
      jobId: row.job_id,
      vmName: jobs.find(job => job.id === row.job_id)?.vm_name ?? '',
      passId: row.pass_id,
      passNumber: passes.find(pass => pass.id === row.pass_id)?.number ?? 1,
      roundId: row.round_id,
      at: row.at.toISOString(),
      committedAt: row.committed_at.toISOString(),
      isUsable: standing.kind === 'on-volume' || standing.kind === 'kept',
      standing,
      pinned: row.pinned === 1,
      disks: disks
        .filter(disk => disk.point_id === row.id)
        .map(disk => ({
          diskKey: disk.disk_key,
          label: disk.label,
          volumeId: disk.volume_id,
          sizeBytes: disk.size_bytes,
          stagedDigest:
            digests.find(one => one.pass_id === row.pass_id && one.disk_key === disk.disk_key)?.digest ??
            null,
          checkedSum:
            checked.find(one => one.pass_id === row.pass_id && one.disk_key === disk.disk_key)?.read_sum ??
            null,
        })),
    }
  })
}

function standingOf(row: PointRow, journal: Journal | undefined): PointStanding {
  switch (row.state) {
    case 'committed':
    case 'on-volume':
      return { kind: row.state }
    case 'kept': {
      const kept = journal === undefined ? [] : keptPoints(journal, [])
      const undoBytes = kept.find(point => point.id === row.id)?.undoBytes ?? 0n
      return { kind: 'kept', undoBytes: undoBytes.toString() }
    }
    case 'expired':
    case 'deleted':
    case 'lost':
      return {
        kind: row.state,
        why: row.why ?? '',
        endedAt: (row.ended_at ?? row.committed_at).toISOString(),
      }
  }
}
