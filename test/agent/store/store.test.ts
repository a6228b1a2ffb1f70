import { randomUUID } from 'node:crypto'
import t from 'tap'
import { changeId, diskKey, jobId, passId, sourceVmId, taskId, volumeId } from '../../../agent/domain/ids.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { passStore } from '../../../agent/store/pass-store.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { SagaClaimLost } from '../../../agent/saga/log.js'
import { frozenVm } from '../../fake/hardware.js'
import { codeOf } from '../../lib/code-of.js'
import { startMariadb } from '../../lib/mariadb.js'
import { aHolder } from '../../lib/saga-harness.js'

const size = 9007199254740993n
const now = (): Date => new Date('2026-11-23T12:00:00.123Z')

async function newPass(db: Database) {
  const ids = {
    job: jobId(randomUUID()),
    pass: passId(randomUUID()),
    saga: randomUUID(),
    vm: sourceVmId(randomUUID()),
  }
  await db('replication_jobs').insert({ id: ids.job, source_vm_id: ids.vm, vm_name: 'vm', created_at: now() })
  await db('sagas').insert({
    id: ids.saga,
    kind: 'pass',
    input: '{}',
    state: 'running',
    epoch: 0,
    next_seq: 0,
    cancel_requested: false,
    created_at: now(),
  })
  await db('passes').insert({
    id: ids.pass,
    job_id: ids.job,
    number: 1,
    saga_id: ids.saga,
    state: 'intent',
    started_at: now(),
  })
  return ids
}

void t.test('MariaDB', async t => {
  const server = await startMariadb(t)
  const { db } = server
  await migrate(db)
  await migrate(db)
  const disks = ['2000', '2001'].map(key => ({
    diskKey: diskKey(key),
    label: `Hard disk ${key}`,
    capacityBytes: size,
    backingUuid: `backing-${key}`,
    baseFile: '',
    fullReason: null,
  }))

  await t.test('sizes above 2^53 and times in UTC survive', async t => {
    const store = passStore(db, now)
    const { job } = await newPass(db)
    await store.recordDisks(job, disks)
    await store.recordDisks(job, disks)
    const read = await store.job(job)
    t.same(
      read.disks.map(disk => disk.capacityBytes),
      [size, size],
    )
    t.equal(read.hasRecoveryPoint, false)
    const row = await db<{ id: string; created_at: Date }>('replication_jobs').where('id', job).first()
    t.equal(row?.created_at.toISOString(), now().toISOString())
    t.equal(await codeOf(store.job(jobId('none'))), 'NOT_FOUND')
  })

  await t.test('all change IDs move in the commit, once, and only from verified', async t => {
    const store = passStore(db, now)
    const { job, pass } = await newPass(db)
    await store.recordDisks(job, disks)
    await store.recordSnapshot(
      pass,
      frozenVm,
      disks.map(disk => ({ diskKey: disk.diskKey, changeIdBefore: null })),
    )
    const committed = disks.map(disk => ({
      diskKey: disk.diskKey,
      changeId: changeId(`52 aa/${disk.diskKey}`),
    }))
    await t.rejects(store.commit(pass, committed, null), /cannot become committed/)
    t.same(
      (await store.job(job)).disks.map(disk => disk.changeId),
      [null, null],
      'nothing moved',
    )
    for (const state of ['snapped', 'copying', 'flushed', 'verified'] as const) {
      await store.advance(pass, state)
      await store.advance(pass, state)
    }
    const stranger = { diskKey: diskKey('9999'), changeId: changeId('x') }
    await t.rejects(store.commit(pass, [...committed, stranger], null))
    t.same(
      (await store.job(job)).disks.map(disk => disk.changeId),
      [null, null],
      'all or nothing',
    )
    await store.commit(pass, committed, null)
    await store.commit(pass, committed, null)
    const read = await store.job(job)
    t.same(
      read.disks.map(disk => disk.changeId),
      committed.map(disk => disk.changeId),
    )
    t.equal(read.hasRecoveryPoint, true)
    await t.rejects(store.fail(pass, { code: 'TARGET_FULL', message: '' }), /cannot become failed/)
  })

  await t.test('a volume belongs to one disk', async t => {
    const store = passStore(db, now)
    const { job } = await newPass(db)
    await store.recordDisks(job, disks)
    const volume = volumeId(randomUUID())
    await store.recordVolume(job, diskKey('2000'), volume)
    await t.rejects(store.recordVolume(job, diskKey('2001'), volume), /Duplicate/)
    await store.forgetVolume(job, diskKey('2000'), volume)
    t.same(
      (await store.job(job)).disks.map(disk => disk.volumeId),
      [null, null],
    )
  })

  await t.test('the step log keeps every event, and only the newest claim may write', async t => {
    const log = sagaLog(db, now, aHolder)
    const { saga } = await newPass(db)
    const first = await log.claim(saga)
    await log.append(first!.claim, { kind: 'started', step: 'one' }, 'running')
    await log.append(first!.claim, { kind: 'succeeded', step: 'one', output: { bytes: '1' } }, 'running')
    const second = await log.claim(saga)
    t.same(
      second!.record.events.map(event => event.kind),
      ['started', 'succeeded'],
    )
    await t.rejects(log.append(first!.claim, { kind: 'started', step: 'two' }, 'running'), SagaClaimLost)
    const failure = { code: 'TARGET_FULL', message: 'no room' } as const
    await log.append(second!.claim, { kind: 'failed', step: 'two', failure }, 'unwinding')
    t.match((await log.claim(saga))!.record.events.at(-1), { kind: 'failed', failure })
    const last = await log.claim(saga)
    await log.setState(last!.claim, 'done')
    t.equal(await log.claim(saga), undefined)
  })

  await t.test('a lease is held by heartbeats, lapses, and a late report is refused', async t => {
    let clock = now().getTime()
    const board = taskBoardStore(db, () => new Date(clock))
    const task = { owner: 'saga/copy', kind: 'copy-disks', subject: 'vm-1', input: { a: 1 } }
    const id = await board.ensure(task)
    t.equal(await board.ensure(task), id, 'asking again finds the same work')
    clock += 1
    await board.ensure({ ...task, owner: 'saga/other' })
    const lease = await board.lease('vma', 1000)
    t.match(lease, { id, epoch: 1, kind: 'copy-disks', input: { a: 1 } })
    t.equal(await board.lease('vma', 1000), undefined, 'one task of a VM at a time')
    t.same(await board.heartbeat(id, 1, { progress: [], held: false }, 1000), { cancel: false, hold: false })
    clock += 900
    t.same(await board.heartbeat(id, 1, { progress: [{ read: '5' }], held: false }, 1000), {
      cancel: false,
      hold: false,
    })
    clock += 900
    const lost = { code: 'WORKER_LOST', message: '' } as const
    const absent = { code: 'WORKER_ABSENT', message: '' } as const
    const since = new Date(clock - 60_000)
    t.equal(await board.failLapsed(lost, since, absent), 0)
    clock += 200
    t.equal(await board.failLapsed(lost, since, absent), 1)
    t.match(await board.standing(id), { kind: 'failed', failure: { code: 'WORKER_LOST' } })
    t.equal(await board.heartbeat(id, 1, { progress: [], held: false }, 1000), 'lapsed')
    t.equal(await board.finish(id, 1, { kind: 'done', result: null }), false)
    const again = await board.ensure(task)
    t.not(again, id, 'a failed task is asked for anew')
    t.equal(await board.failLapsed(lost, new Date(clock + 1), absent), 2, 'nobody takes the rest')
    t.match(await board.standing(taskId(again)), { kind: 'failed', failure: { code: 'WORKER_ABSENT' } })
  })

  await t.test('MariaDB killed: STORE_UNAVAILABLE, and back after its next start', async t => {
    const store = passStore(db, now)
    const { job } = await newPass(db)
    await server.kill()
    t.equal(await codeOf(store.job(job)), 'STORE_UNAVAILABLE')
    t.equal(await codeOf(migrate(db)), 'STORE_UNAVAILABLE')
    await server.start()
    await migrate(db)
    t.equal((await store.job(job)).id, job)
  })
})
