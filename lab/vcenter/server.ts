import { type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { setTimeout as after } from 'node:timers/promises'
import { type Certificate } from './certificate.js'
import { perform, readRequest, writeFault, writeResponse, type Request } from './dispatch.js'
import { invalidRequest, VimFault } from './fault.js'
import { answerFolder } from './folder.js'
import { type Session } from './sessions.js'
import { type Vcenter } from './vcenter.js'

/** Larger than any request of a client; a larger one is refused unread. */
const MAX_BODY_BYTES = 1024 * 1024

/** What the simulator saw of one call; for tests and for scenario reports. */
export interface SeenCall {
  readonly method: string
  readonly fault: string | null
}

export interface ServerHooks {
  readonly seen: (call: SeenCall) => void
}

/** An HTTPS server that answers /sdk and /folder as vCenter does. Not yet listening. */
export function makeServer(vcenter: Vcenter, certificate: Certificate, hooks: ServerHooks): Server {
  const server = createServer(
    { cert: certificate.certificatePem, key: certificate.keyPem, minVersion: 'TLSv1.2' },
    (request, response) => {
      answer(vcenter, hooks, request, response).catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)))
      })
    },
  )
  server.keepAliveTimeout = 60_000
  return server
}

const versions =
  '<?xml version="1.0" encoding="UTF-8" ?>\n<namespaces version="1.0"><namespace><name>urn:vim25</name>' +
  '<version>8.0.1.0</version><priorVersions><version>8.0.0.1</version><version>7.0.3.0</version>' +
  '<version>6.7</version><version>6.5</version><version>6.0</version></priorVersions></namespace></namespaces>\n'

async function answer(
  vcenter: Vcenter,
  hooks: ServerHooks,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0]
  if (request.method === 'GET' && path === '/sdk/vimServiceVersions.xml') {
    response.writeHead(200, { 'content-type': 'text/xml' }).end(versions)
    return
  }
  if (path?.startsWith('/folder') === true) {
    const name = 'folder'
    if (vcenter.faults.take('cut-connection', rule => rule.method === name && !rule.after) !== null) {
      response.destroy()
      return
    }
    hooks.seen({ method: name, fault: null })
    await answerFolder(vcenter, sessionOfRequest(vcenter, request, name), request, response)
    return
  }
  if (path !== '/sdk' && path !== '/sdk/') {
    refuse(response, 404)
    return
  }
  if (request.method !== 'POST') {
    refuse(response, 405, { allow: 'POST' })
    return
  }
  if (!/^(text|application)\/(soap\+)?xml\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    refuse(response, 415)
    return
  }
  const body = await readBody(request)
  if (body === null) {
    refuse(response, 413, { connection: 'close' })
    return
  }
  await answerSoap(vcenter, hooks, request, response, body)
}

function refuse(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...headers, 'content-length': '0' }).end()
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let total = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    total += part.length
    if (total > MAX_BODY_BYTES) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

async function answerSoap(
  vcenter: Vcenter,
  hooks: ServerHooks,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): Promise<void> {
  const headers: Record<string, string> = {
    'content-type': 'text/xml; charset=utf-8',
    'cache-control': 'no-cache',
  }
  let call: Request | null = null
  try {
    checkAction(request)
    call = readRequest(vcenter, body)
    const { name } = call.method
    const delay = vcenter.faults.take('delay-method', rule => rule.method === name)
    if (delay !== null) await after(delay.delayMs)
    if (vcenter.faults.take('cut-connection', rule => rule.method === name && !rule.after) !== null) {
      response.destroy()
      return
    }
    const result = await perform(vcenter, call, {
      session: sessionOfRequest(vcenter, request, name),
      ipAddress: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      beginSession: session => {
        headers['set-cookie'] = `vmware_soap_session="${session.cookie}"; Path=/; HttpOnly; Secure; `
      },
    })
    hooks.seen({ method: name, fault: null })
    if (vcenter.faults.take('cut-connection', rule => rule.method === name) !== null) {
      response.destroy()
      return
    }
    send(response, 200, headers, writeResponse(vcenter, call.method, result))
  } catch (error) {
    const fault = asFault(error)
    hooks.seen({ method: call?.method.name ?? '', fault: fault.detail.type })
    send(response, 500, headers, writeFault(vcenter, fault))
  }
}

/** A bug of the simulator shows as the fault a real server gives for one of its own. */
function asFault(error: unknown): VimFault {
  if (error instanceof VimFault) return error
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new VimFault('SystemError', 'A general system error occurred.', { reason })
}

/** `urn:vim25/8.0.1.0`, with or without quotes; clients that send none are taken for the oldest version. */
function checkAction(request: IncomingMessage): void {
  const action = String(request.headers['soapaction'] ?? '').replaceAll('"', '')
  if (action !== '' && !/^urn:vim25(\/[0-9]+(\.[0-9]+)*|\/)?$/.test(action))
    throw invalidRequest(`Unsupported version URI "${action.slice(0, 60)}"`)
}

function sessionOfRequest(vcenter: Vcenter, request: IncomingMessage, method: string): Session | null {
  const cookie = /(?:^|;\s*)vmware_soap_session="?([0-9a-f]+)"?/.exec(request.headers.cookie ?? '')
  const session = vcenter.sessions.touch(cookie?.[1] ?? null)
  if (session === null) return null
  const drop = vcenter.faults.take('drop-session', rule => (rule.method ?? method) === method)
  if (drop === null) return session
  vcenter.sessions.end(session)
  return null
}

function send(response: ServerResponse, status: number, headers: Record<string, string>, text: string): void {
  const bytes = Buffer.from(text)
  response.writeHead(status, { ...headers, 'content-length': String(bytes.length) }).end(bytes)
}
