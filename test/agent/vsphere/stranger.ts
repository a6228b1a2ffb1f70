import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { type Test } from 'tap'
import { makeCertificate } from '../../../lab/vcenter/certificate.js'

export interface Stranger {
  readonly url: string
  readonly thumbprintSha256: string
  /** Every byte that came out of TLS. */
  readonly received: () => string
  /** Counted before any handshake. */
  readonly connections: () => number
}

/** A TLS server that knows no SOAP: `answer` gets each request as it has come so far and writes what it likes. */
export async function startStranger(
  t: Test,
  answer: (received: string, socket: Socket) => void,
): Promise<Stranger> {
  const directory = await mkdtemp(join(tmpdir(), 'ossea-stranger-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const certificate = await makeCertificate(directory)
  const sockets = new Set<Socket>()
  let received = ''
  let connections = 0
  const server = createServer({ cert: certificate.certificatePem, key: certificate.keyPem }, socket => {
    sockets.add(socket)
    let request = ''
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString()
      request += bytes.toString()
      if (!request.includes('Envelope>')) return
      answer(request, socket)
      request = ''
    })
    socket.on('error', () => socket.destroy())
  })
  server.on('connection', () => (connections += 1))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    const closed = once(server, 'close')
    server.close()
    await closed
  })
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/sdk`,
    thumbprintSha256: certificate.thumbprintSha256,
    received: () => received,
    connections: () => connections,
  }
}

export const http = (body: string, status = '200 OK', headers = ''): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/xml\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

export const soap = (inner: string): string =>
  '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
  'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:v="urn:vim25">' +
  `<s:Body>${inner}</s:Body></s:Envelope>`

/** A service content in another dress than vCenter's own: prefixes everywhere. */
export const serviceContent = soap(
  `<v:RetrieveServiceContentResponse><v:returnval>${[
    ['rootFolder', 'Folder'],
    ['propertyCollector', 'PropertyCollector'],
    ['viewManager', 'ViewManager'],
    ['sessionManager', 'SessionManager'],
    ['searchIndex', 'SearchIndex'],
  ]
    .map(
      ([name = '', type = '']) =>
        `<v:${name} type="${type}" i:type="v:ManagedObjectReference">ha-${name}</v:${name}>`,
    )
    .join('\n')}</v:returnval></v:RetrieveServiceContentResponse>`,
)
