import { setTimeout as after } from 'node:timers/promises'
import t from 'tap'
import { sourceVmId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { sourceSite } from '../../../agent/replication/source-site.js'
import { TaskBoard } from '../../../agent/replication/tasks/board.js'
import { migrate } from '../../../agent/store/database.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { codeOf } from '../../lib/code-of.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const pause = async (delayMs: number, signal: AbortSignal): Promise<void> => {
  await after(delayMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
const never = new AbortController().signal
void t.test('work for a VMA', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const now = (): Date => new Date()
  const store = taskBoardStore(db, now)
  const leaseMs = 600
  const board = new TaskBoard({ store, logger: silent, now, pause, leaseMs, absentMs: 60_000, lookMs: 20 })
  board.start()
  t.teardown(() => board.stop())
  const source = sourceSite(board)
  const vm = sourceVmId('vm-1')
  const take = async () => {
    let lease: Awaited<ReturnType<typeof store.lease>>
    await until('a task is there', async () => {
      lease = await store.lease('vma', leaseMs)
      return lease !== undefined
    })
    return lease!
  }

  await t.test('is taken, done, and its result arrives with exact sizes', async t => {
    const asked = source.inspect('saga-1/inspect', vm, never)
    const lease = await take()
    t.match(lease, { kind: 'inspect-vm', input: { sourceVmId: 'vm-1' } })
    const disk = {
      diskKey: '2000',
      label: 'Hard disk 1',
      capacityBytes: '9007199254740993',
      backingUuid: 'b',
      baseFile: 'f',
      snapshotable: true,
    }
    const result = { name: 'vm', changeTracking: 'on', disks: [disk] }
    t.equal(await store.finish(lease.id, lease.epoch, { kind: 'done', result }), true)
    t.equal((await asked).disks[0]?.capacityBytes, 9007199254740993n)
    t.equal(
      (await source.inspect('saga-1/inspect', vm, never)).name,
      'vm',
      'asked again after a crash it is there',
    )
  })

  await t.test('fails with what the VMA reported', async t => {
    const asked = codeOf(source.removeSnapshot('saga-2/remove', vm, 'name', never))
    const lease = await take()
    const failure = { code: 'VSPHERE_LOGIN_REFUSED', message: 'no' } as const
    await store.finish(lease.id, lease.epoch, { kind: 'failed', failure })
    t.equal(await asked, 'VSPHERE_LOGIN_REFUSED')
  })

  await t.test('is lost when the heartbeats end, and what comes late is refused', async t => {
    const asked = codeOf(source.snapshot('saga-3/snapshot', vm, { name: 'name', quiesce: 'off' }, never))
    const lease = await take()
    t.same(await store.heartbeat(lease.id, lease.epoch, { progress: [], held: false }, leaseMs), {
      cancel: false,
      hold: false,
    })
    t.equal(await asked, 'WORKER_LOST')
    t.equal(await store.finish(lease.id, lease.epoch, { kind: 'done', result: null }), false)
  })

  await t.test('is cancelled: the VMA hears it with its next heartbeat', async t => {
    const cancel = new AbortController()
    const asked = codeOf(source.removeSnapshot('saga-4/remove', vm, 'name', cancel.signal))
    const lease = await take()
    cancel.abort(new AppError('PASS_CANCELLED', 'by the operator'))
    t.equal(await asked, 'PASS_CANCELLED')
    t.same(await store.heartbeat(lease.id, lease.epoch, { progress: [], held: false }, leaseMs), {
      cancel: true,
      hold: false,
    })
  })
})
