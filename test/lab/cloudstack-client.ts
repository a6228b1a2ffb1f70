import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { until } from '../lib/until.js'

export interface CallOptions {
  readonly method?: 'GET' | 'POST'
  readonly version?: '1' | '3'
  readonly apiKey?: string
  readonly secretKey?: string
  /** Of version 3; default: in five minutes. */
  readonly expires?: string
  /** Default json; null sends none. */
  readonly response?: string | null
  /** Sent in the query of a POST, beside its body. */
  readonly query?: Readonly<Record<string, string>>
  /** The way the string to sign is made from the sorted pairs; for clients that get it wrong. */
  readonly stringToSign?: (pairs: readonly string[]) => string
  readonly signature?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

const hex = (byte: number): string => (byte < 16 ? '0' : '') + byte.toString(16).toUpperCase()
const keep = new Set(Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*_'))
/** Java's URLEncoder, with %20 for a space. */
export const javaEncode = (text: string): string =>
  [...Buffer.from(text)].map(byte => (keep.has(byte) ? String.fromCharCode(byte) : `%${hex(byte)}`)).join('')

export const inMinutes = (minutes: number): string =>
  `${new Date(Date.now() + minutes * 60_000).toISOString().slice(0, 19)}+0000`

type Object_ = Record<string, unknown>

/** A CloudStack client of its own, written from the signing rules in the published developer's guide. */
export class RawCloudstack {
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string

  constructor(at: { readonly url: string; readonly apiKey: string; readonly secretKey: string }) {
    this.url = at.url
    this.apiKey = at.apiKey
    this.secretKey = at.secretKey
  }

  /** The signed pairs as they go over the wire. */
  pairs(command: string, parameters: Readonly<Record<string, string>>, options: CallOptions): string[] {
    const all: Record<string, string> = { command, apiKey: options.apiKey ?? this.apiKey, ...parameters }
    if (options.response !== null) all['response'] = options.response ?? 'json'
    if ((options.version ?? '3') === '3') {
      all['signatureVersion'] = '3'
      all['expires'] = options.expires ?? inMinutes(5)
    }
    const signed = { ...all, ...options.query }
    const inOrder = Object.keys(signed)
      .sort()
      .map(name => `${name}=${javaEncode(signed[name] ?? '')}`)
    const text = (options.stringToSign ?? (list => list.join('&').toLowerCase()))(inOrder)
    const signature =
      options.signature ??
      createHmac('sha1', options.secretKey ?? this.secretKey)
        .update(text)
        .digest('base64')
    const sent = Object.entries(all).map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    return [...sent, `signature=${encodeURIComponent(signature)}`]
  }

  send(
    command: string,
    parameters: Readonly<Record<string, string>> = {},
    options: CallOptions = {},
  ): Promise<Answer> {
    const form = this.pairs(command, parameters, options).join('&')
    if ((options.method ?? 'GET') === 'GET') return exchange(`${this.url}?${form}`, 'GET')
    const query = Object.entries(options.query ?? {}).map(
      ([name, value]) => `${name}=${encodeURIComponent(value)}`,
    )
    return exchange(`${this.url}?${query.join('&')}`, 'POST', form)
  }

  /** The fields inside `<command>response`; throws for every status but 200. */
  async call(
    command: string,
    parameters: Readonly<Record<string, string>> = {},
    options: CallOptions = {},
  ): Promise<Object_> {
    const { status, text } = await this.send(command, parameters, options)
    if (status !== 200) throw new Error(`${command}: ${status} ${text}`)
    const whole = JSON.parse(text) as Record<string, Object_>
    return only(whole, `${command.toLowerCase()}response`)
  }

  /** The job's whole answer, once it has ended. */
  async job(command: string, parameters: Readonly<Record<string, string>> = {}): Promise<Object_> {
    const { jobid } = await this.call(command, parameters, { method: 'POST' })
    return this.ended(String(jobid))
  }

  async ended(jobid: string): Promise<Object_> {
    let job: Object_ = {}
    await until(`job ${jobid} ends`, async () => {
      job = await this.call('queryAsyncJobResult', { jobid })
      return job['jobstatus'] !== 0
    })
    return job
  }
}

function only(whole: Record<string, Object_>, name: string): Object_ {
  const names = Object.keys(whole)
  const inner = whole[name]
  if (inner === undefined || names.length !== 1) throw new Error(`answer with ${names.join(', ')}`)
  return inner
}

export const exchange = (url: string, method: string, body?: string, type?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': type ?? 'application/x-www-form-urlencoded' }
    const sent = request(url, { method, headers, agent: false }, reply => {
      let text = ''
      reply.setEncoding('utf8')
      reply.on('data', (part: string) => (text += part))
      reply.on('error', reject)
      reply.on('end', () => {
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text })
      })
    })
    sent.on('error', reject)
    sent.end(body)
  })
