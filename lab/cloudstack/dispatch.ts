import { setTimeout as after } from 'node:timers/promises'
import { ApiError, internalError, parameterError, refused } from './api-error.js'
import { type Call, type Cloud, type Command, type Outcome } from './command.js'
import { mayCall } from './commands-discovery.js'
import { type Faults } from './faults.js'
import { pageOf, readArguments } from './parameters.js'
import { errorFields, type Fields, type Reply } from './reply.js'
import { type RequestParameters } from './request.js'
import { isSigned, type Key } from './signature.js'

export interface DispatchRules {
  readonly key: Key
  readonly strictParameters: boolean
  readonly requirePostAndTimestamps: boolean
  readonly maxPageSize: number
  readonly nowMs: () => number
  readonly onBug: (error: unknown) => void
}

export interface ApiRequest {
  readonly method: string
  readonly parameters: RequestParameters
  readonly repeated: readonly string[]
}

/** Judges and carries out requests; knows nothing of HTTP but the method's name. */
export class Dispatcher {
  readonly #cloud: Cloud
  readonly #commands: ReadonlyMap<string, Command>
  readonly #faults: Faults
  readonly #rules: DispatchRules

  constructor(cloud: Cloud, commands: readonly Command[], faults: Faults, rules: DispatchRules) {
    this.#cloud = cloud
    this.#commands = new Map(commands.map(command => [command.name, command]))
    this.#faults = faults
    this.#rules = rules
  }

  /** Never rejects: what goes wrong is an answer. */
  async answer(request: ApiRequest): Promise<Reply> {
    const name = request.parameters.get('command') ?? ''
    const command = this.#commands.get(name)
    try {
      this.#checkSignature(request, name)
      // A signed request with an unknown command is refused the same way, as by ApiServer.verifyRequest.
      if (command === undefined) throw refused()
      if (!mayCall(this.#cloud.role, command)) throw new ApiError(432, notAvailable(name), null)
      this.#checkMethod(request, name)
      this.#checkValues(request)
      const delay = this.#faults.take('delay-call', name)
      if (delay !== null) await after(delay.rule.delayMs)
      this.#faults.failCall(name)
      const fields = await this.#perform(command, request.parameters)
      return { status: 200, name: responseName(command), fields }
    } catch (error) {
      return this.#errorReply(error, command)
    }
  }

  #checkSignature(request: ApiRequest, name: string): void {
    const { key, nowMs, requirePostAndTimestamps: requireTimestamps } = this.#rules
    if (!isSigned(request.parameters, key, { nowMs: nowMs(), requireTimestamps })) throw refused()
    if (this.#faults.take('refuse-key', name) !== null) throw refused()
  }

  #checkMethod(request: ApiRequest, name: string): void {
    if (!this.#rules.requirePostAndTimestamps || request.method === 'POST') return
    if (!/^(list|get|query|find|is)/i.test(name))
      throw new ApiError(405, `State changing command ${name} needs to be sent using POST request`, null)
  }

  #checkValues({ parameters, repeated }: ApiRequest): void {
    for (const [name, value] of parameters)
      if (controlCharacter.test(value))
        throw parameterError(
          `Received value containing illegal ASCII non-printable characters for parameter ${name}`,
        )
    if (this.#rules.strictParameters && repeated.length > 0)
      throw parameterError(`Parameters given more than once: ${repeated.join(' ')}`)
  }

  async #perform(command: Command, parameters: RequestParameters): Promise<Fields> {
    const { site, jobs } = this.#cloud
    const args = readArguments(command, parameters, {
      strict: this.#rules.strictParameters,
      exists: (kind, id) => (kind === 'job' ? jobs.find(id) !== undefined : site.exists(kind, id)),
    })
    const page = pageOf(args, this.#rules.maxPageSize)
    const isStale = this.#faults.take('stale-list', command.name) !== null
    const call: Call = { cloud: this.#cloud, args, isStale }
    const fields = this.#finish(command, await command.run(call), page)
    if (this.#faults.take('duplicate-job', command.name) !== null)
      this.#finish(command, await command.run(call), page)
    return fields
  }

  #finish(
    command: Command,
    outcome: Outcome,
    page: { readonly start: number; readonly size: number },
  ): Fields {
    switch (outcome.kind) {
      case 'fields':
        return outcome.fields
      case 'list': {
        const { items, objectName } = outcome
        const shown = items.slice(page.start, page.start + page.size)
        // As ListResponse is serialised: nothing found shows neither count nor array, an empty page the count alone.
        if (items.length === 0) return {}
        return { count: items.length, [objectName]: shown.length === 0 ? undefined : shown }
      }
      case 'job': {
        const job = this.#cloud.jobs.start({
          command: command.name,
          commandClass: `org.apache.cloudstack.api.command.${command.javaClass ?? command.name}`,
          ...outcome.request,
        })
        return { id: outcome.createdId, jobid: job.id }
      }
    }
  }

  #errorReply(error: unknown, command: Command | undefined): Reply {
    if (!(error instanceof ApiError)) this.#rules.onBug(error)
    const shown = error instanceof ApiError ? error : internalError(String(error))
    return {
      status: shown.code,
      name: command === undefined ? 'errorresponse' : responseName(command),
      fields: errorFields(shown),
    }
  }
}

const notAvailable = (name: string): string =>
  `The given command '${name}' either does not exist, is not available for user, or not available from ip address`

const responseName = (command: Command): string => `${command.name.toLowerCase()}response`

/** Line ends are allowed, a tab is not, as in ApiServer's pattern of control characters. */
const controlCharacter = /(?![\n\r\u0080-\u009f])\p{Cc}/u
