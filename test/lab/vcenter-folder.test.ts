import { randomBytes } from 'node:crypto'
import { Agent, request } from 'undici'
import t from 'tap'
import { clientOf } from '../agent/vsphere/fixture.js'
import { startSimulator } from './vcenter-fixture.js'

const MIB = 1024 * 1024
const { signal } = new AbortController()

void t.test('the files of a datastore are served to who has a session, by ranges', async t => {
  const simulator = await startSimulator(t, {
    vms: [
      { name: 'web', power: 'off', disks: [{ sizeBytes: BigInt(MIB) }] },
      { name: 'busy', disks: [{ sizeBytes: BigInt(MIB) }] },
    ],
  })
  const bytes = randomBytes(MIB)
  await simulator.guestWrite(simulator.vm('web'), 2000, 0n, bytes)
  const dispatcher = new Agent({
    connect: { ca: simulator.certificatePem, checkServerIdentity: () => undefined },
  })
  t.teardown(() => dispatcher.close())
  const login = await request(simulator.url, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'text/xml', soapaction: '"urn:vim25/8.0.1.0"' },
    body:
      '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>' +
      '<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this>' +
      `<userName>${simulator.user}</userName><password>${simulator.password}</password></Login>` +
      '</soapenv:Body></soapenv:Envelope>',
  })
  await login.body.dump()
  const cookie = String(login.headers['set-cookie']).split(';')[0] ?? ''
  const ask = async (
    path: string,
    headers: Record<string, string> = {},
    method: 'GET' | 'HEAD' | 'PUT' = 'GET',
  ) => {
    const reply = await request(`https://${simulator.host}:${simulator.port}/folder/${path}`, {
      dispatcher,
      method,
      headers: { cookie, ...headers },
    })
    return {
      status: reply.statusCode,
      headers: reply.headers,
      body: Buffer.from(await reply.body.arrayBuffer()),
    }
  }
  const file = 'web/web-flat.vmdk?dcPath=DC0&dsName=datastore1'
  t.match(await ask(file, { cookie: '' }), { status: 401, headers: { 'www-authenticate': /^Basic/ } })
  t.match(await ask(file, { cookie: 'vmware_soap_session="00ff"' }), { status: 401 })
  t.match(await ask(file, {}, 'HEAD'), {
    status: 200,
    headers: { 'content-length': String(MIB), 'accept-ranges': 'bytes' },
  })
  t.same((await ask(file)).body, bytes)
  const part = await ask(file, { range: 'bytes=100-199' })
  t.match(part, {
    status: 206,
    headers: { 'content-range': `bytes 100-199/${MIB}`, 'content-length': '100' },
  })
  t.same(part.body, bytes.subarray(100, 200))
  t.match(await ask(file, { range: `bytes=${MIB - 10}-${MIB + 10}` }), {
    status: 206,
    headers: { 'content-length': '10' },
  })
  for (const range of [`bytes=${MIB}-`, 'bytes=9-3', 'bytes=0-1,4-5', 'lines=1-2'])
    t.equal((await ask(file, { range })).status, 416, range)
  t.equal((await ask(file, {}, 'PUT')).status, 405)
  for (const wrong of [
    'web/web.vmdk?dcPath=DC0&dsName=datastore1',
    'web/web-flat.vmdk?dcPath=DC1&dsName=datastore1',
    'web/web-flat.vmdk?dcPath=DC0&dsName=other',
    'web/web-flat.vmdk?dcPath=DC0',
    '../web/web-flat.vmdk?dcPath=DC0&dsName=datastore1',
  ])
    t.equal((await ask(wrong)).status, 404, wrong)
  t.equal((await ask('busy/busy-flat.vmdk?dcPath=DC0&dsName=datastore1')).status, 500, 'its VM runs')
  const client = clientOf(t, simulator)
  const snapshot = { moref: simulator.vm('web').ref.id, name: 's', description: '', quiesce: false }
  await client.createSnapshot(snapshot, signal)
  t.equal((await ask(file)).status, 404, 'above a snapshot there is no flat file of what the VM is now')
})
