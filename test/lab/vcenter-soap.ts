import { request } from 'node:https'
import { type VcenterSimulator } from '../../lab/vcenter/simulator.js'

export interface Reply {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface SendOptions {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A SOAP client of hand-written requests: it knows nothing of schemas, so the simulator's are tested, not its own. */
export class RawClient {
  cookie: string | null = null
  private readonly simulator: VcenterSimulator

  constructor(simulator: VcenterSimulator) {
    this.simulator = simulator
  }

  send(body: string, options: SendOptions = {}): Promise<Reply> {
    const { host, port, certificatePem } = this.simulator
    const headers = {
      'Content-Type': 'text/xml; charset="utf-8"',
      SOAPAction: '"urn:vim25/8.0.1.0"',
      ...(this.cookie === null ? {} : { Cookie: this.cookie }),
      ...options.headers,
    }
    return new Promise<Reply>((resolve, reject) => {
      const call = request(
        {
          host,
          port,
          path: options.path ?? '/sdk',
          method: options.method ?? 'POST',
          headers,
          agent: false,
          ca: certificatePem,
        },
        response => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 0,
              body: Buffer.concat(parts).toString(),
              headers: response.headers,
            })
          })
        },
      )
      call.on('error', reject)
      call.end(body)
    })
  }

  /** Calls a method with the elements given, `_this` first. */
  call(name: string, inner: string): Promise<Reply> {
    return this.send(envelope(`<${name} xmlns="urn:vim25">${inner}</${name}>`))
  }

  /** Like `call`; throws unless the answer is a result. */
  async ok(name: string, inner: string): Promise<string> {
    const reply = await this.call(name, inner)
    if (reply.status !== 200) throw new Error(`${name}: ${reply.status} ${reply.body}`)
    return reply.body
  }

  async login(password = this.simulator.password): Promise<Reply> {
    const reply = await this.call(
      'Login',
      `${sessionManager}<userName>${this.simulator.user}</userName><password>${password}</password>`,
    )
    const setCookie = reply.headers['set-cookie']?.[0]
    if (setCookie !== undefined) this.cookie = setCookie.split(';')[0] ?? null
    return reply
  }

  /** One property, as the text between the tags of its value. */
  async property(type: string, id: string, path: string): Promise<string> {
    const body = await this.ok('RetrievePropertiesEx', collect(type, id, path))
    return /<val[^>]*>(.*)<\/val>/s.exec(body)?.[1] ?? ''
  }

  /** Starts a task and waits for its end; gives the task's info. Throws when the call itself is refused. */
  async task(name: string, inner: string): Promise<TaskEnd> {
    const id = /<returnval type="Task">([^<]+)</.exec(await this.ok(name, inner))?.[1]
    if (id === undefined) throw new Error(`${name} gave no task`)
    for (;;) {
      const info = await this.property('Task', id, 'info')
      const state = /<state>(\w+)<\/state>/.exec(info)?.[1]
      if (state === 'success' || state === 'error')
        return { state, info, result: /<result[^>]*>([^<]*)</.exec(info)?.[1] ?? null }
      await new Promise(resolve => setTimeout(resolve, 5))
    }
  }
}

export interface TaskEnd {
  readonly state: 'success' | 'error'
  readonly info: string
  readonly result: string | null
}

export const sessionManager = '<_this type="SessionManager">SessionManager</_this>'
export const propertyCollector = '<_this type="PropertyCollector">propertyCollector</_this>'

export const collect = (type: string, id: string, path: string, options = '<options/>'): string =>
  `${propertyCollector}<specSet><propSet><type>${type}</type><pathSet>${path}</pathSet></propSet>` +
  `<objectSet><obj type="${type}">${id}</obj></objectSet></specSet>${options}`

export const envelope = (body: string): string =>
  '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ' +
  `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`

/** The type of the fault in an answer. */
export const faultOf = (reply: Reply): string | undefined =>
  reply.status === 500
    ? /<detail><(\w+)Fault xmlns="urn:vim25" xsi:type="\1">/.exec(reply.body)?.[1]
    : undefined
