import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import t from 'tap'
import { operatorClient, type Send } from '../../../agent/api/client.js'
import { AppError } from '../../../agent/errors.js'
import { operatorApi } from '../../../agent/http/operator-api.js'
import { migrate } from '../../../agent/store/database.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { startMariadb } from '../../lib/mariadb.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { operatorParts } from '../../lib/operator-parts.js'

const codeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
  return 'no error'
}

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
  const log = sagaLog(db, now)
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

  await database.kill()
  t.equal(await codeOf(client.jobs()), 'STORE_UNAVAILABLE')
  await database.start()
  t.equal((await client.jobs()).length, 1)
})
