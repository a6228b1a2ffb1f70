import { AppError } from '../errors.js'
import { CircuitBreaker, type BreakerOptions, type CallOutcome } from './breaker.js'
import { CloudstackError, CloudstackFault, isAway } from './failure.js'
import { readList } from './paging.js'
import { redactor, signedBody, type ApiKey, type SignatureVersion } from './signature.js'
import { Transport, type Endpoint, type RawAnswer } from './transport.js'

export interface CloudstackOptions {
  readonly endpoint: Endpoint
  readonly key: ApiKey
  readonly signatureVersion: SignatureVersion
  readonly timeoutMs: number
  readonly jobPollMs: number
  /** A job that has not ended by then rejects with CLOUDSTACK_JOB_UNFINISHED; it goes on all the same. */
  readonly jobLimitMs: number
  /** So often a read is tried, with pauses from `retryFirstMs` doubling. */
  readonly readTries: number
  readonly retryFirstMs: number
  readonly breaker: Omit<BreakerOptions, 'nowMs'>
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

export type Fields = Readonly<Record<string, unknown>>
export type Parameters = Readonly<Record<string, string>>

export type JobEnd =
  | { readonly kind: 'succeeded'; readonly result: Fields }
  | { readonly kind: 'failed'; readonly fault: CloudstackFault }
  /** CloudStack knows no such job, any more or at all. */
  | { readonly kind: 'forgotten' }

const expiryMs = 10 * 60 * 1000
/** What a proxy or a busy management server says in place of CloudStack's own answer. */
const awayStatuses = new Set([502, 503, 504])

/**
 * One CloudStack under one key. Rejects with CloudstackError, whose `effect` says whether CloudStack can have acted, or
 * with the signal's reason. No message or cause holds a part of the key.
 */
export class CloudstackApi {
  readonly #options: CloudstackOptions
  readonly #transport: Transport
  readonly #breaker: CircuitBreaker
  readonly #redacted: (text: string) => string
  #commands: Promise<ReadonlySet<string>> | undefined

  constructor(options: CloudstackOptions) {
    this.#options = options
    this.#transport = new Transport(options.endpoint, options.timeoutMs)
    this.#breaker = new CircuitBreaker({ ...options.breaker, nowMs: () => options.now().getTime() })
    this.#redacted = redactor(options.key)
  }

  /** Sends a command once: the fields inside `<command>response`. */
  async once(command: string, parameters: Parameters, signal: AbortSignal): Promise<Fields> {
    const { key, signatureVersion, now } = this.#options
    this.#breaker.enter(command)
    let outcome: CallOutcome = { kind: 'abandoned' }
    try {
      const expires = new Date(now().getTime() + expiryMs)
      const body = signedBody({ command, ...parameters }, key, signatureVersion, expires)
      const answer = await this.#transport.post(command, body, signal)
      const fields = this.#fieldsOf(command, answer)
      outcome = { kind: 'answered' }
      return fields
    } catch (error) {
      outcome = outcomeOf(error)
      throw error
    } finally {
      this.#breaker.report(outcome)
    }
  }

  /** A command that changes nothing: tried again within bounds when nobody answered or the answer was broken. */
  async read(command: string, parameters: Parameters, signal: AbortSignal): Promise<Fields> {
    const { readTries, retryFirstMs, pause } = this.#options
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.once(command, parameters, signal)
      } catch (error) {
        if (tried >= readTries || !isWorthAnotherRead(error)) throw error
      }
      await pause(retryFirstMs * 2 ** (tried - 1), signal)
      signal.throwIfAborted()
    }
  }

  /** All objects of a list command, page by page. */
  list(
    command: string,
    objectName: string,
    parameters: Parameters,
    signal: AbortSignal,
  ): Promise<readonly Fields[]> {
    return readList(page => this.read(command, { ...parameters, ...page }, signal), command, objectName)
  }

  /** Whether the role of the key may call a command, as CloudStack itself tells it; asked for once. */
  async mayCall(command: string, signal: AbortSignal): Promise<boolean> {
    this.#commands ??= this.#readCommands(signal)
    try {
      return (await this.#commands).has(command)
    } catch (error) {
      this.#commands = undefined
      throw error
    }
  }

  /** Outages are sat out as long as the time limit lasts. */
  async awaitJob(what: string, jobId: string, signal: AbortSignal): Promise<JobEnd> {
    const { now, pause, jobLimitMs, jobPollMs } = this.#options
    const endMs = now().getTime() + jobLimitMs
    for (;;) {
      const end = await this.#jobEnd(what, jobId, signal)
      if (end !== undefined) return end
      if (now().getTime() >= endMs) {
        const text = `${what}: job ${jobId} has not ended after ${jobLimitMs} ms`
        throw new CloudstackError('CLOUDSTACK_JOB_UNFINISHED', text, { effect: 'unknown' })
      }
      await pause(jobPollMs, signal)
      signal.throwIfAborted()
    }
  }

  close(): Promise<void> {
    return this.#transport.close()
  }

  async #readCommands(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { api } = await this.read('listApis', {}, signal)
    if (!Array.isArray(api)) throw protocol('listApis: there is no list of commands')
    return new Set(api.filter(isFields).map(one => String(one['name'])))
  }

  /** Undefined: still pending, or nobody could say. */
  async #jobEnd(what: string, jobid: string, signal: AbortSignal): Promise<JobEnd | undefined> {
    let job: Fields
    try {
      job = await this.once('queryAsyncJobResult', { jobid }, signal)
    } catch (error) {
      if (error instanceof CloudstackFault && error.errorCode === 431) return { kind: 'forgotten' }
      if (isWorthAnotherRead(error)) return undefined
      throw error
    }
    const { jobstatus, jobresult } = job
    // 0 pending, 1 succeeded, 2 failed (CloudStack API, queryAsyncJobResult).
    if (jobstatus === 0) return undefined
    const result = isFields(jobresult) ? jobresult : {}
    if (jobstatus === 1) return { kind: 'succeeded', result }
    if (jobstatus !== 2) throw protocol(`${what}: job ${jobid} has no status`)
    return { kind: 'failed', fault: this.#faultOf(what, result, 530) }
  }

  #fieldsOf(command: string, { status, text, retryAfterMs }: RawAnswer): Fields {
    if (awayStatuses.has(status))
      throw new CloudstackError('CLOUDSTACK_UNREACHABLE', `${command}: status ${status}`, {
        effect: 'unknown',
        retryAfterMs,
      })
    if (status === 429)
      // Whoever stands before CloudStack may have passed the call on.
      throw new CloudstackError('CLOUDSTACK_BUSY', `${command}: status 429`, {
        effect: 'unknown',
        retryAfterMs,
      })
    const outer = parsed(command, text)
    const inner = Object.entries(outer).find(([name]) => name.toLowerCase().endsWith('response'))?.[1]
    if (!isFields(inner)) throw protocol(`${command}: no response object, status ${status}`)
    if (status >= 400 || 'errorcode' in inner) throw this.#faultOf(command, inner, status)
    return inner
  }

  #faultOf(what: string, fields: Fields, status: number): CloudstackFault {
    const { errorcode, errortext } = fields
    const text = typeof errortext === 'string' ? this.#redacted(errortext) : 'no text'
    return new CloudstackFault(typeof errorcode === 'number' ? errorcode : status, `${what}: ${text}`)
  }
}

function outcomeOf(error: unknown): CallOutcome {
  if (!(error instanceof CloudstackError)) return { kind: 'abandoned' }
  if (isAway(error)) return { kind: 'away', retryAfterMs: error.retryAfterMs }
  if (error.code === 'CLOUDSTACK_REFUSED') return { kind: 'refused' }
  return { kind: 'answered' }
}

/** A broken answer may be whole the next time; when the breaker is open nothing is worth a try. */
const isWorthAnotherRead = (error: unknown): boolean =>
  isAway(error) || (error instanceof AppError && error.code === 'CLOUDSTACK_PROTOCOL')

const protocol = (message: string): CloudstackError =>
  new CloudstackError('CLOUDSTACK_PROTOCOL', message, { effect: 'unknown' })

/** The parser's own error quotes the answer, which may repeat a secret; so it is no cause. */
function parsed(command: string, text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    if (isFields(value)) return value
  } catch {
    throw protocol(`${command}: the answer is not JSON`)
  }
  throw protocol(`${command}: the answer is not an object`)
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
