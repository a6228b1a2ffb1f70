import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import t, { type Test } from 'tap'
import { apiUrl } from '../../../agent/cloudstack/address.js'
import { makeCertificate } from '../../../lab/vcenter/certificate.js'
import { startCloud } from '../../lab/cloudstack-fixture.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { startAdministration } from './admin-fixture.js'
import { clientOf } from './client-fixture.js'

const never = new AbortController().signal

/** A management server behind TLS; `received` counts the bytes that came out of it. */
async function startTls(t: Test, port: number) {
  const made = await makeCertificate(await temporaryDir(t))
  const sockets = new Set<Socket>()
  let received = 0
  const server = createServer({ cert: made.certificatePem, key: made.keyPem }, socket => {
    const inner = connect(port, '127.0.0.1')
    for (const one of [socket, inner]) {
      sockets.add(one)
      one.on('error', () => one.destroy())
    }
    socket.on('data', (bytes: Buffer) => (received += bytes.length))
    socket.pipe(inner).pipe(socket)
  })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { address, thumbprintSha256: made.thumbprintSha256, received: () => received }
}

void t.test('the certificate is shown before anything is sent, and pinned once confirmed', async t => {
  const { cloud } = await startCloud(t, { devices: 'file', role: 'user' })
  const tls = await startTls(t, cloud.port)
  const { id, macAddress } = cloud.site.applianceVm
  const { client } = await startAdministration(t, { systemUuid: id, macAddress })
  const { url, certificate } = await client.cloudstackCertificate({ address: tls.address })
  t.equal(url, `https://${tls.address}/client/api`)
  t.match(certificate, { fingerprintSha256: tls.thumbprintSha256, subject: /CN=/, validTo: /^20\d\d-.*Z$/ })
  t.equal(tls.received(), 0, 'nothing was sent to see it')

  const candidate = { address: tls.address, apiKey: cloud.apiKey, secretKey: cloud.secretKey }
  const attempts = [
    [{}, 'REQUEST_INVALID'],
    [{ thumbprintSha256: 'AB'.repeat(32) }, 'CLOUDSTACK_CERTIFICATE_MISMATCH'],
  ] as const
  for (const [pin, code] of attempts)
    await t.rejects(client.discoverCloudstack({ ...candidate, ...pin }), { code })
  t.equal(tls.received(), 0, 'no byte of a request for a stranger')
  const confirmed = { ...candidate, thumbprintSha256: certificate?.fingerprintSha256 ?? '' }
  t.match((await client.discoverCloudstack(confirmed)).applianceVm, { kind: 'found' })
  t.ok(tls.received() > 0)
  await t.rejects(client.cloudstackCertificate({ address: '127.0.0.1:1' }), {
    code: 'CLOUDSTACK_UNREACHABLE',
  })
  t.same(await client.cloudstackCertificate({ address: cloud.url, allowPlainHttp: true }), {
    url: cloud.url,
    certificate: null,
  })
})

void t.test('an address is completed, and plain http asked for twice', async t => {
  for (const [text, url] of [
    ['cloud.example', 'https://cloud.example/client/api'],
    [' cloud.example:8443 ', 'https://cloud.example:8443/client/api'],
    ['https://cloud.example/client/', 'https://cloud.example/client/api'],
    ['https://cloud.example/cloud/client/api/', 'https://cloud.example/cloud/client/api'],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443/client/api'],
  ] as const)
    t.equal(apiUrl(text, false), url)
  t.equal(apiUrl('http://cloud.example:8080', true), 'http://cloud.example:8080/client/api')
  for (const text of [
    'http://cloud.example',
    '',
    'ftp://x',
    'https://u:p@x',
    'x?command=y',
    'https://',
    'a b',
  ])
    t.throws(() => apiUrl(text, false), { code: 'REQUEST_INVALID' }, text)
})

void t.test('signature version 1 is there for servers too old for 3', async t => {
  const { cloud } = await startCloud(t, { devices: 'file' })
  const api = clientOf(cloud, { signatureVersion: 1 })
  t.teardown(() => api.close())
  await api.read('listZones', {}, never)
  t.equal(cloud.calls.at(-1)?.parameters['signatureversion'], undefined)
  const strict = await startCloud(t, { devices: 'file', requirePostAndTimestamps: true })
  const old = clientOf(strict.cloud, { signatureVersion: 1 })
  const current = clientOf(strict.cloud)
  t.teardown(() => Promise.all([old.close(), current.close()]))
  await t.rejects(old.read('listZones', {}, never), { code: 'CLOUDSTACK_REFUSED' })
  await current.read('listZones', {}, never)
})

void t.test('while nobody answers calls fail at once, and the first answer opens the way again', async t => {
  const { cloud } = await startCloud(t, { devices: 'file' })
  let nowMs = Date.now()
  const breaker = { failuresToOpen: 2, openMs: 5000, maxOpenMs: 5000, refusedMs: 5000 }
  const api = clientOf(cloud, { breaker, readTries: 1, now: () => new Date(nowMs) })
  t.teardown(() => api.close())
  const remove = cloud.faults.add({ kind: 'cut-connection', after: false })
  for (const code of Array<string>(4).fill('CLOUDSTACK_UNREACHABLE'))
    await t.rejects(api.read('listZones', {}, never), { code })
  remove()
  await t.rejects(api.read('listZones', {}, never), { message: /not sent/ })
  t.equal(cloud.calls.length, 0)
  nowMs += 5000
  await api.read('listZones', {}, never)
  cloud.faults.add({ kind: 'proxy-answer', status: 503, after: false, retryAfterSec: 9, times: 1 })
  await t.rejects(api.read('listZones', {}, never), { code: 'CLOUDSTACK_UNREACHABLE' })
  nowMs += 8000
  await t.rejects(api.read('listZones', {}, never), { code: 'CLOUDSTACK_BUSY', message: /not sent/ })
  nowMs += 1000
  cloud.faults.add({ kind: 'refuse-key', times: 1 })
  await t.rejects(api.read('listZones', {}, never), { code: 'CLOUDSTACK_REFUSED' })
  const before = cloud.calls.length
  await t.rejects(api.read('listZones', {}, never), { code: 'CLOUDSTACK_REFUSED' })
  t.equal(cloud.calls.length, before, 'a refused key is not sent again')
})
