import { createHash, randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { CloudstackSnapshots } from '../../../agent/cloudstack/snapshots.js'
import { snapshotSetId, type VolumeId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { type SnapshotSetDeps } from '../../../agent/replication/snapshot-set/deps.js'
import { revertSnapshotsSaga } from '../../../agent/replication/snapshot-set/revert.js'
import { takeSnapshotsSaga, type SnapshotSetInput } from '../../../agent/replication/snapshot-set/take.js'
import { runSaga } from '../../../agent/saga/engine.js'
import { type SagaDefinition } from '../../../agent/saga/step.js'
import { migrate } from '../../../agent/store/database.js'
import { createSnapshotSet, snapshotSetStore } from '../../../agent/store/snapshot-set-store.js'
import { type FaultRule } from '../../../lab/cloudstack/faults.js'
import { type SimulatorOptions } from '../../../lab/cloudstack/options.js'
import { startCloud } from '../../lab/cloudstack-fixture.js'
import { startMariadb } from '../../lib/mariadb.js'
import { MemorySagaLog, silent } from '../../lib/saga-harness.js'
import { agentOf, clientOf, installationId, MemoryJournal, pause } from './client-fixture.js'

const gib = 1024n ** 3n
const never = new AbortController().signal

async function site(t: Test, options: Partial<SimulatorOptions> = {}) {
  const started = await startCloud(t, { devices: 'file', role: 'user', ...options })
  const { cloud, ids } = started
  const api = clientOf(cloud)
  t.teardown(() => api.close())
  const place = { zoneId: ids.zone, applianceVmId: ids.applianceVm, diskOfferingId: ids.customDiskOffering }
  const journal = new MemoryJournal()
  const { changes, volumes } = agentOf(api, place, journal)
  const times = { lookMs: 5, usableLimitMs: 500, now: () => new Date(), pause }
  const snapshots = new CloudstackSnapshots({ api, changes, volumes, installationId, ...times })
  const makeDisk = async (name: string): Promise<VolumeId> => {
    const { id } = await volumes.ensure(name, gib, never)
    await volumes.ensureAttached(id, never)
    return id
  }
  const write = async (volume: VolumeId, text: string): Promise<void> => {
    const file = await open(cloud.volumePath(volume), 'r+')
    await file.write(text, 4096)
    await file.close()
  }
  /** The first bytes are enough: the tests write nowhere else. */
  const content = async (volume: VolumeId): Promise<string> => {
    const file = await open(cloud.volumePath(volume), 'r')
    const { buffer } = await file.read(Buffer.alloc(65536), 0, 65536, 0)
    await file.close()
    return createHash('sha256').update(buffer).digest('hex')
  }
  const states = () => [...cloud.site.snapshots.values()].map(({ state }) => state)
  return { ...started, journal, volumes, snapshots, makeDisk, write, content, states }
}

type Site = Awaited<ReturnType<typeof site>>

async function tried<T>(step: () => Promise<T>, codes: string[]): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof AppError) || tries >= 5) throw error
      codes.push(error.code)
    }
  }
}

const commands = ['createSnapshot', 'revertSnapshot', 'deleteSnapshot'] as const
const faults: readonly (readonly [string, (command: string) => FaultRule, string | null])[] = [
  ...[false, true].flatMap((after): (readonly [string, (command: string) => FaultRule, null])[] => [
    [`cut, after ${after}`, command => ({ kind: 'cut-connection', command, after, times: 1 }), null],
    [`hang, after ${after}`, command => ({ kind: 'hang-call', command, after, times: 1 }), null],
    [
      `status 503, after ${after}`,
      command => ({ kind: 'proxy-answer', command, status: 503, after, times: 1 }),
      null,
    ],
  ]),
  ['a broken answer', command => ({ kind: 'truncated-answer', command, times: 1 }), null],
  [
    'error 530',
    command => ({ kind: 'fail-call', command, errorCode: 530, errorText: 'no', times: 1 }),
    'CLOUDSTACK_INTERNAL',
  ],
  [
    'the job fails',
    command => ({ kind: 'fail-job', command, errorCode: 533, errorText: 'full', times: 1 }),
    'CLOUDSTACK_NO_CAPACITY',
  ],
  ['the key is refused', command => ({ kind: 'refuse-key', command, times: 1 }), 'CLOUDSTACK_REFUSED'],
]

for (const command of commands)
  for (const [name, rule, code] of faults)
    void t.test(`${command}, ${name}: brought back, nothing left`, async t => {
      const { snapshots, cloud, journal, makeDisk, write, content, states } = await site(t)
      const disk = await makeDisk('disk-1')
      await write(disk, 'before')
      const before = await content(disk)
      cloud.faults.add(rule(command))
      const met: string[] = []
      const id = await tried(() => snapshots.ensure('point', disk, never), met)
      t.equal(await snapshots.ensure('point', disk, never), id, 'once')
      t.same(
        states().filter(state => state !== 'Error'),
        ['BackedUp'],
      )
      await write(disk, 'after!')
      t.not(await content(disk), before)
      await tried(() => snapshots.revert(id, disk, never), met)
      t.equal(await content(disk), before)
      for (const found of await snapshots.findByName('point', disk, never))
        await tried(() => snapshots.remove(found, never), met)
      t.same(states(), [])
      t.same(met, code === null ? [] : [code])
      t.equal(journal.entries.size, 0)
      t.same(cloud.bugs, [])
    })

void t.test('a snapshot is used when it is backed up, not when its job has ended', async t => {
  const { snapshots, makeDisk, states } = await site(t, { snapshotBackupMs: 150 })
  const disk = await makeDisk('disk-1')
  await snapshots.ensure('point', disk, never)
  t.same(states(), ['BackedUp'])
  const slow = await site(t, { snapshotBackupMs: 60_000 })
  const other = await slow.makeDisk('disk-1')
  await t.rejects(slow.snapshots.ensure('point', other, never), { code: 'CLOUDSTACK_JOB_UNFINISHED' })
})

async function stand(t: Test) {
  const started = await site(t)
  const { db } = await startMariadb(t)
  await migrate(db)
  const deps: SnapshotSetDeps = {
    store: snapshotSetStore(db),
    target: started.snapshots,
    proofOf: started.content,
    logger: silent,
  }
  const disks = [await started.makeDisk('disk-1'), await started.makeDisk('disk-2')]
  const setId = snapshotSetId(randomUUID())
  await createSnapshotSet(db, () => new Date(), setId, disks)
  const run = async (saga: SagaDefinition<SnapshotSetDeps, SnapshotSetInput>) => {
    const log = new MemorySagaLog(saga.kind, { setId })
    const held = await log.claim('saga')
    if (held === undefined) throw new Error('nothing to claim')
    const options = { log, logger: silent, pause, retryFirstMs: 1, retryMaxMs: 2, triesBeforeOperator: 3 }
    return runSaga(options, saga, deps, held, { stop: never, cancel: never })
  }
  const state = async (): Promise<string> =>
    String((await db<{ state: string }>('snapshot_sets').first())?.state)
  return { ...started, deps, disks, run, state }
}

const contents = ({ disks, content }: { disks: readonly VolumeId[]; content: Site['content'] }) =>
  Promise.all(disks.map(content))

void t.test('all volumes go back together, are proved, and only then lose their snapshots', async t => {
  const set = await stand(t)
  const { run, state, states, disks, write } = set
  for (const disk of disks) await write(disk, 'before')
  const before = await contents(set)
  t.match(await run(takeSnapshotsSaga), { kind: 'succeeded' })
  t.same([await state(), states()], ['ready', ['BackedUp', 'BackedUp']])
  for (const disk of disks) await write(disk, 'after!')
  t.match(await run(revertSnapshotsSaga), { kind: 'succeeded' })
  t.same(await contents(set), before)
  t.same([await state(), states()], ['cleared', []])
})

void t.test('one volume without a snapshot: none is left', async t => {
  const { run, state, states, cloud, disks, snapshots } = await stand(t)
  const [, second] = disks
  if (second === undefined) throw new Error('two disks')
  const ensure = snapshots.ensure.bind(snapshots)
  snapshots.ensure = (name, volume, signal) => {
    if (name.endsWith(second) || cloud.site.snapshots.size > 0)
      cloud.faults.add({
        kind: 'fail-job',
        command: 'createSnapshot',
        errorCode: 530,
        errorText: 'x',
        times: 1,
      })
    return ensure(name, volume, signal)
  }
  t.match(await run(takeSnapshotsSaga), { kind: 'undone', failure: { code: 'CLOUDSTACK_INTERNAL' } })
  t.same([await state(), states()], ['failed', []])
})

void t.test(
  'a volume that differs after its revert keeps the snapshot, and can be reverted again',
  async t => {
    const set = await stand(t)
    const { run, state, states, disks, write, snapshots, deps } = set
    t.match(await run(takeSnapshotsSaga), { kind: 'succeeded' })
    const before = await contents(set)
    for (const disk of disks) await write(disk, 'after!')
    const revert = snapshots.revert.bind(snapshots)
    const [first] = disks
    snapshots.revert = async (id, volume, signal) => {
      await revert(id, volume, signal)
      if (volume === first) await write(volume, 'wrong')
    }
    t.match(await run(revertSnapshotsSaga), { kind: 'undone', failure: { code: 'SNAPSHOT_CONTENT_DIFFERS' } })
    t.same([await state(), states()], ['ready', ['BackedUp', 'BackedUp']])
    snapshots.revert = revert
    t.match(await run(revertSnapshotsSaga), { kind: 'succeeded' })
    t.same(await contents(set), before)
    t.equal(deps.target, snapshots)
  },
)
