import { request, type Dispatcher } from 'undici'
import { AppError } from '../errors.js'
import { signedBody } from './signature.js'

export interface CloudstackOptions {
  /** Of the API itself, such as https://host/client/api. */
  readonly url: string
  /** Read at each call, so that a changed key is used at once. */
  readonly credentials: () => Promise<{ readonly apiKey: string; readonly secretKey: string }>
  readonly timeoutMs: number
  readonly jobPollMs: number
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly dispatcher?: Dispatcher
}

export type Fields = Readonly<Record<string, unknown>>

const expiryMs = 10 * 60 * 1000
/** What a proxy or a busy management server says in place of CloudStack's own answer. */
const awayStatuses = new Set([429, 502, 503, 504])
const maxReplyBytes = 32 * 1024 * 1024

/**
 * Calls CloudStack by signed POST, so that no parameter is left in a log of addresses. Rejects with CLOUDSTACK_UNREACHABLE
 * (the outcome is unknown then: look before doing it again), CLOUDSTACK_REFUSED, CLOUDSTACK_FAULT with CloudStack's own
 * text, or CLOUDSTACK_PROTOCOL.
 */
export class CloudstackApi {
  readonly #options: CloudstackOptions

  constructor(options: CloudstackOptions) {
    this.#options = options
  }

  /** The fields inside `<command>response`. */
  async call(
    command: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Fields> {
    const key = await this.#options.credentials()
    const expires = new Date(this.#options.now().getTime() + expiryMs)
    const { status, text } = await this.#send(
      command,
      signedBody({ command, ...parameters }, key, expires),
      signal,
    )
    if (awayStatuses.has(status)) throw new AppError('CLOUDSTACK_UNREACHABLE', `${command}: status ${status}`)
    const outer = parseObject(command, text)
    const inner = Object.entries(outer).find(([name]) => name.toLowerCase().endsWith('response'))?.[1]
    if (!isFields(inner))
      throw new AppError('CLOUDSTACK_PROTOCOL', `${command}: no response object, status ${status}`)
    if (status === 401) throw new AppError('CLOUDSTACK_REFUSED', `${command}: ${textOf(inner)}`)
    if (status >= 400 || 'errorcode' in inner)
      throw new AppError('CLOUDSTACK_FAULT', `${command}: ${textOf(inner)}`)
    return inner
  }

  /** Starts an asynchronous command and waits for its job; the job's result. */
  async callJob(
    command: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Fields> {
    const { jobid } = await this.call(command, parameters, signal)
    if (typeof jobid !== 'string') throw new AppError('CLOUDSTACK_PROTOCOL', `${command}: no jobid`)
    return this.awaitJob(command, jobid, signal)
  }

  /** The result of a job, once it has ended. `command` is for the messages. */
  async awaitJob(command: string, jobid: string, signal: AbortSignal): Promise<Fields> {
    for (;;) {
      const job = await this.call('queryAsyncJobResult', { jobid }, signal)
      // 0 pending, 1 succeeded, 2 failed (CloudStack API, queryAsyncJobResult).
      if (job['jobstatus'] === 1) return isFields(job['jobresult']) ? job['jobresult'] : {}
      if (job['jobstatus'] === 2) {
        const result = job['jobresult']
        throw new AppError(
          'CLOUDSTACK_FAULT',
          `${command}: ${isFields(result) ? textOf(result) : 'the job failed without a text'}`,
        )
      }
      if (job['jobstatus'] !== 0)
        throw new AppError('CLOUDSTACK_PROTOCOL', `${command}: job ${jobid} has no status`)
      await this.#options.pause(this.#options.jobPollMs, signal)
      signal.throwIfAborted()
    }
  }

  async #send(command: string, body: string, signal: AbortSignal) {
    const { url, timeoutMs, dispatcher } = this.#options
    try {
      const reply = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        ...(dispatcher === undefined ? {} : { dispatcher }),
      })
      let text = ''
      for await (const part of reply.body) {
        text += String(part)
        if (text.length > maxReplyBytes)
          throw new AppError('CLOUDSTACK_PROTOCOL', `${command}: the answer is too long`)
      }
      return { status: reply.statusCode, text }
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AppError) throw cause
      throw new AppError('CLOUDSTACK_UNREACHABLE', `calling ${command}`, cause)
    }
  }
}

function parseObject(command: string, text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    if (isFields(value)) return value
  } catch (cause) {
    throw new AppError('CLOUDSTACK_PROTOCOL', `${command}: the answer is not JSON`, cause)
  }
  throw new AppError('CLOUDSTACK_PROTOCOL', `${command}: the answer is not an object`)
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textOf = (fields: Fields): string =>
  typeof fields['errortext'] === 'string' ? fields['errortext'] : 'no text'
