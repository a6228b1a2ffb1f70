import { readdir } from 'node:fs/promises'
import { findServers } from '../site/processes.js'
import { type LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type Checks } from './scenario.js'

/** Between passes there is no snapshot, no open export, no reader, no volume nobody owns, no unfinished saga and task. */
export async function proveNothingLeft(site: LabSite, checks: Checks): Promise<void> {
  const snapshots = site.vcenter.vms.flatMap(vm =>
    vm.snapshots.map(snapshot => `${vm.name}: ${snapshot.name}`),
  )
  checks.equal('no snapshot is left', snapshots, [])
  const unconsolidated = site.vcenter.vms.filter(vm => vm.consolidationNeeded).map(vm => vm.name)
  checks.equal('no VM needs consolidation', unconsolidated, [])
  checks.equal('no NBD server is left', await findServers(site.dir), [])
  checks.equal(
    'nothing staged is left',
    (await readdir(site.product.stagingDir)).filter(name => name.includes('.qcow2')),
    [],
  )
  const jobs = await site.operator.jobs()
  const details = await Promise.all(jobs.map(job => site.operator.job(job.id)))
  const owned = details.flatMap(job => job.disks.map(disk => disk.volumeId).filter(id => id !== null))
  checks.equal('every volume belongs to a disk', volumesOf(site).toSorted(), owned.toSorted())
  const unfinished = await site.mariadb.query(`SELECT id FROM ossea.sagas WHERE state <> 'done'`)
  checks.equal('no saga is unfinished', unfinished, [])
  const tasks = await site.mariadb.query(
    `SELECT id FROM ossea.worker_tasks WHERE state IN ('queued', 'leased')`,
  )
  checks.equal('no work is unfinished', tasks, [])
}

const volumesOf = (site: LabSite): readonly string[] =>
  [...site.cloudstack.site.volumes.values()]
    .filter(volume => volume.type === 'DATADISK')
    .map(volume => volume.id)

/** Operations on volumes look once more when everything has settled. */
export const sagasEnd = (site: LabSite): Promise<true> =>
  until(
    'every saga ends',
    async () => {
      const rows = await site.mariadb.query(`SELECT id FROM ossea.sagas WHERE state <> 'done'`)
      return rows.length === 0 ? true : undefined
    },
    120_000,
  )
