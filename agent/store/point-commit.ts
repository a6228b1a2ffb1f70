import { type Database } from './database.js'

/**
 * Part of the commit: the point is there at the same instant as its change IDs. Points committed before that never came on
 * their volumes are lost now.
 */
export async function recordPoint(
  tx: Database,
  pass: {
    readonly id: string
    readonly job_id: string
    readonly snapshot_at: Date | null
    /** Of the group's round that started it. */
    readonly round_id?: string | null
  },
  at: Date,
): Promise<void> {
  if (pass.snapshot_at === null) throw new Error(`pass ${pass.id} has no time of its source`)
  await tx('recovery_points')
    .where({ job_id: pass.job_id, state: 'committed' })
    .update({ state: 'lost', why: 'it never came on its volumes as a whole', ended_at: at })
  await tx('recovery_points').insert({
    id: pass.id,
    job_id: pass.job_id,
    pass_id: pass.id,
    round_id: pass.round_id ?? null,
    at: pass.snapshot_at,
    committed_at: at,
    state: 'committed',
  })
  const disks = await tx<{
    disk_key: string
    label: string
    volume_id: string | null
    capacity_bytes: string
  }>('job_disks').where('job_id', pass.job_id)
  for (const disk of disks)
    if (disk.volume_id !== null)
      await tx('recovery_point_disks').insert({
        point_id: pass.id,
        disk_key: disk.disk_key,
        label: disk.label,
        volume_id: disk.volume_id,
        size_bytes: disk.capacity_bytes,
      })
}
