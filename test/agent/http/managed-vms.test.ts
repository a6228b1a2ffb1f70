import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { operatorClient, type Send } from '../../../agent/api/client.js'
import { operatorApi } from '../../../agent/http/operator-api.js'
import { migrate } from '../../../agent/store/database.js'
import { workerReports } from '../../../agent/store/worker-reports.js'
import { codeOf } from '../../lib/code-of.js'
import { startMariadb } from '../../lib/mariadb.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { operatorParts } from '../../lib/operator-parts.js'

const now = (): Date => new Date()
const idOf = (number: number): string => `4200000${number}-0000-4000-8000-000000000000`
const vmOf = (number: number, more: object = {}) => ({
  id: idOf(number),
  name: `app-${number}`,
  power: 'on' as const,
  diskCount: 1,
  capacityBytes: '1',
  folder: 'DC0/production',
  host: 'esx1',
  passSnapshots: [],
  ...more,
})

async function start(t: Test) {
  const { db } = await startMariadb(t)
  await migrate(db)
  let pokes = 0
  const server = operatorApi({
    ...operatorParts(db, now),
    onWork: () => (pokes += 1),
  })
  const socketPath = join(await temporaryDir(t), 'api.sock')
  await server.listen({ path: socketPath })
  t.teardown(() => server.close())
  const dispatcher = new Agent({ connect: { socketPath } })
  t.teardown(() => dispatcher.close())
  const send: Send = async (method, path, body) => {
    const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const options = { dispatcher, method, ...(body === undefined ? {} : json) }
    const reply = await request(`http://agent${path}`, options)
    const text = await reply.body.text()
    const parsed: unknown = text === '' ? null : JSON.parse(text)
    return { status: reply.statusCode, body: parsed }
  }
  const scan = (scanId: string, vms: ReturnType<typeof vmOf>[]) =>
    workerReports(db, now).inventoryPage({ scanId, vms, last: true })
  return { db, send, client: operatorClient(send), scan, pokes: () => pokes }
}

void t.test('VMs are managed without being replicated', async t => {
  const { db, send, client, scan, pokes } = await start(t)
  await scan('s1', [
    vmOf(1),
    vmOf(2, { name: 'twin', folder: 'DC0/production/web' }),
    vmOf(3, { name: 'twin', folder: 'DC0/production2', host: null, power: 'off' }),
    vmOf(4, { name: 'Mail_100%', folder: 'DC0' }),
  ])
  const names = async (query: Parameters<typeof client.findVms>[0]) =>
    (await client.findVms(query)).items.map(vm => vm.id[7])

  await t.test('two VMs of one name are told apart by place, and each is added by its id', async t => {
    const { items } = await client.findVms({ name: 'TWIN' })
    t.match(items, [
      { folder: 'DC0/production/web', host: 'esx1', managedAt: null, jobState: null },
      { folder: 'DC0/production2', host: null, power: 'off' },
    ])
    t.match(await client.manageVm(idOf(2)), { id: idOf(2), name: 'twin', vm: { power: 'on' }, jobId: null })
    t.same(await names({ managed: true }), ['2'])
    t.equal((await db('replication_jobs')).length + (await db('sagas')).length, 0, 'nothing was started')
    t.equal(pokes(), 0)
  })

  await t.test('the list is narrowed by what a VM is, not by patterns', async t => {
    t.same(await names({ folder: 'DC0/production' }), ['1', '2'], 'not the folder whose name begins alike')
    t.same(await names({ folder: 'DC0' }), ['1', '2', '3', '4'])
    t.same(await names({ name: '%' }), ['4'])
    t.same(await names({ name: '_' }), ['4'])
    t.same(await names({ power: 'off' }), ['3'])
    t.same(await names({ managed: false }), ['1', '3', '4'])
    t.same(await names({ state: 'new' }), [])
    t.match(await send('GET', '/v1/source-vms?colour=red', undefined), { status: 400 })
  })

  await t.test('a bulk add says of each VM what became of it', async t => {
    const outcomes = await client.manageVms([idOf(1), idOf(9), idOf(2)])
    t.same(
      outcomes.map(one => [one.sourceVmId, one.outcome, one.failure?.code ?? null]),
      [
        [idOf(1), 'added', null],
        [idOf(9), 'failed', 'SOURCE_VM_UNKNOWN'],
        [idOf(2), 'already-managed', null],
      ],
    )
    t.ok(outcomes[1]?.failure?.next)
    t.equal(await codeOf(client.manageVm(idOf(9))), 'SOURCE_VM_UNKNOWN')
  })

  await t.test('a job implies management, which then cannot end', async t => {
    await client.createJob({ sourceVmId: idOf(4) })
    t.same(await names({ hasJob: true, managed: true, state: 'new' }), ['4'])
    t.equal(await codeOf(client.unmanageVm(idOf(4))), 'VM_HAS_JOB')
    await client.unmanageVm(idOf(1))
    t.equal(await codeOf(client.unmanageVm(idOf(1))), 'NOT_FOUND')
    t.same(await names({ managed: true }), ['2', '4'])
  })

  await t.test('pages hold what matches and nothing twice', async t => {
    const first = await client.findVms({ limit: 2, folder: 'DC0' })
    const second = await client.findVms({ limit: 2, folder: 'DC0', after: first.next! })
    t.same(
      [...first.items, ...second.items].map(vm => vm.id),
      [1, 2, 3, 4].map(idOf),
    )
    t.equal(second.next, null)
  })

  await t.test('a managed VM that vCenter lost stays, by the name it had', async t => {
    await scan('s2', [vmOf(1), vmOf(2, { name: 'renamed' }), vmOf(4)])
    await scan('s3', [vmOf(1), vmOf(4)])
    const { items } = await client.managedVms({})
    t.match(items, [
      { id: idOf(2), name: 'renamed', vm: null },
      { id: idOf(4), vm: { name: 'app-4' }, jobState: 'new' },
    ])
    t.same((await client.managedVms({ power: 'on' })).items.length, 1)
  })

  await t.test('the contract of the original: add only, or add and start', async t => {
    const ask = (body: object) => send('POST', '/api/v1/replications', body)
    const source_vm = { id: idOf(1), name: 'wrong name', path: '/DC/vm/x', disks: [], power_state: 'off' }
    const jobs = async () => (await db('replication_jobs').where('source_vm_id', idOf(1))).length
    t.match(await ask({ source_vm, ossea_config_id: 1, start_replication: false }), {
      status: 200,
      body: { status: 'added', context_id: idOf(1), job_id: null, pass_id: null },
    })
    t.match(await ask({ source_vm, start_replication: false }), { body: { status: 'already-added' } })
    t.equal(await jobs(), 0)
    const before = pokes()
    const { body } = await ask({ source_vm, replication_type: 'initial' })
    t.match(body, { status: 'replicating', context_id: idOf(1), job_id: String, pass_id: String })
    t.equal(await jobs(), 1)
    t.equal(pokes(), before + 1)
    t.match(await ask({ source_vm }), { status: 409, body: { code: 'JOB_BUSY' } })
    t.match(await ask({ source_vm: { id: idOf(9) } }), { status: 404, body: { code: 'SOURCE_VM_UNKNOWN' } })
    t.match(await ask({ source_vm, surprise: 1 }), { status: 400 })
  })
})
