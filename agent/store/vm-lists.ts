import { type JobState, type SourceVmView } from '../api/schemas.js'
import { type ManagedVmView, type VmQuery } from '../api/source-vms.js'
import { jobState, newestPass } from '../domain/job-state.js'
import { type PassState } from '../domain/pass-state.js'
import { type Way } from '../domain/staging.js'
import { AppError } from '../errors.js'
import { type SagaState } from '../saga/log.js'
import { type Database } from './database.js'
import { replicaFromRows } from './staging.js'

interface VmRow {
  readonly id: string
  readonly name: string
  readonly folder: string | null
  readonly host: string | null
  /** Null in all columns of the inventory: vCenter no longer lists it. */
  readonly power: SourceVmView['power'] | null
  readonly disk_count: number | null
  readonly capacity_bytes: string | null
  readonly seen_at: Date | null
  readonly managed_at: Date | null
  readonly job_id: string | null
  readonly recovery_point_at: Date | null
  readonly replica_doubt: string | null
  /** Of the pass the recovery point is of. */
  readonly point_state: PassState | null
  readonly point_way: Way | null
  readonly paused_at: Date | null
  readonly stopped_at: Date | null
  readonly held: number | null
  readonly pass_state: PassState | null
  readonly saga_state: SagaState | null
}

/** Rows looked at in one statement: the state of a job is known only after they were read. */
const batchRows = 1000

/** VMs that vCenter lists, those that match, in the order of their ids. */
export async function sourceVms(db: Database, query: VmQuery) {
  const listed = (after: string) =>
    joined(db.from('source_vms as v').leftJoin('managed_vms as m', 'm.source_vm_id', 'v.id'), 'v.id', after)
  const { rows, next } = await page(listed, query)
  return { items: rows.map(mustBeListed), next }
}

/** Managed VMs that match, also those vCenter no longer lists. */
export async function managedVmList(db: Database, query: VmQuery) {
  const { rows, next } = await page(after => managed(db, after), query)
  return { items: rows.map(managedView), next }
}

export async function managedVm(db: Database, id: string): Promise<ManagedVmView> {
  const [row] = (await managed(db, '').where('m.source_vm_id', id)) as VmRow[]
  if (row === undefined) throw new AppError('NOT_FOUND', `managed VM ${id}`)
  return managedView(row)
}

const managed = (db: Database, after: string) =>
  joined(
    db.from('managed_vms as m').leftJoin('source_vms as v', 'v.id', 'm.source_vm_id'),
    'm.source_vm_id',
    after,
  )

/** Each VM with its job and the job's newest pass. */
function joined(from: ReturnType<Database['from']>, idColumn: string, after: string) {
  return from
    .leftJoin('replication_jobs as j', 'j.source_vm_id', idColumn)
    .joinRaw(
      `LEFT JOIN passes p ON p.job_id = j.id
        AND p.number = (SELECT MAX(n.number) FROM passes n WHERE n.job_id = j.id)`,
    )
    .leftJoin('sagas as s', 's.id', 'p.saga_id')
    .leftJoin('passes as r', 'r.id', 'j.recovery_point_pass_id')
    .joinRaw(`LEFT JOIN worker_tasks t ON t.owner = CONCAT(p.saga_id, '/copy') AND t.state = 'leased'`)
    .where(idColumn, '>', after)
    .orderBy(idColumn)
    .select(
      { id: idColumn, job_id: 'j.id', pass_state: 'p.state', saga_state: 's.state' },
      ...['v.folder', 'v.host', 'v.power', 'v.disk_count', 'v.capacity_bytes', 'v.seen_at'],
      ...['m.managed_at', 'j.recovery_point_at', 'j.paused_at', 'j.stopped_at', 't.held', 'j.replica_doubt'],
      { point_state: 'r.state', point_way: 'r.way' },
    )
    .select({ name: idColumn.startsWith('v') ? 'v.name' : 'm.name' })
}

async function page(
  rowsAfter: (after: string) => ReturnType<typeof joined>,
  query: VmQuery,
): Promise<{ readonly rows: readonly VmRow[]; readonly next: string | null }> {
  const rows: VmRow[] = []
  for (let after = query.after ?? ''; ;) {
    const batch = (await narrowed(rowsAfter(after), query).limit(batchRows)) as VmRow[]
    for (const row of batch) {
      if (query.state !== undefined && stateOf(row) !== query.state) continue
      if (rows.length === query.limit) return { rows, next: rows.at(-1)?.id ?? null }
      rows.push(row)
    }
    const last = batch.at(-1)
    if (last === undefined || batch.length < batchRows) return { rows, next: null }
    after = last.id
  }
}

function narrowed(rows: ReturnType<typeof joined>, query: VmQuery) {
  const { name, folder, power, managed, hasJob } = query
  if (name !== undefined) void rows.whereRaw('LOCATE(LOWER(?), LOWER(COALESCE(v.name, m.name))) > 0', [name])
  if (folder !== undefined)
    void rows.whereRaw('(v.folder = ? OR LEFT(v.folder, CHAR_LENGTH(?) + 1) = CONCAT(?, ?))', [
      folder, folder, folder, '/',
    ]) // prettier-ignore
  if (power !== undefined) void rows.where('v.power', power)
  if (managed !== undefined)
    void (managed ? rows.whereNotNull('m.managed_at') : rows.whereNull('m.managed_at'))
  if (hasJob !== undefined) void (hasJob ? rows.whereNotNull('j.id') : rows.whereNull('j.id'))
  return rows
}

function stateOf(row: VmRow): JobState | null {
  if (row.job_id === null) return null
  const newest =
    row.pass_state === null || row.saga_state === null
      ? undefined
      : { state: row.pass_state, sagaState: row.saga_state, isHeld: row.held === 1 }
  const point = row.point_state === null ? undefined : { state: row.point_state, way: row.point_way }
  return jobState(newestPass(newest), replicaFromRows(row, point).kind, {
    isPaused: row.paused_at !== null,
    isStopped: row.stopped_at !== null,
  })
}

function listedView(row: VmRow): SourceVmView | null {
  const { power, disk_count: diskCount, capacity_bytes: capacityBytes, seen_at: seenAt } = row
  if (power === null || diskCount === null || capacityBytes === null || seenAt === null) return null
  return {
    id: row.id,
    name: row.name,
    folder: row.folder ?? '',
    host: row.host,
    power,
    diskCount,
    capacityBytes,
    seenAt: seenAt.toISOString(),
    managedAt: row.managed_at?.toISOString() ?? null,
    jobId: row.job_id,
    jobState: stateOf(row),
  }
}

function mustBeListed(row: VmRow): SourceVmView {
  const view = listedView(row)
  if (view === null) throw new Error(`VM ${row.id} of the inventory has no place in it`)
  return view
}

function managedView(row: VmRow): ManagedVmView {
  if (row.managed_at === null) throw new Error(`VM ${row.id} is not managed`)
  return {
    id: row.id,
    name: row.name,
    managedAt: row.managed_at.toISOString(),
    vm: listedView(row),
    jobId: row.job_id,
    jobState: stateOf(row),
  }
}
