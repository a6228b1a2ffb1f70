import { Pool, type Dispatcher } from 'undici'
import { AppError } from '../errors.js'
import { PinnedConnector, thumbprintDigits, type ConnectionFailures } from '../tls/connection.js'
import { CloudstackError } from './failure.js'

export interface Endpoint {
  /** Of the API itself, such as https://host/client/api. */
  readonly url: string
  /** Of the server's own certificate, confirmed by an operator; null only where the address is plain http. */
  readonly thumbprintSha256: string | null
}

export interface RawAnswer {
  readonly status: number
  readonly text: string
  readonly retryAfterMs: number | undefined
}

const maxAnswerBytes = 32 * 1024 * 1024
const maxConnections = 16

/**
 * Carries form bodies to one server, always by POST, so that no parameter is left in a log of addresses. Rejects with
 * CLOUDSTACK_UNREACHABLE, CLOUDSTACK_CERTIFICATE_MISMATCH, CLOUDSTACK_PROTOCOL for an answer without end, or the
 * signal's reason.
 */
export class Transport {
  readonly #pool: Dispatcher
  readonly #path: string
  readonly #timeoutMs: number

  /** `timeoutMs`: to connect, and from the first byte of a request to the last of its answer. */
  constructor(endpoint: Endpoint, timeoutMs: number) {
    const url = new URL(endpoint.url)
    this.#path = url.pathname
    this.#timeoutMs = timeoutMs
    this.#pool = new Pool(url.origin, {
      connections: maxConnections,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 10_000,
      ...connectionOf(url, endpoint, timeoutMs),
    })
  }

  async post(what: string, body: string, signal: AbortSignal): Promise<RawAnswer> {
    signal.throwIfAborted()
    try {
      const reply = await this.#pool.request({
        method: 'POST',
        path: this.#path,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
          'user-agent': 'ossea-migrate',
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
      })
      const retryAfterMs = readRetryAfter(reply.headers['retry-after'])
      return { status: reply.statusCode, text: await bounded(what, reply.body), retryAfterMs }
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      const effect = surelyNotSent(cause) ? 'none' : 'unknown'
      throw new CloudstackError('CLOUDSTACK_UNREACHABLE', `calling ${what}`, { effect, cause })
    }
  }

  /** Ends after the calls under way. */
  close(): Promise<void> {
    return this.#pool.close()
  }
}

function connectionOf(url: URL, endpoint: Endpoint, timeoutMs: number): Pool.Options {
  if (url.protocol === 'http:') return { connect: { timeout: timeoutMs } }
  const digits = thumbprintDigits(endpoint.thumbprintSha256 ?? '')
  if (digits === undefined)
    throw new AppError('REQUEST_INVALID', `${url.origin}: the thumbprint is not the SHA-256 of a certificate`)
  return { connect: new PinnedConnector(digits, timeoutMs, connectionFailures).connector }
}

export const connectionFailures: ConnectionFailures = {
  unreachable: (where, cause) =>
    new CloudstackError('CLOUDSTACK_UNREACHABLE', `connecting to ${where}`, { effect: 'none', cause }),
  mismatch: (where, found) =>
    new CloudstackError(
      'CLOUDSTACK_CERTIFICATE_MISMATCH',
      found === undefined ? `${where} has none` : `${where} has ${found}, confirmed was another one`,
      { effect: 'none' },
    ),
}

const connectCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

const surelyNotSent = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && connectCodes.has(String(cause.code))

async function bounded(what: string, body: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = []
  let total = 0
  for await (const part of body) {
    const bytes = part as Buffer
    total += bytes.length
    if (total > maxAnswerBytes) {
      const text = `${what}: the answer has more than ${maxAnswerBytes} bytes`
      throw new CloudstackError('CLOUDSTACK_PROTOCOL', text, { effect: 'unknown' })
    }
    parts.push(bytes)
  }
  return Buffer.concat(parts).toString('utf8')
}

/** Seconds; a date is not understood and counts as nothing said. */
function readRetryAfter(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined
}
