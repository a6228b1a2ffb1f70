import t from 'tap'
import { sourceVmId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { sourceSite } from '../../../agent/replication/source-site.js'
import { TaskBoard } from '../../../agent/replication/tasks/board.js'
import { pause, wallClock } from '../../../agent/roles/clock.js'
import { migrate } from '../../../agent/store/database.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'

const report = (durableBelow: string) => ({ diskKey: '2000', durableBelow, basis: 'b' })

void t.test('of a copy that broke, what was reported during its lease is kept', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const store = taskBoardStore(db, wallClock)
  const options = { logger: silent, now: wallClock, pause, leaseMs: 500, absentMs: 60_000, lookMs: 10 }
  const board = new TaskBoard({ ...options, store })
  const source = sourceSite(board)
  const stop = new AbortController()
  const order = {
    vm: sourceVmId('vm-1'),
    from: { kind: 'snapshot', name: 's' },
    pace: { level: 0, bytesPerSec: null },
    disks: [],
  } as const
  const copy = () => source.copy('g/copy', order, stop.signal).catch((error: unknown) => error)
  const lease = async () => {
    for (;;) {
      const leased = await store.lease('vma', 60_000)
      if (leased !== undefined) return leased
    }
  }
  t.same(await source.copyTries('g/copy'), { broken: [], goesOn: false })
  const first = copy()
  const one = await lease()
  await store.heartbeat(one.id, one.epoch, { progress: [report('9007199254740993')], held: false }, 60_000)
  t.match(await source.copyTries('g/copy'), { broken: [], goesOn: true })
  await store.finish(one.id, one.epoch, { kind: 'failed', failure: { code: 'WORKER_LOST', message: 'm' } })
  t.match(await first, { code: 'WORKER_LOST' })
  t.equal(
    await store.heartbeat(one.id, one.epoch, { progress: [report('9007199254740994')], held: false }, 60_000),
    'lapsed',
  )
  const { broken, goesOn } = await source.copyTries('g/copy')
  t.equal(goesOn, false)
  t.match(broken, [
    {
      failure: { code: 'WORKER_LOST' },
      endedAt: Date,
      disks: [{ diskKey: '2000', durableBelow: 9007199254740993n, report: report('9007199254740993') }],
    },
  ])

  const second = copy()
  const two = await lease()
  t.not(two.id, one.id, 'a new task, a new lease')
  stop.abort(new AppError('STORE_UNAVAILABLE', 'the agent is stopping'))
  t.match(await second, { code: 'STORE_UNAVAILABLE' })
  t.match(
    await store.heartbeat(two.id, two.epoch, { progress: [], held: false }, 60_000),
    { cancel: false },
    'an OMA that stops leaves it be',
  )
  t.match(await source.copyTries('g/copy'), { broken: [{}], goesOn: true })
  await store.cancel(two.id)
  t.match(await source.copyTries('g/copy'), {
    broken: [{}, { failure: { code: 'PASS_CANCELLED' } }],
    goesOn: false,
  })
})
