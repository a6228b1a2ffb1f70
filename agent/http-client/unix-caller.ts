import { Pool } from 'undici'
import { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ErrorReply } from '../api/schemas.js'
import { AppError, type ErrorCode } from '../errors.js'

/** Who is called, and under which codes its silence and its nonsense are reported. */
export interface Peer {
  readonly socketPath: string
  readonly connections: number
  readonly unreachable: ErrorCode
  readonly misunderstood: ErrorCode
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface UnixRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** For the whole call, until the last byte of the reply. */
  readonly timeoutMs: number
}

const maxReplyBytes = 4 * 1024 * 1024

/**
 * JSON over HTTP on a unix socket to one of our own processes. A call rejects with the peer's code for silence or nonsense,
 * the code the peer answered with, or the reason of its signal. A call that got no answer may have had its effect.
 */
export class UnixCaller {
  readonly #peer: Peer
  readonly #pool: Pool

  constructor(peer: Peer) {
    this.#peer = peer
    const { socketPath, connections } = peer
    this.#pool = new Pool('http://peer', { socketPath, connections, headersTimeout: 0, bodyTimeout: 0 })
  }

  /** The parsed body of a good reply; undefined when it has none. */
  async call(request: UnixRequest, signal: AbortSignal): Promise<unknown> {
    const reply = await this.#send(request, signal)
    const body = reply.text === '' ? undefined : this.#parsed(request.path, reply.text)
    if (reply.status < 400) return body
    if (Value.Check(ErrorReply, body)) throw new AppError(body.code, body.message)
    throw new AppError(
      this.#peer.misunderstood,
      `${request.path}: status ${reply.status} without a known code`,
    )
  }

  understood<Schema extends TSchema>(schema: Schema, body: unknown, what: string): Static<Schema> {
    if (Value.Check(schema, body)) return body
    const [first] = Value.Errors(schema, body)
    throw new AppError(
      this.#peer.misunderstood,
      `${what}: ${first?.instancePath ?? ''} ${first?.message ?? ''}`,
    )
  }

  close(): Promise<void> {
    return this.#pool.destroy()
  }

  async #send({ method, path, body, timeoutMs }: UnixRequest, signal: AbortSignal) {
    try {
      const reply = await this.#pool.request({
        method,
        path,
        headers: {
          ...this.#peer.headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      const parts: Uint8Array[] = []
      let length = 0
      for await (const part of reply.body as AsyncIterable<Uint8Array>) {
        length += part.length
        if (length > maxReplyBytes)
          throw new AppError(this.#peer.misunderstood, `${path}: the answer is too long`)
        parts.push(part)
      }
      return { status: reply.statusCode, text: Buffer.concat(parts).toString('utf8') }
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      throw new AppError(this.#peer.unreachable, `calling ${path}`, cause)
    }
  }

  #parsed(path: string, text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new AppError(this.#peer.misunderstood, `${path}: the answer is not JSON`, cause)
    }
  }
}
