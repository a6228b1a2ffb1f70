import { passId, sourceVmId } from '../domain/ids.js'
import { passOfSnapshotName } from '../domain/names.js'
import { type LeftSnapshot } from '../replication/deps.js'
import { storeCall, type Database } from './database.js'

/** What the newest inventory lists of passes and verifications whose sagas are done, where the VM's job has no saga that is not. */
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
        const passes = [
          ...(await sagasOf(db, 'passes', vm.id)),
          ...(await sagasOf(db, 'verifications', vm.id)),
        ]
        if (passes.some(pass => pass.state !== 'done')) continue
        const known = new Set(passes.map(pass => pass.id))
        for (const pass of named)
          if (known.has(pass)) left.push({ passId: passId(pass), vm: sourceVmId(vm.id) })
      }
      return left
    })
}

const sagasOf = (
  db: Database,
  table: 'passes' | 'verifications',
  vm: string,
): Promise<readonly { id: string; state: string }[]> =>
  db(`${table} as w`)
    .join('sagas as s', 's.id', 'w.saga_id')
    .join('replication_jobs as j', 'j.id', 'w.job_id')
    .where('j.source_vm_id', vm)
    .select<{ id: string; state: string }[]>('w.id', 's.state')
