import { createHash } from 'node:crypto'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { isFault, OutcomeUnknown } from './faults.js'
import {
  SoapTransport,
  type Answer,
  type Call,
  type FileAnswer,
  type FileRequest,
  type SoapOptions,
} from './soap.js'
import { child, element, refOf, required, textOf, type MoRef, type Node } from './vim-xml.js'

export interface Credentials {
  readonly user: string
  readonly password: string
}

export interface SessionOptions extends SoapOptions {
  /** Asked at each login, so that changed credentials are used at once. */
  readonly credentials: () => Promise<Credentials>
  readonly logger: Logger
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** Before a call that changes nothing is made again on a new connection. */
  readonly retryDelayMs: number
}

/** The managers of this server; their ids differ between vCenter and an ESXi host. */
export interface ServiceContent {
  readonly rootFolder: MoRef
  readonly propertyCollector: MoRef
  readonly viewManager: MoRef
  readonly sessionManager: MoRef
  readonly searchIndex: MoRef
  /** Undefined: this server has none. */
  readonly authorizationManager: MoRef | undefined
  /** Such as `8.0.1.0`. */
  readonly apiVersion: string
}

/**
 * What may be done when a call has no clear answer. `safe`: the call changes nothing that lasts, so it is made again.
 * `bound`: it means something made in this session, which a new session does not have. `never`: the caller has to look.
 */
export type Repeat = 'safe' | 'bound' | 'never'

const serviceInstance: MoRef = { type: 'ServiceInstance', id: 'ServiceInstance' }
const maxAttempts = 3
/** A third wrong password can lock the account. */
const maxRefusedLogins = 2

interface Login {
  readonly cookies: readonly string[]
  readonly content: ServiceContent
}

/**
 * One session with vCenter, logged in when it is first needed and renewed once when vCenter has forgotten it. A credential
 * that was refused twice is not tried again until the provider yields another one.
 */
export class VimSession {
  readonly #options: SessionOptions
  readonly #transport: SoapTransport
  readonly #refused = new Map<string, number>()
  readonly #closing = new AbortController()
  readonly #errands = new Set<Promise<void>>()
  #login: Promise<Login> | undefined
  #established: Login | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#transport = new SoapTransport(options)
  }

  get thumbprintSha1(): string | undefined {
    return this.#transport.thumbprintSha1
  }

  async content(signal: AbortSignal): Promise<ServiceContent> {
    return (await this.#loggedIn(signal)).content
  }

  /** The response element. NotAuthenticated means that nothing was done, so one renewed login and one repetition follow. */
  async call(call: Call, repeat: Repeat, signal: AbortSignal): Promise<Node> {
    const login = await this.#loggedIn(signal)
    try {
      return (await this.#send(call, login.cookies, repeat, signal)).response
    } catch (error) {
      if (!isFault(error, 'NotAuthenticated')) throw error
      this.#forget(login)
      if (repeat === 'bound') throw error
    }
    this.#options.logger.info({}, 'vCenter ended the session; logging in again')
    const renewed = await this.#loggedIn(signal)
    return (await this.#send(call, renewed.cookies, repeat, signal)).response
  }

  /** A file of a datastore; a session that the server has forgotten is renewed once. */
  async file(request: FileRequest, signal: AbortSignal): Promise<FileAnswer> {
    const login = await this.#loggedIn(signal)
    const answer = await this.#transport.file(request, login.cookies, signal)
    if (answer.status !== 401) return answer
    await answer.drop()
    this.#forget(login)
    this.#options.logger.info({}, 'vCenter ended the session; logging in again')
    const renewed = await this.#loggedIn(signal)
    return this.#transport.file(request, renewed.cookies, signal)
  }

  /** Tidies up behind a caller that does not wait: what fails is only logged, vCenter drops it with the session. */
  errand(what: string, call: Call): void {
    const done = this.call(call, 'bound', this.#closing.signal)
      .then(
        () => undefined,
        (error: unknown) => this.#options.logger.debug({ err: error }, `could not ${what}`),
      )
      .finally(() => this.#errands.delete(done))
    this.#errands.add(done)
  }

  /** Logs out, if somebody logged in. A vCenter that does not answer ends the session by itself. */
  async close(): Promise<void> {
    await Promise.all(this.#errands)
    const login = this.#login
    this.#login = undefined
    if (login !== undefined) {
      try {
        const { cookies, content } = await login
        const logout = { method: 'Logout', target: content.sessionManager, args: [] }
        await this.#transport.send(logout, cookies, this.#closing.signal)
      } catch (error) {
        this.#options.logger.debug({ err: error }, 'no logout from vCenter')
      }
    }
    this.#closing.abort()
    await this.#transport.close()
  }

  /** All callers share one login; each stops waiting for it by its own signal. */
  async #loggedIn(signal: AbortSignal): Promise<Login> {
    signal.throwIfAborted()
    if (this.#login === undefined) {
      const login = this.#logIn()
      this.#login = login
      login.catch(() => {
        if (this.#login === login) this.#login = undefined
      })
    }
    return abortable(this.#login, signal)
  }

  /** Unless somebody has renewed it meanwhile. */
  #forget(ended: Login): void {
    if (this.#established !== ended) return
    this.#established = undefined
    this.#login = undefined
  }

  async #send(call: Call, cookies: readonly string[], repeat: Repeat, signal: AbortSignal): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#transport.send(call, cookies, signal)
      } catch (error) {
        if (!(error instanceof OutcomeUnknown) || repeat !== 'safe' || attempt >= maxAttempts) throw error
        this.#options.logger.debug({ err: error, method: call.method }, 'asking vCenter again')
        await this.#options.pause(this.#options.retryDelayMs, signal)
        signal.throwIfAborted()
      }
    }
  }

  async #logIn(): Promise<Login> {
    const { user, password } = await this.#options.credentials()
    const key = createHash('sha256').update(`${user}\0${password}`).digest('base64')
    const refused = this.#refused.get(key) ?? 0
    if (refused >= maxRefusedLogins)
      throw new AppError(
        'VSPHERE_LOGIN_REFUSED',
        `${user} was refused ${refused} times and is not tried again`,
      )
    const content = await this.#serviceContent()
    const login: Call = {
      method: 'Login',
      target: content.sessionManager,
      args: [element('userName', user), element('password', password)],
    }
    try {
      const { cookies } = await this.#transport.send(login, [], this.#closing.signal)
      if (cookies.length === 0) throw new AppError('VSPHERE_PROTOCOL', 'Login: the answer sets no cookie')
      this.#refused.delete(key)
      this.#established = { cookies, content }
      return this.#established
    } catch (error) {
      if (isFault(error, 'InvalidLogin', 'PasswordExpired')) this.#refused.set(key, refused + 1)
      throw error
    }
  }

  async #serviceContent(): Promise<ServiceContent> {
    const call = { method: 'RetrieveServiceContent', target: serviceInstance, args: [] }
    const { response } = await this.#send(call, [], 'safe', this.#closing.signal)
    const content = required(response, 'returnval', call.method)
    const authorizationManager = child(content, 'authorizationManager')
    const manager = (name: string): MoRef => refOf(child(content, name), `${call.method}: ${name}`)
    return {
      rootFolder: manager('rootFolder'),
      propertyCollector: manager('propertyCollector'),
      viewManager: manager('viewManager'),
      sessionManager: manager('sessionManager'),
      searchIndex: manager('searchIndex'),
      authorizationManager:
        authorizationManager === undefined ? undefined : refOf(authorizationManager, call.method),
      apiVersion: textOf(child(content, 'about'), 'apiVersion') ?? '',
    }
  }
}

/** The promise, or the signal's reason if that comes first. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const stop = new AbortController()
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true, signal: stop.signal })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    stop.abort()
  }
}
