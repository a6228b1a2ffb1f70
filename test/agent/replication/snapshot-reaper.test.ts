import { randomUUID } from 'node:crypto'
import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { SnapshotReaper } from '../../../agent/replication/snapshot-reaper.js'
import { migrate } from '../../../agent/store/database.js'
import { leftSnapshots } from '../../../agent/store/left-snapshots.js'
import { workerReports } from '../../../agent/store/worker-reports.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'

const now = (): Date => new Date()
const never = new AbortController().signal

void t.test('only snapshots of our own passes that are over are removed', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const vms = ['idle', 'busy', 'unmanaged'].map(name => ({ name, id: randomUUID() }))
  const addPass = async (vm: string, number: number, state: string): Promise<string> => {
    const [pass, saga] = [randomUUID(), randomUUID()]
    const fresh = { input: '{}', epoch: 0, next_seq: 0, cancel_requested: false, created_at: now() }
    await db('sagas').insert({ id: saga, kind: 'pass', state, ...fresh })
    await db('replication_jobs')
      .insert({ id: vm, source_vm_id: vm, vm_name: 'vm', created_at: now() })
      .onConflict('id')
      .ignore()
    await db('passes').insert({
      id: pass,
      job_id: vm,
      number,
      saga_id: saga,
      state: 'failed',
      started_at: now(),
    })
    return pass
  }
  const [idle, busy, unmanaged] = vms.map(vm => vm.id) as [string, string, string]
  const over = await addPass(idle, 1, 'done')
  const gone = await addPass(idle, 2, 'done')
  const before = await addPass(busy, 1, 'done')
  const parked = await addPass(busy, 2, 'needs-operator')
  const stranger = randomUUID()
  const listed: Record<string, string[]> = {
    [idle]: [over, stranger],
    [busy]: [before, parked],
    [unmanaged]: [over],
  }
  await workerReports(db, now).inventoryPage({
    scanId: 's1',
    last: true,
    vms: vms.map(({ id, name }) => ({
      id,
      name,
      power: 'on',
      diskCount: 1,
      capacityBytes: '1',
      folder: '',
      host: null,
      passSnapshots: (listed[id] ?? []).map(pass => `ossea-pass-${pass}`),
    })),
  })
  const removed: string[] = []
  let away = true
  const reaper = new SnapshotReaper({
    left: leftSnapshots(db),
    source: {
      removeSnapshot: (_owner, vm, name) => {
        if (away) return Promise.reject(new AppError('VSPHERE_UNREACHABLE', 'by the test'))
        removed.push(`${vm} ${name}`)
        return Promise.resolve(1)
      },
    },
    tasks: { forgetOwner: () => Promise.resolve() },
    logger: silent,
  })
  t.equal(await reaper.reap(never), 0, 'what fails stays for the next look')
  away = false
  t.equal(await reaper.reap(never), 1)
  t.same(removed, [`${idle} ossea-pass-${over}`])
  t.notOk(removed.some(line => line.includes(gone)))
})
