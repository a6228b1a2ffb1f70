import { Pool } from 'undici'
import { AppError } from '../errors.js'
import { type PinnedConnector } from '../tls/connection.js'
import { NotConnected, vcenterConnector } from './certificate.js'
import { faultOfBody, OutcomeUnknown } from './faults.js'
import {
  child,
  parseEnvelope,
  required,
  writeEnvelope,
  type Element,
  type MoRef,
  type Node,
} from './vim-xml.js'

/** One call of a method of vim25. */
export interface Call {
  readonly method: string
  readonly target: MoRef
  /** In the order of the published schema; optional ones may be left out. */
  readonly args: readonly Element[]
  /** How long vCenter may hold the answer back on purpose, besides the time every request has. */
  readonly waitMs?: number
}

export interface Answer {
  /** The children of the response element: `returnval`, or nothing. */
  readonly response: Node
  /** `name=value` of each cookie that was set. */
  readonly cookies: readonly string[]
}

export interface FileRequest {
  readonly method: 'GET' | 'HEAD'
  /** With its query, escaped. */
  readonly path: string
  /** Such as `bytes=0-511`. */
  readonly range?: string
}

export interface FileAnswer {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the answer without reading it. */
  readonly drop: () => Promise<void>
}

/**
 * No answer may be larger. A page of 100 VMs with all devices is about 1 MiB, a page of changed areas about 100 bytes for
 * each area; what is parsed takes some ten times as much memory.
 */
export const maxAnswerBytes = 32 * 1024 * 1024

/** Understood by every vCenter and ESXi host since 6.7; newer ones answer as 6.7 did. */
const version = 'urn:vim25/6.7'

const maxConnections = 32
/** vCenter's proxy while its service starts or restarts, and what stands before it. */
const awayStatuses = new Set([429, 502, 503, 504])

export interface SoapOptions {
  /** Such as https://vcenter.example/sdk. */
  readonly url: string
  readonly thumbprintSha256: string
  readonly connectTimeoutMs: number
  /** From the first byte of a request to the last of its answer. */
  readonly requestTimeoutMs: number
}

/**
 * Carries calls to one server with one certificate. Rejects with VSPHERE_CERTIFICATE_MISMATCH, with VSPHERE_UNREACHABLE
 * (as NotConnected when surely nothing was sent, as OutcomeUnknown otherwise), VSPHERE_PROTOCOL, the fault in the answer,
 * or the signal's reason.
 */
export class SoapTransport {
  readonly #pool: Pool
  readonly #path: string
  readonly #requestTimeoutMs: number
  readonly #pin: PinnedConnector

  constructor(options: SoapOptions) {
    const url = addressOf(options.url)
    this.#pin = vcenterConnector(options.thumbprintSha256, options.connectTimeoutMs)
    this.#path = url.pathname === '/' ? '/sdk' : url.pathname
    this.#requestTimeoutMs = options.requestTimeoutMs
    this.#pool = new Pool(url.origin, {
      connections: maxConnections,
      connect: this.#pin.connector,
      // Every request has its own limit, which knows how long its answer may be held back.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 30_000,
    })
  }

  get thumbprintSha1(): string | undefined {
    return this.#pin.thumbprintSha1
  }

  async send(call: Call, cookies: readonly string[], signal: AbortSignal): Promise<Answer> {
    const what = `${call.method} on ${call.target.type} ${call.target.id}`
    const { status, setCookies, body } = await this.#post(what, call, cookies, signal)
    if (awayStatuses.has(status)) throw new OutcomeUnknown(`${what}: status ${status}`)
    if (status !== 200 && status !== 500) throw new AppError('VSPHERE_PROTOCOL', `${what}: status ${status}`)
    const content = parseEnvelope(body, what)
    const fault = child(content, 'Fault')
    if (fault !== undefined) throw faultOfBody(what, fault)
    if (status !== 200) throw new AppError('VSPHERE_PROTOCOL', `${what}: status ${status} without a fault`)
    return { response: required(content, `${call.method}Response`, what), cookies: setCookies }
  }

  /** A request of another kind on the same pinned connections. The body has to be read or dropped. */
  async file(request: FileRequest, cookies: readonly string[], signal: AbortSignal): Promise<FileAnswer> {
    const { method, path, range } = request
    signal.throwIfAborted()
    try {
      const reply = await this.#pool.request({
        method,
        path,
        headers: {
          'user-agent': 'ossea-migrate',
          ...(range === undefined ? {} : { range }),
          ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
        },
        headersTimeout: this.#requestTimeoutMs,
        bodyTimeout: this.#requestTimeoutMs,
        signal,
      })
      const header = (name: string): string | undefined => {
        const value = reply.headers[name]
        return typeof value === 'string' ? value : undefined
      }
      return { status: reply.statusCode, header, body: reply.body, drop: () => reply.body.dump() }
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      throw new OutcomeUnknown(`${method} of a file`, cause)
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }

  async #post(what: string, call: Call, cookies: readonly string[], signal: AbortSignal) {
    const limit = AbortSignal.timeout(this.#requestTimeoutMs + (call.waitMs ?? 0))
    const body = writeEnvelope(call.method, call.target, call.args)
    signal.throwIfAborted()
    try {
      const reply = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: {
          'content-type': 'text/xml; charset=utf-8',
          soapaction: `"${version}"`,
          'user-agent': 'ossea-migrate',
          ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
        },
        body,
        signal: AbortSignal.any([signal, limit]),
      })
      return {
        status: reply.statusCode,
        setCookies: cookiesOf(reply.headers['set-cookie']),
        body: await bounded(what, reply.body),
      }
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      throw new OutcomeUnknown(what, cause)
    }
  }
}

export const isNotConnected = (error: unknown): boolean => error instanceof NotConnected

function addressOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '')
    throw new AppError('CONFIG_INVALID', 'the address of vCenter is not of the form https://host/sdk')
  return url
}

function cookiesOf(header: string | string[] | undefined): string[] {
  const lines = header === undefined ? [] : Array.isArray(header) ? header : [header]
  return lines.map(line => (line.split(';')[0] ?? '').trim()).filter(pair => /^[\w.-]+=./.test(pair))
}

async function bounded(what: string, body: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = []
  let total = 0
  for await (const part of body) {
    const bytes = part as Buffer
    total += bytes.length
    if (total > maxAnswerBytes)
      throw new AppError('VSPHERE_PROTOCOL', `${what}: the answer has more than ${maxAnswerBytes} bytes`)
    parts.push(bytes)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch (cause) {
    throw new AppError('VSPHERE_PROTOCOL', `${what}: the answer is not UTF-8`, cause)
  }
}
