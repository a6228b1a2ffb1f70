import { type FailoverKind, type FailoverOptions, type FailoverState } from '../domain/failover.js'
import { diskKey, failoverId, jobId, snapshotId, sourceVmId, targetVmId, volumeId } from '../domain/ids.js'
import { type Blueprint } from '../failover/blueprint.js'
import { type BootEvidence, type Failover, type FailoverDisk } from '../failover/deps.js'
import { type Database } from './database.js'

export interface FailoverRow {
  readonly id: string
  readonly job_id: string
  readonly source_vm_id: string
  readonly vm_name: string
  readonly kind: FailoverKind
  readonly state: FailoverState
  readonly options: string
  readonly saga_id: string
  readonly closing_saga_id: string | null
  readonly holds_replicas: number
  readonly point_pass_id: string | null
  readonly point_at: Date | null
  readonly last_pass_id: string | null
  readonly final_pass_id: string | null
  readonly machine: string | null
  readonly target_vm_id: string | null
  readonly template_root_id: string | null
  readonly source_was_on: number | null
  readonly source_off_at: Date | null
  readonly exposed_at: Date | null
  readonly requested_at: Date
  readonly started_at: Date | null
  readonly up_at: Date | null
  readonly evidence: string | null
  readonly expires_at: Date | null
  readonly ended_at: Date | null
  readonly report: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
}

export interface FailoverDiskRow {
  readonly failover_id: string
  readonly disk_key: string
  readonly position: number
  readonly label: string
  readonly capacity_bytes: string
  readonly volume_id: string
  readonly snapshot_id: string | null
  readonly clone_id: string | null
}

export const optionsOf = ({ options }: FailoverRow): FailoverOptions => JSON.parse(options) as FailoverOptions
export const blueprintOf = ({ machine }: FailoverRow): Blueprint | null =>
  machine === null ? null : (JSON.parse(machine) as Blueprint)
export const evidenceOf = ({ evidence }: FailoverRow): BootEvidence | null =>
  evidence === null ? null : (JSON.parse(evidence) as BootEvidence)

export async function failoverRow(db: Database, id: string): Promise<FailoverRow> {
  const row = await db<FailoverRow>('failovers').where({ id }).first()
  if (row === undefined) throw new Error(`no failover ${id}`)
  return row
}

export const failoverDisks = (db: Database, id: string): Promise<FailoverDiskRow[]> =>
  db<FailoverDiskRow>('failover_disks').where({ failover_id: id }).orderBy('position')

export async function readFailover(db: Database, id: string): Promise<Failover> {
  const row = await failoverRow(db, id)
  return {
    id: failoverId(row.id),
    kind: row.kind,
    state: row.state,
    jobId: jobId(row.job_id),
    sourceVmId: sourceVmId(row.source_vm_id),
    vmName: row.vm_name,
    options: optionsOf(row),
    blueprint: blueprintOf(row),
    targetVmId: row.target_vm_id === null ? null : targetVmId(row.target_vm_id),
    templateRootId: row.template_root_id === null ? null : volumeId(row.template_root_id),
    sourceWasOn: row.source_was_on === null ? null : row.source_was_on === 1,
    exposedAt: row.exposed_at,
    disks: (await failoverDisks(db, id)).map(diskFromRow),
  }
}

const diskFromRow = (row: FailoverDiskRow): FailoverDisk => ({
  diskKey: diskKey(row.disk_key),
  label: row.label,
  capacityBytes: BigInt(row.capacity_bytes),
  volumeId: volumeId(row.volume_id),
  snapshotId: row.snapshot_id === null ? null : snapshotId(row.snapshot_id),
  cloneId: row.clone_id === null ? null : volumeId(row.clone_id),
})
