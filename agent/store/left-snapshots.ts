import { passId, sourceVmId } from '../domain/ids.js'
import { passOfSnapshotName } from '../domain/names.js'
import { type LeftSnapshot } from '../replication/deps.js'
import { storeCall, type Database } from './database.js'

/** What the newest inventory lists of passes whose sagas are done, where the VM's job has no saga that is not. */
export function leftSnapshots(db: Database): () => Promise<readonly LeftSnapshot[]> {
  return () =>
    storeCall('looking for left snapshots', async () => {
      const vms = await db<{ id: string; pass_snapshots: string }>('source_vms').whereNot(
        'pass_snapshots',
        '[]',
      )
      const left: LeftSnapshot[] = []
      for (const vm of vms) {
        const named = (JSON.parse(vm.pass_snapshots) as string[]).flatMap(
          name => passOfSnapshotName(name) ?? [],
        )
        const passes: { id: string; state: string }[] = await db('passes as p')
          .join('sagas as s', 's.id', 'p.saga_id')
          .join('replication_jobs as j', 'j.id', 'p.job_id')
          .where('j.source_vm_id', vm.id)
          .select('p.id', 's.state')
        if (passes.some(pass => pass.state !== 'done')) continue
        const known = new Set(passes.map(pass => pass.id))
        for (const pass of named)
          if (known.has(pass)) left.push({ passId: passId(pass), vm: sourceVmId(vm.id) })
      }
      return left
    })
}
