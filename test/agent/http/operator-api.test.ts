import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import t from 'tap'
import { operatorClient, type Send } from '../../../agent/api/client.js'
import { taskId } from '../../../agent/domain/ids.js'
import { operatorApi } from '../../../agent/http/operator-api.js'
import { migrate } from '../../../agent/store/database.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { taskBoardStore } from '../../../agent/store/worker-tasks.js'
import { codeOf } from '../../lib/code-of.js'
import { startMariadb } from '../../lib/mariadb.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { operatorParts } from '../../lib/operator-parts.js'
import { aHolder } from '../../lib/saga-harness.js'

void t.test('the operator API on a unix socket over a real database', async t => {
  const database = await startMariadb(t)
  const { db } = database
  await migrate(db)
  const now = (): Date => new Date()
  const cancelled: string[] = []
  let pokes = 0
  const server = operatorApi({
    ...operatorParts(db, now),
    onWork: () => (pokes += 1),
    onCancel: saga => cancelled.push(saga),
  })
  const socketPath = join(await temporaryDir(t), 'api.sock')
  await server.listen({ path: socketPath })
  t.teardown(() => server.close())
  const dispatcher = new Agent({ connect: { socketPath } })
  t.teardown(() => dispatcher.close())
  const send: Send = async (method, path, body) => {
    const reply = await request(`http://agent${path}`, {
      dispatcher,
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await reply.body.text()
    const parsed: unknown = text === '' ? null : JSON.parse(text)
    return { status: reply.statusCode, body: parsed }
  }
  const client = operatorClient(send)
  const vms = [1, 2, 3].map(index => ({
    id: `4200000${index}-0000-4000-8000-000000000000`,
    name: `vm-${index}`,
    power: 'on',
    disk_count: 2,
    capacity_bytes: '9007199254740993',
    seen_at: now(),
    scan_id: 'scan',
  }))
  await db('source_vms').insert(vms)

  t.match(await client.status(), {
    version: '9.9.9',
    vma: { state: 'unknown' },
    source: { state: 'unknown' },
  })
  const heard = { id: 1, worker_seen_at: new Date(now().getTime() - 60_000), checked_at: now() }
  await db('source_site').insert({
    ...heard,
    source_state: 'failed',
    failure_code: 'VSPHERE_LOGIN_REFUSED',
    failure_message: 'as ossea',
  })
  t.match(await client.status(), {
    vma: { state: 'lost' },
    source: { state: 'failed', failure: { code: 'VSPHERE_LOGIN_REFUSED', next: /credentials/ } },
  })

  const page = await client.sourceVms()
  t.same(
    page.items.map(vm => [vm.name, vm.capacityBytes, vm.jobId]),
    vms.map(vm => [vm.name, vm.capacity_bytes, null]),
  )
  const { body } = await send('GET', '/v1/source-vms?limit=2', undefined)
  t.match(body, { next: vms[1]!.id })

  const volumes = [{ diskKey: '2000', volumeId: randomUUID() }]
  const job = await client.createJob({ sourceVmId: vms[0]!.id, volumes })
  t.match(job, {
    vmName: 'vm-1',
    state: 'new',
    recoveryPointAt: null,
    currentPass: null,
    lastPass: null,
    disks: volumes,
  })
  t.equal(await codeOf(client.createJob({ sourceVmId: vms[0]!.id })), 'JOB_EXISTS')
  t.equal(await codeOf(client.createJob({ sourceVmId: 'nobody' })), 'SOURCE_VM_UNKNOWN')
  t.equal(await codeOf(client.createJob({ sourceVmId: vms[1]!.id, volumes })), 'VOLUME_BUSY')
  t.equal(await codeOf(client.job('none')), 'NOT_FOUND')
  t.match(await send('POST', '/v1/replication-jobs', { sourceVmId: vms[1]!.id, surprise: 1 }), {
    status: 400,
    body: { code: 'REQUEST_INVALID' },
  })
  t.match(await send('GET', '/v1/nothing', undefined), { status: 404, body: { code: 'NOT_FOUND' } })

  t.equal(job.quiesce, 'preferred')
  t.equal((await client.changeJob(job.id, { quiesce: 'required' })).quiesce, 'required')
  t.equal(await codeOf(client.changeJob('none', { quiesce: 'off' })), 'NOT_FOUND')
  t.same(await client.hardwareVersions(vms[0]!.id), [])
  t.equal(await codeOf(client.hardwareVersion(vms[0]!.id, 1)), 'NOT_FOUND')
  t.equal(await codeOf(client.compareHardware(vms[0]!.id, 1, 2)), 'NOT_FOUND')

  const pass = await client.startPass(job.id)
  t.match(pass, {
    number: 1,
    state: 'intent',
    sagaState: 'running',
    syncType: null,
    plannedBytes: null,
    etaSeconds: null,
    resumedCount: 0,
  })
  t.equal(pokes, 1)
  t.equal(await codeOf(client.startPass(job.id)), 'JOB_BUSY')
  t.match(await client.job(job.id), { state: 'replicating', currentPass: { id: pass.id } })

  await client.cancelPass(pass.id)
  t.equal(cancelled.length, 1)
  const log = sagaLog(db, now, aHolder)
  const held = await log.claim(cancelled[0]!)
  t.equal(held?.record.cancelRequested, true)
  await log.append(held!.claim, { kind: 'started', step: 'begin' }, 'running')
  const failure = { code: 'PASS_CANCELLED', message: 'by the operator' } as const
  await log.append(held!.claim, { kind: 'failed', step: 'begin', failure }, 'unwinding')
  t.match(await client.pass(pass.id), {
    sagaState: 'unwinding',
    failure: { code: 'PASS_CANCELLED', next: /next pass/ },
    steps: [{ name: 'begin', state: 'failed' }],
  })
  t.match(await client.job(job.id), { state: 'cleaning-up' })
  await log.setState(held!.claim, 'done')
  const final = await client.startPass(job.id, 'final')
  t.equal(final.number, 2)
  t.match(await client.pass(final.id), { mode: 'final', consistency: null, notes: [] })
  t.same(
    (await client.passes(job.id)).map(one => one.number),
    [2, 1],
  )

  const paused = await client.pauseJob(job.id)
  t.match(paused, { state: 'pausing', stoppedAt: null, currentPass: { held: false } })
  t.equal((await client.pauseJob(job.id)).pausedAt, paused.pausedAt, 'pausing twice changes nothing')
  const task = { kind: 'copy-disks', subject: 'vm-1', input: '{}', state: 'leased', epoch: 1 }
  const saga = (await db('passes').where('id', final.id).first<{ saga_id: string }>()).saga_id
  const owner = `${saga}/copy`
  await db('worker_tasks').insert({ ...task, id: 't', owner, created_at: now(), cancel_requested: false })
  const tasks = taskBoardStore(db, now)
  const beat = (held: boolean) => tasks.heartbeat(taskId('t'), 1, { progress: [], held }, 1000)
  t.same(await beat(false), { cancel: false, hold: true }, 'the VMA hears it')
  await db('passes').where('id', final.id).update({ state: 'copying' })
  t.match(await client.job(job.id), { state: 'pausing', currentPass: { held: false } })
  await beat(true)
  t.match(await client.job(job.id), {
    state: 'paused',
    currentPass: { held: true, rateBytesPerSec: '0', etaSeconds: null },
  })
  t.match(await client.findVms({ state: 'paused' }), { items: [{ name: 'vm-1', jobState: 'paused' }] })
  t.match(await client.resumeJob(job.id), { pausedAt: null, state: 'replicating' })
  t.match(await client.resumeJob(job.id), { pausedAt: null })
  t.same(await beat(false), { cancel: false, hold: false })
  t.equal(await codeOf(client.deleteJob(job.id)), 'JOB_NOT_STOPPED')
  t.match(await client.stopJob(job.id), { state: 'stopping' })
  t.match(await client.stopJob(job.id), { state: 'stopping' })
  t.equal(await codeOf(client.deleteJob(job.id)), 'JOB_BUSY')
  await db('worker_tasks').where({ id: 't' }).update({ state: 'done' })
  await db('passes').where('id', final.id).update({ state: 'failed' })
  await db('sagas').update({ state: 'done' })
  t.match(await client.job(job.id), { state: 'stopped' })
  t.equal(await codeOf(client.startPass(job.id)), 'JOB_STOPPED')
  await client.pauseJob(job.id)
  t.match(await client.allowPasses(job.id), { stoppedAt: null, state: 'failed' })
  t.equal(await codeOf(client.startPass(job.id)), 'JOB_PAUSED')
  for (const attempt of ['pauseJob', 'resumeJob', 'stopJob', 'allowPasses', 'deleteJob'] as const)
    t.equal(await codeOf(client[attempt]('none')), 'NOT_FOUND')

  await client.stopJob(job.id)
  const snapshots = (names: readonly string[]) =>
    db('source_vms')
      .where('id', vms[0]!.id)
      .update({ pass_snapshots: JSON.stringify(names) })
  await snapshots([`ossea-pass-${final.id}`])
  t.equal(await codeOf(client.deleteJob(job.id)), 'JOB_BUSY', 'its snapshot is still there')
  await snapshots([`ossea-pass-${randomUUID()}`])
  t.match(await client.deleteJob(job.id), { volumes })
  t.equal(await codeOf(client.deleteJob(job.id)), 'NOT_FOUND')
  for (const table of ['replication_jobs', 'job_disks', 'passes', 'sagas', 'saga_events', 'worker_tasks'])
    t.same(await db(table).select(), [], `${table} is empty`)
  t.match(await client.findVms({ managed: true }), { items: [{ name: 'vm-1', jobId: null }] })
  const second = await client.createJob({ sourceVmId: vms[0]!.id, volumes })

  await database.kill()
  t.equal(await codeOf(client.jobs()), 'STORE_UNAVAILABLE')
  await database.start()
  t.equal((await client.jobs()).length, 1)

  await db('replication_jobs').where('id', second.id).update({ recovery_point_at: now() })
  await db('sagas').update({ state: 'done' })
  await db('job_disks').where('job_id', second.id).update({ held_bytes: '9007199254740993' })
  const verifying = await client.startVerification(second.id, {
    algorithm: 'sha256',
    bytesPerSecond: '1048576',
  })
  t.match(verifying, {
    jobId: second.id,
    trigger: 'operator',
    sagaState: 'running',
    state: null,
    algorithm: 'sha256',
    bytesPerSecond: '1048576',
    disks: [{ diskKey: '2000', fromBytes: '0', untilBytes: '9007199254740993', state: null }],
  })
  t.equal(await codeOf(client.startVerification(second.id)), 'JOB_BUSY')
  t.equal(await codeOf(client.startPass(second.id)), 'JOB_BUSY')
  t.same(await client.verifications(second.id), [verifying])
  t.same(await client.verification(verifying.id), verifying)
  t.equal(await codeOf(client.verification('none')), 'NOT_FOUND')
  await client.stopJob(second.id)
  t.equal(await codeOf(client.deleteJob(second.id)), 'JOB_BUSY', 'not while a verification runs')
  await client.cancelVerification(verifying.id)
  t.equal(cancelled.length > 0, true)
  const refused = await send('POST', `/v1/replication-jobs/${second.id}/verifications`, {
    bytesPerSecond: '0',
  })
  t.match(refused, { status: 400, body: { code: 'REQUEST_INVALID' } })
  await db('sagas').update({ state: 'done' })
  await client.deleteJob(second.id)
  for (const table of ['verifications', 'verification_disks', 'sagas'])
    t.same(await db(table).select(), [], `${table} is empty`)
})
