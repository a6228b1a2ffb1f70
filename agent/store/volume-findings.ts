import { openStates } from '../domain/failover.js'
import { snapshotId, volumeId } from '../domain/ids.js'
import { type FindingStore, type StoredFinding } from '../volume-controller/reconciler.js'
import { storeCall, type Database } from './database.js'
import { type FailoverDiskRow } from './failover-rows.js'
import { type JobDiskRow, type PassRow } from './pass-store.js'
import { unfinished, type OperationRow, type VolumeRow } from './volume-operation-rows.js'

interface FindingRow {
  readonly kind: StoredFinding['kind']
  readonly subject: string
  readonly what: string
  readonly first_seen_at: Date
  readonly last_seen_at: Date
}

interface SnapshotRow {
  readonly set_id: string
  readonly volume_id: string
  readonly snapshot_id: string | null
}

export function volumeFindings(db: Database, now: () => Date): FindingStore {
  return {
    recorded: () =>
      storeCall('reading what is recorded of volumes', () => db.transaction(tx => recorded(tx))),
    replace: findings =>
      storeCall('recording what was found of volumes', () =>
        db.transaction(async tx => {
          const at = now()
          const found = new Set(findings.map(({ kind, subject }) => `${kind} ${subject}`))
          for (const row of await tx<FindingRow>('volume_findings').forUpdate())
            if (!found.has(`${row.kind} ${row.subject}`))
              await tx('volume_findings').where({ kind: row.kind, subject: row.subject }).delete()
          for (const { kind, subject, what } of findings)
            await tx('volume_findings')
              .insert({ kind, subject, what, first_seen_at: at, last_seen_at: at })
              .onConflict(['kind', 'subject'])
              .merge(['what', 'last_seen_at'])
        }),
      ),
    all: () =>
      storeCall('listing what was found of volumes', async () => {
        const rows = await db<FindingRow>('volume_findings').orderBy(['kind', 'subject'])
        return rows.map(row => ({
          kind: row.kind,
          subject: row.subject,
          what: row.what,
          firstSeenAt: row.first_seen_at,
          lastSeenAt: row.last_seen_at,
        }))
      }),
  }
}

/** As of one instant. */
async function recorded(tx: Database) {
  const volumes = await tx<VolumeRow>('volumes')
  const disks = await tx<JobDiskRow>('job_disks').whereNotNull('volume_id')
  const operations = await tx<OperationRow>('volume_operations').select('id', 'kind', 'state', 'volume_id')
  const jobs = await tx<{ readonly id: string }>('replication_jobs').select('id')
  const passes = await tx<PassRow>('passes')
    .whereIn('saga_id', tx('sagas').whereNot('state', 'done').select('id'))
    .select('job_id')
  const snapshots = await tx<SnapshotRow>('volume_snapshots').whereNotNull('snapshot_id')
  const sets = await tx<{ readonly id: string }>('snapshot_sets')
    .whereIn('state', ['taking', 'reverting', 'reverted'])
    .select('id')
  const running = new Set(passes.map(pass => pass.job_id))
  const open = operations.filter(one => unfinished.includes(one.state))
  const makers = new Map<string, boolean>()
  for (const one of operations) if (one.kind === 'create') makers.set(one.id, unfinished.includes(one.state))
  for (const { id } of jobs) makers.set(id, running.has(id))
  // What a failover made or gave away belongs to it, or to the VM of the target, and comes and goes with that.
  const failedOver = await tx('failover_disks as d')
    .join('failovers as f', 'f.id', 'd.failover_id')
    .whereIn('f.state', [...openStates, 'committed'])
    .select<Pick<FailoverDiskRow, 'volume_id' | 'clone_id'>[]>('d.volume_id', 'd.clone_id')
  const given = failedOver.flatMap(disk => [disk.volume_id, disk.clone_id])
  const busy = [...open.map(one => one.volume_id), ...given]
  const copying = disks.filter(disk => running.has(disk.job_id)).map(disk => disk.volume_id)
  return {
    volumes: volumes.map(row => ({ id: volumeId(row.id), vmId: row.vm_id })),
    replicas: disks.map(disk => ({
      id: volumeId(disk.volume_id ?? ''),
      passRuns: running.has(disk.job_id),
    })),
    snapshots: snapshots.map(row => ({
      id: snapshotId(row.snapshot_id ?? ''),
      volumeId: volumeId(row.volume_id),
      setId: row.set_id,
    })),
    busySets: new Set(sets.map(({ id }) => id)),
    busy: new Set([...busy, ...copying].filter(id => id !== null)),
    makers,
  }
}
