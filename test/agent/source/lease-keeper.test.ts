import t from 'tap'
import { type DiskCounters, type LeasedTask } from '../../../agent/api/worker.js'
import { monotonicMs, pause } from '../../../agent/roles/clock.js'
import { LeaseKeeper } from '../../../agent/source/lease-keeper.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const MIB = 1024n * 1024n
const task: LeasedTask = {
  id: 'task-1',
  epoch: 1,
  leaseMs: 600_000,
  hold: false,
  kind: 'inspect-vm',
  input: { sourceVmId: 'vm-1' },
}
const at = (durableBelow: bigint, diskKey = '2000'): DiskCounters => ({
  diskKey,
  syncType: 'full',
  plannedBytes: '0',
  readBytes: '0',
  writtenBytes: '0',
  zeroedBytes: '0',
  skippedBytes: '0',
  sentAgainBytes: '0',
  durableBelow: durableBelow.toString(),
  durableSum: '0'.repeat(32),
  basis: '',
  retriedRequests: 0,
  rateBytesPerSec: '0',
  seconds: null,
  fallbacks: [],
})

void t.test(
  'a durable mark that moved far is told at once, not at the next quarter of the lease',
  async t => {
    const told: string[][] = []
    const steering = { isHeld: false, hold: () => undefined }
    const link = {
      heartbeat: (_task: LeasedTask, { progress }: { readonly progress: readonly DiskCounters[] }) => {
        told.push(progress.map(disk => disk.durableBelow))
        return Promise.resolve({ cancel: false, hold: false })
      },
    }
    const keeper = new LeaseKeeper({ link, logger: silent, nowMs: monotonicMs, pause }, task, steering)
    t.teardown(() => keeper.stop())
    await until('the first heartbeat', () => told.length === 1)
    keeper.progress = [at(MIB)]
    keeper.progress = [at(3n * MIB)]
    t.equal(told.length, 1, 'a little can wait')
    keeper.progress = [at(5n * MIB), at(0n, '2001')]
    await until('the second heartbeat', () => told.length === 2)
    keeper.progress = [at(5n * MIB), at(4n * MIB, '2001')]
    await until('the third heartbeat', () => told.length === 3)
    t.same(told, [[], [(5n * MIB).toString(), '0'], [(5n * MIB).toString(), (4n * MIB).toString()]])
  },
)
