import { randomUUID } from 'node:crypto'
import t from 'tap'
import { ScheduleStand } from '../../../lab/schedule/stand.js'
import { migrate, openDatabase } from '../../../agent/store/database.js'
import { jobAdmin } from '../../../agent/store/job-admin.js'
import { roundStore } from '../../../agent/store/rounds.js'
import { scheduleStore } from '../../../agent/store/schedules.js'
import { codeOf } from '../../lib/code-of.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const never = new AbortController().signal
const minuteMs = 60_000
const startAt = new Date('2026-06-01T10:00:00Z')

void t.test('the scheduler over a real database', async t => {
  const server = await startMariadb(t)
  const { db } = server
  await migrate(db)

  /** An empty database, with a group of these VMs and a schedule every ten minutes. */
  const fresh = async (names: readonly string[], group: object = {}, schedule: object = {}) => {
    for (const table of [
      'rounds',
      'schedules',
      'replication_groups',
      'replication_jobs',
      'sagas',
      'source_vms',
    ])
      await db(table).delete()
    await db('rpo_findings').delete()
    const stand = new ScheduleStand({ db, startAt, logger: silent })
    const groupId = await stand.groups.create({ name: 'group', ...group })
    const jobs = new Map<string, string>()
    for (const name of names) {
      const job = await stand.addVm(name)
      await stand.groups.putMember(groupId, job, {})
      jobs.set(name, job)
    }
    const scheduleId = await stand.schedules.create({
      name: 'schedule',
      groupId,
      cron: '0 */10 * * * *',
      timeZone: 'UTC',
      ...schedule,
    })
    const scheduler = stand.newScheduler()
    const turn = (more = scheduler) => more.turn(never)
    const newest = async () => {
      const [round] = (await stand.views.rounds({ limit: 1 })).items
      if (round === undefined) throw new Error('no round')
      return stand.views.round(round.id)
    }
    const entries = async () =>
      (await newest()).entries.map(entry =>
        [entry.vmName, entry.state, entry.reason?.code, entry.position].filter(Boolean).join(' '),
      )
    const jobOf = (name: string): string => jobs.get(name) ?? ''
    return { stand, groupId, scheduleId, jobOf, scheduler, turn, newest, entries }
  }

  await t.test('a slot fires once, its passes carry the round, the rest queues with a position', async t => {
    const { stand, turn, entries, newest, jobOf } = await fresh(['a', 'b', 'c', 'd'], { maxConcurrent: 2 })
    await turn()
    t.equal((await stand.views.rounds({ limit: 9 })).items.length, 0)
    stand.setClock(new Date('2026-06-01T10:10:00.250Z'))
    await turn()
    await turn()
    t.equal((await stand.views.rounds({ limit: 9 })).items.length, 1)
    t.strictSame(await entries(), ['a running', 'b running', 'c queued group-cap 1', 'd queued group-cap 2'])
    const round = await newest()
    t.match(round, { trigger: 'schedule', late: false, slotAt: '2026-06-01T10:10:00.000Z' })
    t.strictSame(await db('passes').distinct('round_id').pluck('round_id'), [round.id])
    t.strictSame(
      (await stand.views.queue()).map(entry => `${entry.position} ${entry.vmName}`),
      ['1 c', '2 d'],
    )
    const first = (await stand.running()).find(pass => pass.jobId === jobOf('a'))
    if (first !== undefined) await stand.endPass(first, null)
    await turn()
    t.strictSame(await entries(), ['a committed', 'b running', 'c running', 'd queued group-cap 1'])
    await stand.endAll()
    await turn()
    await stand.endAll()
    await turn()
    t.strictSame(await entries(), ['a committed', 'b committed', 'c committed', 'd committed'])
    t.match(await stand.views.scheduler(), { queued: 0, running: 0, nextFireAt: '2026-06-01T10:20:00.000Z' })
  })

  await t.test('many processes at once fire each slot once and keep the cap', async t => {
    const { stand, turn } = await fresh(['a', 'b', 'c', 'd', 'e'], { maxConcurrent: 3 })
    const others = Array.from({ length: 4 }, () => {
      const other = openDatabase({
        socketPath: server.socketPath,
        user: 'root',
        database: 'ossea',
        poolSize: 2,
        onNotice: () => undefined,
      })
      t.teardown(() => other.destroy())
      const process = new ScheduleStand({ db: other, startAt, logger: silent })
      return { process, scheduler: process.newScheduler() }
    })
    for (let slot = 1; slot <= 12; slot += 1) {
      stand.advance(10 * minuteMs)
      for (const { process } of others) process.setClock(stand.now())
      await Promise.all([turn(), ...others.map(other => turn(other.scheduler))])
      const running = await stand.running()
      t.equal(running.length, 3, 'the cap holds over all of them')
      await stand.endAll()
      await turn()
      await stand.endAll()
      await Promise.all([turn(), ...others.map(other => turn(other.scheduler))])
    }
    const { items } = await stand.views.rounds({ limit: 200 })
    t.equal(items.length, 12)
    t.equal(new Set(items.map(round => round.slotAt)).size, 12)
    t.ok(items.every(round => round.counts.committed === 5))
    t.equal((await db('passes')).length, 60)
  })

  await t.test('late slots: the newest runs once or none does, and the history says so', async t => {
    for (const misfire of ['run-once', 'skip'] as const) {
      const { stand, turn } = await fresh(['a'], {}, { misfire })
      stand.setClock(new Date('2026-06-01T10:45:00Z'))
      await turn(stand.newScheduler())
      const { items } = await stand.views.rounds({ limit: 9 })
      const missed = items.find(round => round.kind === 'missed')?.missed
      const fired = items.filter(round => round.kind === 'fired')
      if (misfire === 'run-once') {
        t.match(fired, [{ slotAt: '2026-06-01T10:40:00.000Z', late: true }])
        t.match(missed, { slots: 3, until: '2026-06-01T10:30:00.000Z', reason: { code: 'coalesced' } })
      } else {
        t.strictSame(fired, [])
        t.match(missed, { slots: 4, until: '2026-06-01T10:40:00.000Z', reason: { code: 'misfire-skipped' } })
      }
    }
  })

  await t.test('a clock put back fires no slot twice, and forgets none', async t => {
    const { stand, turn } = await fresh(['a'])
    const slots = async () =>
      (await stand.views.rounds({ limit: 50 })).items
        .filter(round => round.kind === 'fired')
        .map(round => round.slotAt?.slice(11, 16))
        .sort()
    for (const time of ['10:10', '10:20', '10:30', '10:05', '10:10', '10:20', '10:30', '10:40']) {
      stand.setClock(new Date(`2026-06-01T${time}:00Z`))
      await turn()
      await stand.endAll()
      await turn()
    }
    t.strictSame(await slots(), ['10:10', '10:20', '10:30', '10:40'])
    stand.setClock(new Date('2027-06-01T10:00:00Z'))
    await turn()
    await stand.endAll()
    stand.setClock(new Date('2026-06-01T10:45:00Z'))
    await turn()
    stand.setClock(new Date('2026-06-01T10:50:00Z'))
    await turn()
    t.ok((await slots()).includes('10:50'), 'a year ahead and back loses nothing of this year')
  })

  await t.test('a change by an operator holds at once, and makes what was read before void', async t => {
    const { stand, scheduleId, turn } = await fresh(['a'])
    await stand.schedules.change(scheduleId, { cron: '0 5 * * * *' })
    t.equal((await stand.views.schedule(scheduleId)).nextFireAt, '2026-06-01T10:05:00.000Z')
    await stand.schedules.change(scheduleId, { enabled: false })
    stand.setClock(new Date('2026-06-01T12:00:00Z'))
    await turn()
    t.equal((await stand.views.rounds({ limit: 9 })).items.length, 0, 'a disabled schedule has no slots')
    await stand.schedules.change(scheduleId, { enabled: true })
    await turn()
    t.equal((await stand.views.rounds({ limit: 9 })).items.length, 0, 'nor are they made up for')
    t.equal((await stand.views.schedule(scheduleId)).nextFireAt, '2026-06-01T12:05:00.000Z')
    await stand.schedules.run(scheduleId)
    await turn()
    t.match((await stand.views.rounds({ limit: 9 })).items, [{ trigger: 'operator', counts: { running: 1 } }])
  })

  await t.test('what was read of a schedule before somebody else moved or changed it is void', async t => {
    const { stand, scheduleId } = await fresh(['a'])
    const store = scheduleStore(db, stand.now)
    const [read] = await store.active()
    if (read === undefined) throw new Error('no schedule')
    const [from, next] = [new Date('2026-06-01T10:10:00Z'), new Date('2026-06-01T10:50:00Z')]
    const missed = { from, until: from, count: 1, isCoalesced: false }
    const due = { kind: 'due', fire: null, missed, next } as const
    const outcomes = await Promise.all([store.fire(read, due), store.fire(read, due)])
    t.strictSame(outcomes.map(outcome => outcome.kind).sort(), ['lost', 'missed'])
    t.equal((await stand.views.rounds({ limit: 9 })).items.length, 1, 'told once')
    const [again] = await store.active()
    if (again === undefined) throw new Error('no schedule')
    await stand.schedules.change(scheduleId, { misfire: 'skip' })
    t.strictSame(await store.fire(again, { ...due, fire: { slotAt: next, isLate: false } }), { kind: 'lost' })
    t.equal((await stand.views.rounds({ limit: 9 })).items.length, 1)
  })

  await t.test('a queued round of a schedule that is disabled meanwhile says so', async t => {
    const { stand, scheduleId, turn, entries } = await fresh(['a', 'b'], { maxConcurrent: 1 })
    stand.advance(10 * minuteMs)
    await turn()
    await stand.schedules.change(scheduleId, { enabled: false })
    await turn()
    t.strictSame(await entries(), ['a running', 'b skipped schedule-disabled'])
    await stand.schedules.remove(scheduleId)
    await stand.endAll()
    await turn()
    t.strictSame(await entries(), ['a committed', 'b skipped schedule-disabled'], 'the history stays')
  })

  await t.test('what fails is tried again after its back-off, or ends with the reason', async t => {
    const { stand, turn, newest, entries } = await fresh(['a', 'b'], {}, { cron: '0 0 11 * * *' })
    stand.setClock(new Date('2026-06-01T11:00:00Z'))
    await turn()
    for (const pass of await stand.running()) {
      const entry = (await newest()).entries.find(one => one.passId === pass.passId)
      await stand.endPass(pass, entry?.vmName === 'a' ? 'SOURCE_READ_FAILED' : 'TARGET_FULL')
    }
    await turn()
    t.strictSame(await entries(), ['a queued back-off 1', 'b failed not-retried'])
    t.match((await newest()).entries, [
      { failure: { code: 'SOURCE_READ_FAILED' }, notBefore: '2026-06-01T11:01:00.000Z', tries: 1 },
      { failure: { code: 'TARGET_FULL' } },
    ])
    stand.advance(minuteMs - 1)
    await turn()
    t.equal((await stand.running()).length, 0)
    stand.advance(1)
    await turn()
    t.equal((await stand.running()).length, 1)
    for (let tries = 2; tries <= 5; tries += 1) {
      await stand.endAll('SOURCE_READ_FAILED')
      await turn()
      stand.advance(20 * minuteMs)
      await turn()
    }
    t.strictSame(await entries(), ['a failed tries-used', 'b failed not-retried'])
    t.equal((await db('passes')).length, 6)
  })

  await t.test('no VMA, a pause, a blackout: the VM waits, with the reason, and then runs', async t => {
    const blackouts = [{ days: ['mon'] as const, from: '10:10', to: '10:20' }]
    const { stand, turn, entries, jobOf } = await fresh(['a'], { blackouts })
    const admin = jobAdmin(db, stand.now)
    stand.isWorkerThere = false
    stand.advance(10 * minuteMs)
    await turn()
    t.strictSame(await entries(), ['a queued blackout 1'])
    stand.setClock(new Date('2026-06-01T10:20:00Z'))
    await turn()
    t.match((await stand.views.queue())[0], { reason: { code: 'worker-lost' } })
    t.strictSame(await entries(), ['a skipped already-queued'], 'the next slot finds it waiting')
    stand.isWorkerThere = true
    await admin.holdBack(jobOf('a'), 'pause', true)
    await turn()
    t.match((await stand.views.queue())[0], { reason: { code: 'job-paused' } })
    await admin.holdBack(jobOf('a'), 'pause', false)
    await turn()
    t.equal((await stand.running()).length, 1)
  })

  await t.test('a VM that is failed over gets no pass, from a schedule or from an operator', async t => {
    const { stand, turn, entries, jobOf } = await fresh(['a'])
    await db('failovers').insert({
      id: 'gone',
      job_id: jobOf('a'),
      source_vm_id: 'vm',
      vm_name: 'vm',
      kind: 'live',
      state: 'committed',
      options: '{}',
      saga_id: 'saga',
      holds_replicas: true,
      requested_at: stand.now(),
    })
    stand.advance(10 * minuteMs)
    await turn()
    t.strictSame(await entries(), ['a skipped failed-over'])
    const start = jobAdmin(db, stand.now).startPass(jobOf('a'), 'snapshot')
    t.equal(await codeOf(start), 'FAILOVER_COMMITTED')
  })

  await t.test('what was parked, deleted, withdrawn, or is in two groups', async t => {
    const { stand, turn, entries, jobOf, newest } = await fresh(['a', 'b', 'c'], { maxConcurrent: 1 })
    const second = await stand.groups.create({ name: 'second', priority: 90 })
    await stand.groups.putMember(second, jobOf('c'), { priority: 7 })
    stand.advance(10 * minuteMs)
    await turn()
    await db('sagas').update({ state: 'needs-operator' })
    const { id } = await newest()
    await stand.groups.withdraw(id, jobOf('b'))
    t.equal(await codeOf(stand.groups.withdraw(id, jobOf('a'))), 'JOB_BUSY')
    stand.advance(1)
    await stand.groups.run(second)
    await db('replication_jobs').where('id', jobOf('c')).delete()
    await turn()
    const round = await stand.views.round(id)
    t.strictSame(
      round.entries.map(entry => `${entry.vmName} ${entry.state} ${entry.reason?.code ?? ''}`),
      ['a failed clean-up-required', 'b skipped withdrawn', 'c skipped job-gone'],
    )
    t.strictSame(await entries(), ['c skipped already-queued'])
  })

  await t.test('a pass that somebody starts in the middle of a look is seen', async t => {
    const { stand, turn, entries, jobOf } = await fresh(['a'])
    stand.advance(10 * minuteMs)
    const holding = await db.transaction()
    await holding('replication_jobs').where('id', jobOf('a')).forUpdate()
    const looking = turn()
    await until('the look waits for the job', async () => {
      const waits = await db('information_schema.processlist').where('info', 'like', 'select%for update')
      return waits.length > 0
    })
    const [saga, pass] = [randomUUID(), randomUUID()]
    const input = JSON.stringify({ verificationId: pass })
    const log = { state: 'running', epoch: 0, next_seq: 0, cancel_requested: false, created_at: stand.now() }
    await holding('sagas').insert({ id: saga, kind: 'verification', input, ...log })
    await holding('verifications').insert({
      id: pass,
      job_id: jobOf('a'),
      saga_id: saga,
      triggered_by: 'operator',
      started_at: stand.now(),
      recovery_point_at: stand.now(),
      algorithm: 'sha256',
      block_bytes: 1,
    })
    await holding.commit()
    await looking
    t.equal((await db('passes')).length, 0, 'two sagas never work on one job')
    await turn()
    t.strictSame(await entries(), ['a queued verifying 1'])
  })

  await t.test('an RPO target starts passes earlier, and says when it cannot', async t => {
    const { stand, turn, groupId } = await fresh(['a', 'b'], { rpoSeconds: 1800 }, { cron: '0 0 23 * * *' })
    stand.advance(26 * minuteMs)
    await turn()
    t.equal((await stand.running()).length, 0)
    stand.advance(minuteMs)
    await turn()
    await turn()
    t.match((await stand.views.rounds({ limit: 9 })).items, [{ trigger: 'rpo', counts: { running: 2 } }])
    stand.advance(minuteMs)
    await stand.endAll()
    await turn()
    t.strictSame(await stand.views.rpoFindings(), [])
    stand.isWorkerThere = false
    stand.advance(26 * minuteMs)
    await turn()
    await turn()
    t.match(await stand.views.rpoFindings(), [
      { kind: 'at-risk', why: /no VMA is connected/, endedAt: null },
      { kind: 'at-risk', why: /no VMA is connected/, endedAt: null },
    ])
    stand.advance(10 * minuteMs)
    await turn()
    const { members } = await stand.views.group(groupId)
    t.match(
      members.map(member => member.rpo),
      [{ state: 'missed' }, { state: 'missed' }],
    )
    stand.isWorkerThere = true
    await turn()
    await stand.endAll()
    await turn()
    const findings = await stand.views.rpoFindings()
    t.equal(findings.length, 4)
    t.ok(findings.every(finding => finding.endedAt !== null))
    t.match((await stand.views.group(groupId)).members[0]?.rpo, { state: 'kept', why: null })
  })

  await t.test('old rounds are forgotten when their VMs have their outcome', async t => {
    const { stand, turn } = await fresh(['a', 'b'], { maxConcurrent: 1 })
    stand.advance(10 * minuteMs)
    await turn()
    const rounds = roundStore(db, { now: stand.now, isWorkerThere: () => Promise.resolve(true) })
    t.equal(await rounds.forget(new Date('2027-01-01T00:00:00Z')), 0)
    await stand.endAll()
    await turn()
    await stand.endAll()
    await turn()
    t.equal(await rounds.forget(stand.now()), 0)
    t.equal(await rounds.forget(new Date('2027-01-01T00:00:00Z')), 1)
  })
})
