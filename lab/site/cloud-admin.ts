import { createHmac } from 'node:crypto'
import { request } from 'undici'
import { until } from './until.js'

export interface CloudAccount {
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
}

/** A VM that really boots is emulated. */
const jobLimitMs = 240_000

type Fields = Readonly<Record<string, unknown>>

/** A cloud administrator at work beside the product, through the same signed API. */
export class CloudAdmin {
  readonly #account: CloudAccount

  constructor(account: CloudAccount) {
    this.#account = account
  }

  /** Gives the id of the new, detached volume. */
  async createVolume(request: {
    readonly name: string
    readonly sizeGib: number
    readonly zoneId: string
    readonly diskOfferingId: string
  }): Promise<string> {
    const { id } = await this.#job('createVolume', {
      name: request.name,
      size: request.sizeGib.toString(),
      zoneid: request.zoneId,
      diskofferingid: request.diskOfferingId,
    })
    return String(id)
  }

  async attachVolume(id: string, vmId: string): Promise<void> {
    await this.#job('attachVolume', { id, virtualmachineid: vmId })
  }

  async detachVolume(id: string): Promise<void> {
    await this.#job('detachVolume', { id })
  }

  async resizeVolume(id: string, sizeGib: number): Promise<void> {
    await this.#job('resizeVolume', { id, size: sizeGib.toString() })
  }

  async stopVm(id: string): Promise<void> {
    await this.#job('stopVirtualMachine', { id })
  }

  async startVm(id: string): Promise<void> {
    await this.#job('startVirtualMachine', { id })
  }

  /** The fields the command answered with, once its job has succeeded. */
  async #job(command: string, parameters: Readonly<Record<string, string>>): Promise<Fields> {
    const started = await this.#call(command, parameters)
    const jobid = String(started['jobid'])
    await until(
      `${command} ends`,
      async () => {
        const job = await this.#call('queryAsyncJobResult', { jobid })
        if (job['jobstatus'] === 2) throw new Error(`${command}: ${JSON.stringify(job['jobresult'])}`)
        return job['jobstatus'] === 1 ? true : undefined
      },
      jobLimitMs,
    )
    return started
  }

  async #call(command: string, parameters: Readonly<Record<string, string>>): Promise<Fields> {
    const { url, apiKey, secretKey } = this.#account
    const all: Record<string, string> = { ...parameters, command, apikey: apiKey, response: 'json' }
    const query = Object.keys(all)
      .sort()
      .map(name => `${name}=${encodeURIComponent(all[name] ?? '')}`)
      .join('&')
    const signature = createHmac('sha1', secretKey).update(query.toLowerCase()).digest('base64')
    const reply = await request(`${url}?${query}&signature=${encodeURIComponent(signature)}`)
    const body = (await reply.body.json()) as Readonly<Record<string, Fields>>
    const inner = Object.values(body)[0]
    if (reply.statusCode !== 200 || inner === undefined)
      throw new Error(`${command}: status ${reply.statusCode}, ${JSON.stringify(body)}`)
    return inner
  }
}
