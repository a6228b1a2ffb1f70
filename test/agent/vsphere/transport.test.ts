import t, { type Test } from 'tap'
import { type ErrorCode } from '../../../agent/errors.js'
import { openVsphere, type VsphereOptions } from '../../../agent/vsphere/vsphere.js'
import { startSimulator } from '../../lab/vcenter-fixture.js'
import { until } from '../../lib/until.js'
import { clientOf, pause, printed, quick, recorder, refused, signal } from './fixture.js'
import { http, serviceContent, soap, startStranger, type Stranger } from './stranger.js'

const password = 'Tr0ub4dor&3<secret>'

function clientFor(
  t: Test,
  server: Pick<Stranger, 'url' | 'thumbprintSha256'>,
  times: Partial<VsphereOptions> = {},
) {
  const recorded = recorder()
  const client = openVsphere({
    url: server.url,
    thumbprintSha256: server.thumbprintSha256,
    credentials: async () => ({ user: 'root', password }),
    logger: recorded.logger,
    pause,
    ...quick,
    ...times,
  })
  t.teardown(() => client.close())
  return { client, recorded }
}

void t.test('a server with another certificate receives no byte', async t => {
  const server = await startStranger(t, (_received, socket) => socket.end(http(serviceContent)))
  const { thumbprintSha256 } = await startSimulator(t)
  const { client } = clientFor(t, { url: server.url, thumbprintSha256 })
  await refused(t, 'VSPHERE_CERTIFICATE_MISMATCH', client.checkConnection(signal))
  await refused(t, 'VSPHERE_CERTIFICATE_MISMATCH', client.thumbprintSha1(signal))
  await until('the server was reached', () => server.connections() >= 2)
  t.equal(server.received(), '')
})

void t.test('the thumbprint may be written in any usual way, and nothing else', async t => {
  const simulator = await startSimulator(t)
  for (const thumbprintSha256 of [
    simulator.thumbprintSha256.replaceAll(':', '').toLowerCase(),
    simulator.thumbprintSha256.toUpperCase(),
  ])
    await clientOf(t, simulator, { thumbprintSha256 }).checkConnection(signal)
  for (const thumbprintSha256 of ['', simulator.thumbprintSha1, `${simulator.thumbprintSha256}:00`])
    t.throws(() => clientOf(t, simulator, { thumbprintSha256 }), { code: 'CONFIG_INVALID' })
  for (const url of ['http://127.0.0.1/sdk', 'vcenter.example', 'https://user:password@host/sdk'])
    t.throws(() => clientOf(t, simulator, { url }), { code: 'CONFIG_INVALID' })
})

const bad: readonly (readonly [string, ErrorCode, string | Buffer])[] = [
  ['HTML', 'VSPHERE_PROTOCOL', http('<html><body>Welcome</body></html>')],
  ['HTML with a document type', 'VSPHERE_PROTOCOL', http('<!doctype html><html></html>')],
  [
    'entities',
    'VSPHERE_PROTOCOL',
    http(`<!DOCTYPE a [<!ENTITY b "c">]>${serviceContent.replace('ha-rootFolder', '&b;')}`),
  ],
  ['an undeclared entity', 'VSPHERE_PROTOCOL', http(serviceContent.replace('ha-rootFolder', '&b;'))],
  ['nothing', 'VSPHERE_PROTOCOL', http('')],
  ['half an answer', 'VSPHERE_PROTOCOL', http(serviceContent.slice(0, 500))],
  ['a tag left open', 'VSPHERE_PROTOCOL', http(serviceContent.replace('</v:rootFolder>', ''))],
  ['another response', 'VSPHERE_PROTOCOL', http(soap('<v:LoginResponse/>'))],
  [
    'a manager twice',
    'VSPHERE_PROTOCOL',
    http(serviceContent.replace(/(<v:rootFolder.*?<\/v:rootFolder>)/, '$1$1')),
  ],
  [
    'no UTF-8',
    'VSPHERE_PROTOCOL',
    Buffer.from(http(serviceContent).replace('ha-root', 'ha-\xff\xfe\xff\xff'), 'latin1'),
  ],
  ['a redirection', 'VSPHERE_PROTOCOL', http('', '302 Found', 'location: https://elsewhere/sdk\r\n')],
  ['a refusal', 'VSPHERE_PROTOCOL', http('no', '403 Forbidden')],
  [
    'a proxy without its service',
    'VSPHERE_UNREACHABLE',
    http('no healthy upstream', '503 Service Unavailable'),
  ],
  ['no HTTP', 'VSPHERE_UNREACHABLE', 'SSH-2.0-OpenSSH_9.2\r\n'],
]

void t.test('answers that are none', async t => {
  for (const [what, code, answer] of bad)
    await t.test(what, async t => {
      const server = await startStranger(t, (_received, socket) => socket.write(answer))
      await refused(t, code, clientFor(t, server).client.checkConnection(signal))
    })
})

void t.test('an answer without an end is cut off', async t => {
  const chunk = `${(1024 * 1024).toString(16)}\r\n${' '.repeat(1024 * 1024)}\r\n`
  let sent = 0
  const server = await startStranger(t, (_received, socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    const more = (): void => {
      while (!socket.destroyed && sent < 200) {
        sent += 1
        if (!socket.write(chunk)) {
          socket.once('drain', more)
          return
        }
      }
    }
    more()
  })
  t.match(
    await refused(t, 'VSPHERE_PROTOCOL', clientFor(t, server).client.checkConnection(signal)),
    /more than \d+ bytes/,
  )
  t.ok(sent < 100, `${sent} MiB were sent`)
})

void t.test('a server that says nothing is left after the time of a request', async t => {
  const silent = await startStranger(t, () => undefined)
  const { client } = clientFor(t, silent, { requestTimeoutMs: 50 })
  await refused(t, 'VSPHERE_UNREACHABLE', client.checkConnection(signal))
  t.match(silent.received(), /RetrieveServiceContent/)
})

void t.test('nobody listens', async t => {
  const server = await startStranger(t, () => undefined)
  const { client } = clientFor(t, { ...server, url: 'https://127.0.0.1:1/sdk' })
  await refused(t, 'VSPHERE_UNREACHABLE', client.checkConnection(signal))
})

void t.test('a password never comes back in an error or in the log', async t => {
  const echo = password.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const server = await startStranger(t, (received, socket) => {
    if (received.includes('RetrieveServiceContent')) {
      socket.write(http(serviceContent))
      return
    }
    const fault =
      `<s:Fault><faultcode>x</faultcode><faultstring>wrong: ${echo}</faultstring><detail>` +
      '<v:InvalidLoginFault i:type="v:InvalidLogin"/></detail></s:Fault>'
    socket.write(http(soap(fault), '500 Internal Server Error'))
  })
  const { client, recorded } = clientFor(t, server)
  const errors: string[] = []
  for (let attempt = 0; attempt < 3; attempt++)
    await client.checkConnection(signal).catch((error: unknown) => errors.push(printed(error)))
  await client.close()
  t.ok(server.received().includes(`<password>${echo}</password>`), 'it was sent')
  t.equal(server.received().split('<password>').length - 1, 2)
  t.equal(errors.length, 3)
  const everything = [...errors, ...recorded.lines].join('\n')
  for (const secret of [password, echo, 'Tr0ub4dor']) t.notOk(everything.includes(secret))
})

void t.test('an ESXi host in another dress: prefixes, quoted cookies, single items', async t => {
  const server = await startStranger(t, (received, socket) => {
    const method = /<s?o?a?p?e?n?v?:?Body><(\w+)/.exec(received)?.[1] ?? ''
    if (method === 'RetrieveServiceContent')
      socket.write(http(serviceContent, '200 OK', 'set-cookie: vmware_soap_session="anonymous"; Path=/\r\n'))
    else if (method === 'Login')
      socket.write(
        http(
          soap('<v:LoginResponse><v:returnval><v:key>k</v:key></v:returnval></v:LoginResponse>'),
          '200 OK',
          'set-cookie: vmware_soap_session="abc/+="; Path=/; HttpOnly; Secure\r\n',
        ),
      )
    else if (method === 'Logout') socket.write(http(soap('<v:LogoutResponse/>')))
    else
      socket.write(
        http(
          soap(
            `<v:${method}Response><v:returnval><v:objects><v:obj type="Folder" i:type="v:ManagedObjectReference">ha</v:obj>` +
              '<v:propSet><v:name>name</v:name><v:val i:type="xsd:string">ha-folder-root</v:val></v:propSet>' +
              `</v:objects></v:returnval></v:${method}Response>`,
          ),
        ),
      )
  })
  const { client } = clientFor(t, server)
  await client.checkConnection(signal)
  await client.close()
  const requests = server.received().split('POST /sdk ').slice(1)
  t.strictSame(
    requests.map(request => /cookie: (.*)\r\n/i.exec(request)?.[1]),
    [undefined, undefined, 'vmware_soap_session="abc/+="', 'vmware_soap_session="abc/+="'],
  )
})
