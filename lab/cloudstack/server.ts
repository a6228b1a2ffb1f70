import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Dispatcher } from './dispatch.js'
import { type Faults } from './faults.js'
import { contentTypes, serialize, type Format, type Reply } from './reply.js'
import { readRequest, type RequestParameters } from './request.js'

/** What the simulator saw of one call; for tests and for scenario reports. */
export interface SeenCall {
  /** As sent; empty: none. */
  readonly command: string
  readonly method: string
  /** Of the answer as it was meant; a fault may have kept it from the client. */
  readonly status: number
  /** Null: the command succeeded. */
  readonly errorText: string | null
  /** Without the key and the signature. */
  readonly parameters: Readonly<Record<string, string>>
}

export interface ServerDeps {
  readonly dispatcher: Dispatcher
  readonly faults: Faults
  readonly version: string
  readonly seen: (call: SeenCall) => void
}

/** An HTTP server that answers /client/api as a management server does. Not yet listening. */
export function makeServer(deps: ServerDeps): Server {
  const server = createServer((request, response) => {
    answer(deps, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)))
    })
  })
  server.keepAliveTimeout = 60_000
  return server
}

async function answer(deps: ServerDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0]
  if (path !== '/client/api' && path !== '/client/api/') {
    plain(response, 404)
    return
  }
  if (request.method !== 'GET' && request.method !== 'POST') {
    plain(response, 405, { allow: 'GET, POST' })
    return
  }
  const read = await readRequest(request)
  switch (read.kind) {
    case 'malformed':
      plain(response, 400)
      return
    case 'too-large':
      plain(response, 413, { connection: 'close' })
      return
    case 'read':
      await answerCall(deps, response, { method: request.method, ...read })
  }
}

interface ReadCall {
  readonly method: string
  readonly parameters: RequestParameters
  readonly repeated: readonly string[]
}

async function answerCall(deps: ServerDeps, response: ServerResponse, call: ReadCall): Promise<void> {
  const command = call.parameters.get('command') ?? ''
  if (await isInterrupted(deps, response, command, false)) return
  const reply = await deps.dispatcher.answer(call)
  deps.seen(seenCall(command, call, reply))
  if (await isInterrupted(deps, response, command, true)) return
  const format = formatOf(call.parameters)
  const text = serialize(reply, format, deps.version)
  const bytes = Buffer.from(text)
  const cut = deps.faults.take('truncated-answer', command) !== null
  send(response, reply, contentTypes[format], cut ? bytes.subarray(0, Math.floor(bytes.length / 2)) : bytes)
}

/** True when a fault took the place of the answer. `after`: the command has taken effect. */
async function isInterrupted(
  { faults }: ServerDeps,
  response: ServerResponse,
  command: string,
  after: boolean,
): Promise<boolean> {
  const hang = faults.take('hang-call', command, rule => rule.after === after)
  if (hang !== null) {
    await hang.released
    response.destroy()
    return true
  }
  if (faults.take('cut-connection', command, rule => rule.after === after) !== null) {
    response.destroy()
    return true
  }
  const proxy = faults.take('proxy-answer', command, rule => rule.after === after)
  if (proxy === null) return false
  const { status, retryAfterSec } = proxy.rule
  const body = `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`
  response
    .writeHead(status, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': String(body.length),
      ...(retryAfterSec === undefined ? {} : { 'retry-after': String(retryAfterSec) }),
    })
    .end(body)
  return true
}

function seenCall(command: string, call: ReadCall, reply: Reply): SeenCall {
  const { errortext } = reply.fields
  return {
    command,
    method: call.method,
    status: reply.status,
    errorText: reply.status === 200 ? null : typeof errortext === 'string' ? errortext : '',
    parameters: Object.fromEntries(
      [...call.parameters].filter(([name]) => !/^(apikey|signature|command)$/i.test(name)),
    ),
  }
}

/** XML unless JSON is asked for. */
function formatOf(parameters: RequestParameters): Format {
  const wanted = [...parameters].find(([name]) => name.toLowerCase() === 'response')?.[1]
  return wanted?.toLowerCase() === 'json' ? 'json' : 'xml'
}

function send(response: ServerResponse, reply: Reply, contentType: string, bytes: Buffer): void {
  const { errortext } = reply.fields
  const description =
    reply.status !== 200 && reply.status !== 401 && typeof errortext === 'string'
      ? { 'x-description': errortext.replace(/[^\x20-\x7e]/g, '?') }
      : {}
  response
    .writeHead(reply.status, {
      'content-type': contentType,
      'content-length': String(bytes.length),
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      ...description,
    })
    .end(bytes)
}

function plain(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...headers, 'content-length': '0' }).end()
}
