import { type DiskCounters, type InventoryPage, type SourceReport } from '../api/worker.js'
import { type WorkerReports } from '../http/deps.js'
import { storeCall, type Database } from './database.js'

/** What VMAs report, in MariaDB. There is one source site, kept as row 1 of `source_site`. */
export function workerReports(db: Database, now: () => Date): WorkerReports {
  const mergeSite = (columns: Readonly<Record<string, unknown>>) =>
    db('source_site')
      .insert({ id: 1, ...columns })
      .onConflict('id')
      .merge()
  return {
    seen: version =>
      storeCall('noting that a VMA was heard', async () => {
        await mergeSite({ worker_seen_at: now(), worker_version: version })
      }),
    refused: why =>
      storeCall('noting that a VMA was refused', async () => {
        await mergeSite({ worker_refused_at: now(), worker_refusal: why })
      }),
    sourceReport: report =>
      storeCall('noting the state of the source site', async () => {
        await mergeSite({ checked_at: now(), ...siteColumns(report) })
      }),
    inventoryPage: page =>
      storeCall('saving a page of the inventory', () =>
        db.transaction(async tx => {
          await saveVms(tx, page, now())
          if (page.last) await tx('source_vms').whereNot('scan_id', page.scanId).delete()
        }),
      ),
    progress: (taskId, disks) =>
      storeCall(`noting the progress of task ${taskId}`, async () => {
        for (const disk of disks) await saveProgress(db, taskId, disk)
      }),
  }
}

const siteColumns = (report: SourceReport) =>
  report.state === 'ok'
    ? { source_state: 'ok', failure_code: null, failure_message: null }
    : { source_state: 'failed', failure_code: report.code, failure_message: report.message }

async function saveVms(db: Database, page: InventoryPage, seenAt: Date): Promise<void> {
  if (page.vms.length === 0) return
  const rows = page.vms.map(vm => ({
    id: vm.id,
    name: vm.name,
    power: vm.power,
    disk_count: vm.diskCount,
    capacity_bytes: vm.capacityBytes,
    folder: vm.folder,
    host: vm.host,
    pass_snapshots: JSON.stringify(vm.passSnapshots),
    seen_at: seenAt,
    scan_id: page.scanId,
  }))
  await db('source_vms').insert(rows).onConflict('id').merge()
  // A managed VM keeps the name vCenter showed last, for the time after it is gone.
  await db.raw(
    `UPDATE managed_vms m JOIN source_vms v ON v.id = m.source_vm_id AND v.scan_id = ? SET m.name = v.name
      WHERE m.name <> v.name`,
    [page.scanId],
  )
}

/** One conditional statement: counters that arrive after the outcome of their task change nothing. */
async function saveProgress(db: Database, taskId: string, disk: DiskCounters): Promise<void> {
  await db.raw(
    `UPDATE pass_disks d
       JOIN passes p ON p.id = d.pass_id AND p.state = 'copying'
       JOIN worker_tasks t ON t.owner = CONCAT(p.saga_id, '/copy') AND t.state = 'leased'
        SET d.sync_type = ?, d.planned_bytes = ?, d.read_bytes = ?, d.written_bytes = ?, d.zeroed_bytes = ?,
            d.skipped_bytes = ?, d.sent_again_bytes = ?, d.retried_requests = ?, d.rate_bytes_per_sec = ?, d.seconds = ?, d.fallbacks = ?
      WHERE t.id = ? AND d.disk_key = ?`,
    [
      disk.syncType,
      disk.plannedBytes,
      disk.readBytes,
      disk.writtenBytes,
      disk.zeroedBytes,
      disk.skippedBytes,
      disk.sentAgainBytes,
      disk.retriedRequests,
      disk.rateBytesPerSec,
      disk.seconds,
      JSON.stringify(disk.fallbacks),
      taskId,
      disk.diskKey,
    ],
  )
}
