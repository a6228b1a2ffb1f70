import t from 'tap'
import { type GroupDetailView, type GroupView } from '../../../agent/api/groups.js'
import { type RoundDetailView, type RoundList } from '../../../agent/api/rounds.js'
import { type PreviewView, type ScheduleView } from '../../../agent/api/schedules.js'
import { operatorApi } from '../../../agent/http/operator-api.js'
import { migrate } from '../../../agent/store/database.js'
import { ScheduleStand } from '../../../lab/schedule/stand.js'
import { startMariadb } from '../../lib/mariadb.js'
import { operatorParts } from '../../lib/operator-parts.js'
import { silent } from '../../lib/saga-harness.js'

void t.test('schedules and groups in the operator API', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const stand = new ScheduleStand({ db, startAt: new Date('2026-03-28T12:00:00Z'), logger: silent })
  const api = operatorApi(operatorParts(db, stand.now))
  t.teardown(() => api.close())
  const call = async (method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, payload?: object) => {
    const reply = await api.inject({ method, url, ...(payload === undefined ? {} : { payload }) })
    const body: unknown = reply.body === '' ? null : reply.json()
    return { status: reply.statusCode, body }
  }
  const refusal = async (...request: Parameters<typeof call>): Promise<string> => {
    const { status, body } = await call(...request)
    const { code, message } = body as { code: string; message: string }
    return `${status} ${code} ${message}`
  }
  const get = async <T>(url: string): Promise<T> => {
    const { status, body } = await call('GET', url)
    t.equal(status, 200, url)
    return body as T
  }
  const scheduler = stand.newScheduler()
  const never = new AbortController().signal
  const jobs = [await stand.addVm('web'), await stand.addVm('db')]

  const made = await call('POST', '/v1/groups', {
    name: 'shop',
    maxConcurrent: 1,
    rpoSeconds: 3600,
    timeZone: 'Europe/Berlin',
    blackouts: [{ days: ['sun'], from: '22:00', to: '02:00' }],
  })
  t.equal(made.status, 201)
  const group = made.body as GroupDetailView
  t.match(group, { priority: 50, poweredOff: 'replicate', maxRetries: null, members: [] })
  for (const [index, job] of jobs.entries()) {
    const put = await call('PUT', `/v1/groups/${group.id}/members/${job}`, { priority: index })
    t.equal(put.status, 200)
  }
  const changed = await call('PUT', `/v1/groups/${group.id}/members/${jobs[0]}`, { enabled: false })
  t.match((changed.body as GroupDetailView).members, [
    { vmName: 'db', enabled: true, priority: 1, rpo: { state: 'kept' } },
    { vmName: 'web', enabled: false, priority: 0, rpo: null },
  ])

  await t.test('a preview says when, in both clocks, and what a clock change does', async t => {
    const { body } = await call('POST', '/v1/schedule-previews', {
      cron: '0 30 2 * * *',
      timeZone: 'Europe/Berlin',
    })
    const preview = body as PreviewView
    t.equal(preview.clockChanges, 'once-a-day')
    t.strictSame(
      preview.fires.map(fire => fire.at),
      [29, 30, 31, 32, 33].map((day, index) =>
        new Date(Date.UTC(2026, 2, day, index === 0 ? 1 : 0, index === 0 ? 0 : 30)).toISOString(),
      ),
    )
    t.match(preview.fires[0]?.local, /29\/03\/2026.*03:00:00.*GMT\+02:00/)
  })

  await t.test('what cannot be is refused, and says where', async t => {
    const schedule = { name: 'nightly', groupId: group.id, cron: '0 0 2 * * *', timeZone: 'Europe/Berlin' }
    const create = (more: object) => refusal('POST', '/v1/schedules', { ...schedule, ...more })
    t.match(await create({ cron: '0 61 2 * * *' }), /^400 REQUEST_INVALID cron: field 2 \(minute\) is 61: /)
    t.match(await create({ timeZone: 'Mars/Base' }), /^400 REQUEST_INVALID timeZone: /)
    t.match(await create({ groupId: 'none' }), /^404 NOT_FOUND group none/)
    t.match(await create({ surprise: 1 }), /^400 REQUEST_INVALID/)
    t.match(await create({ graceSeconds: 0 }), /^400 REQUEST_INVALID/)
    t.match(await refusal('POST', '/v1/groups', { name: 'shop' }), /^409 NAME_TAKEN shop/)
    t.match(await refusal('POST', '/v1/groups', { name: 'x', timeZone: 'Mars/Base' }), /^400 .*timeZone/)
    const late = [{ days: ['sun'], from: '25:00', to: '02:00' }]
    t.match(await refusal('PATCH', `/v1/groups/${group.id}`, { blackouts: late }), /^400 .*blackouts/)
    t.match(await refusal('PUT', `/v1/groups/${group.id}/members/none`, {}), /^404 NOT_FOUND/)
    t.match(await refusal('GET', '/v1/rounds/none'), /^404 NOT_FOUND/)
    t.match(await refusal('GET', '/v1/rounds?before=2026-99-28T12:00:00.000Z_a'), /^400 .*before/)
    t.match(await refusal('POST', '/v1/schedules/none/rounds'), /^404 NOT_FOUND/)
  })

  await t.test('make, change, run now, look at the history, delete', async t => {
    const { status, body } = await call('POST', '/v1/schedules', {
      name: 'nightly',
      groupId: group.id,
      cron: '0 30 2 * * *',
      timeZone: 'Europe/Berlin',
    })
    t.equal(status, 201)
    const { id } = body as ScheduleView
    t.match(body, {
      enabled: true,
      misfire: 'run-once',
      nextFireAt: '2026-03-29T01:00:00.000Z',
      problem: null,
    })
    const off = await call('PATCH', `/v1/schedules/${id}`, { enabled: false, misfire: 'skip' })
    t.match(off.body, { enabled: false, misfire: 'skip', nextFireAt: null, upcoming: [] })
    t.equal((await call('PATCH', `/v1/schedules/${id}`, { enabled: true })).status, 200)
    t.match(await refusal('DELETE', `/v1/groups/${group.id}`), /^409 GROUP_IN_USE .*nightly/)

    await call('PUT', `/v1/groups/${group.id}/members/${jobs[0]}`, { enabled: true })
    const run = await call('POST', `/v1/schedules/${id}/rounds`)
    t.equal(run.status, 202)
    const round = run.body as RoundDetailView
    t.match(round, { trigger: 'operator', counts: { queued: 2 } })
    await scheduler.turn(never)
    t.match(await get<RoundDetailView>(`/v1/rounds/${round.id}`), {
      entries: [
        { vmName: 'db', state: 'running', position: null },
        {
          vmName: 'web',
          state: 'queued',
          position: 1,
          reason: { code: 'group-cap', text: /as many passes .*: 1/ },
        },
      ],
    })
    t.match(await get('/v1/round-queue'), { items: [{ vmName: 'web', position: 1 }] })
    t.match(await get('/v1/scheduler'), { queued: 1, running: 1, nextFireAt: '2026-03-29T01:00:00.000Z' })
    const out = await call('DELETE', `/v1/rounds/${round.id}/entries/${jobs[0]}`)
    t.match((out.body as RoundDetailView).entries[1], { state: 'skipped', reason: { code: 'withdrawn' } })
    t.match(await refusal('DELETE', `/v1/rounds/${round.id}/entries/${jobs[1]}`), /^409 JOB_BUSY/)
    await stand.endAll()
    await scheduler.turn(never)

    for (let more = 0; more < 3; more += 1) await call('POST', `/v1/groups/${group.id}/rounds`)
    const first = await get<RoundList>('/v1/rounds?limit=3')
    t.equal(first.items.length, 3)
    const second = await get<RoundList>(`/v1/rounds?limit=3&before=${first.next ?? ''}`)
    const ids = [...first.items, ...second.items].map(one => one.id)
    t.equal(new Set(ids).size, 4, 'pages neither repeat nor leave out rounds of one instant')
    t.equal(second.next, null)
    t.equal((await get<RoundList>(`/v1/rounds?scheduleId=${id}`)).items.length, 1)
    t.equal((await get<RoundList>(`/v1/rounds?jobId=${jobs[1]}&groupId=${group.id}`)).items.length, 4)
    t.equal((await get<RoundList>('/v1/rounds?jobId=none')).items.length, 0)

    t.equal((await call('DELETE', `/v1/groups/${group.id}/members/${jobs[0]}`)).status, 204)
    t.equal((await call('DELETE', `/v1/schedules/${id}`)).status, 204)
    t.equal((await call('DELETE', `/v1/groups/${group.id}`)).status, 204)
    t.match(await refusal('DELETE', `/v1/schedules/${id}`), /^404/)
    t.strictSame((await get<{ items: GroupView[] }>('/v1/groups')).items, [])
    t.match(await get(`/v1/rounds/${round.id}`), { scheduleName: 'nightly', groupName: 'shop' })
  })
})
