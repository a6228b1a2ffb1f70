import { Turns } from '../domain/turns.js'
import { AppError } from '../errors.js'
import { Secret } from '../log/secret.js'
import { thumbprintDigits } from '../tls/connection.js'
import { shownCertificate, type ShownCertificate } from '../tls/shown-certificate.js'
import { apiUrl } from './address.js'
import { type CloudstackApi } from './api.js'
import { type CloudstackConnection } from './connection.js'
import {
  type CloudstackChoice,
  type CloudstackConfiguration,
  type ConfigurationStore,
  type CredentialsStore,
  type MachineIdentity,
} from './deps.js'
import { discoverResources, type Resources } from './discovery.js'
import { ownVm } from './own-machine.js'
import { type ApiKey } from './signature.js'
import { survey } from './survey.js'
import { type Endpoint, connectionFailures } from './transport.js'
import { validate, type Finding } from './validation.js'

export interface AddressRequest {
  readonly address: string
  readonly allowPlainHttp?: boolean
}

export interface CandidateRequest extends AddressRequest {
  readonly apiKey: string
  readonly secretKey: string
  /** As it was shown and confirmed; has to be there for https. */
  readonly thumbprintSha256?: string
  readonly signatureVersion?: 1 | 3
}

export interface SaveRequest extends Omit<CandidateRequest, 'apiKey' | 'secretKey'> {
  /** The revision that was read before; 0: there is none yet. */
  readonly expectedRevision: number
  /** Both or neither; without them the stored key is kept. */
  readonly apiKey?: string
  readonly secretKey?: string
  /** Without `applianceVmId` this machine is looked for. */
  readonly choice: Omit<CloudstackChoice, 'applianceVmId'> & { readonly applianceVmId: string | null }
}

export interface CloudstackAdminOptions {
  readonly connection: CloudstackConnection
  readonly configuration: ConfigurationStore
  readonly credentials: CredentialsStore
  readonly machine: () => Promise<MachineIdentity>
  readonly connectTimeoutMs: number
}

/** Configures CloudStack in three steps: see the certificate, discover, save a choice. Keys go in and never come out. */
export class CloudstackAdmin {
  readonly #options: CloudstackAdminOptions
  /** One save at a time: the clean-up of one must not take the new key of another. */
  readonly #turns = new Turns<'save'>()

  constructor(options: CloudstackAdminOptions) {
    this.#options = options
  }

  /** What the server shows of itself; nothing of ours is sent. `certificate` is null for plain http. */
  async certificate(
    request: AddressRequest,
  ): Promise<{ readonly url: string; readonly certificate: ShownCertificate | null }> {
    const url = apiUrl(request.address, request.allowPlainHttp ?? false)
    const { protocol, hostname, port } = new URL(url)
    if (protocol === 'http:') return { url, certificate: null }
    const { connectTimeoutMs } = this.#options
    const portNumber = port === '' ? 443 : Number(port)
    const certificate = await shownCertificate(hostname, portNumber, connectTimeoutMs, connectionFailures)
    return { url, certificate }
  }

  async discover(request: CandidateRequest, signal: AbortSignal): Promise<Resources> {
    const key = { apiKey: request.apiKey, secretKey: new Secret(request.secretKey) }
    return this.#with(endpointOf(request), key, request.signatureVersion ?? 3, async api =>
      discoverResources(api, await this.#options.machine(), signal),
    )
  }

  /** Rejects with CLOUDSTACK_NOT_CONFIGURED. */
  async read(): Promise<CloudstackConfiguration> {
    const stored = await this.#options.configuration.read()
    if (stored === undefined)
      throw new AppError('CLOUDSTACK_NOT_CONFIGURED', 'there is no stored CloudStack configuration')
    return stored
  }

  /**
   * Replaces the one configuration after the key was tried. A crash in the middle leaves the old one whole; the key of
   * the loser is removed, at the latest at the next start.
   */
  save(request: SaveRequest, signal: AbortSignal): Promise<CloudstackConfiguration> {
    return this.#turns.take('save', () => this.#saved(request, signal))
  }

  async #saved(request: SaveRequest, signal: AbortSignal): Promise<CloudstackConfiguration> {
    const { configuration, credentials } = this.#options
    const stored = await configuration.read()
    if ((stored?.revision ?? 0) !== request.expectedRevision) throw stale(request.expectedRevision)
    const endpoint = endpointOf(request)
    const signatureVersion = request.signatureVersion ?? 3
    const newKey = keyIn(request)
    if (newKey === undefined && stored === undefined)
      throw new AppError('REQUEST_INVALID', 'apiKey and secretKey are needed, none is stored yet')
    // A stored key is not sent to a server other than the one it was stored for.
    if (newKey === undefined && stored !== undefined && !isSameServer(stored, endpoint))
      throw new AppError('REQUEST_INVALID', 'apiKey and secretKey are needed, the server is another one')
    const key = newKey ?? (await credentials.read(stored?.credentialsRef ?? ''))
    const applianceVmId = await this.#with(endpoint, key, signatureVersion, api =>
      this.#tried(api, request.choice.applianceVmId, signal),
    )
    const credentialsRef =
      newKey === undefined ? (stored?.credentialsRef ?? '') : await credentials.add(newKey)
    const choice = { ...request.choice, applianceVmId }
    const isSaved = await configuration.replace(request.expectedRevision, {
      ...endpoint,
      signatureVersion,
      credentialsRef,
      choice,
    })
    if (!isSaved) {
      if (newKey !== undefined) await credentials.remove(credentialsRef)
      throw stale(request.expectedRevision)
    }
    await credentials.keepOnly(credentialsRef)
    return this.read()
  }

  /** Judges the stored configuration. */
  async validate(signal: AbortSignal): Promise<Finding[]> {
    const { api, configuration } = await this.#options.connection.current()
    const facts = await survey(api, configuration, await this.#options.machine(), signal)
    return validate(facts, configuration.choice)
  }

  /** The appliance's VM, by a key that works. */
  async #tried(api: CloudstackApi, wanted: string | null, signal: AbortSignal): Promise<string> {
    const vms = await api.list('listVirtualMachines', 'virtualmachine', { listall: 'true' }, signal)
    if (wanted !== null) return wanted
    const own = ownVm(await this.#options.machine(), vms)
    if (own.kind === 'found') return own.id
    throw new AppError(
      'REQUEST_INVALID',
      `applianceVmId: this machine was looked for in CloudStack, ${own.kind}`,
    )
  }

  async #with<T>(
    endpoint: Endpoint,
    key: ApiKey,
    version: 1 | 3,
    work: (api: CloudstackApi) => Promise<T>,
  ): Promise<T> {
    const api = this.#options.connection.open(endpoint, key, version)
    try {
      return await work(api)
    } finally {
      await api.close()
    }
  }
}

const stale = (expected: number): AppError =>
  new AppError('CLOUDSTACK_CONFIGURATION_CHANGED', `the change was made on revision ${expected}`)

function endpointOf(request: AddressRequest & { readonly thumbprintSha256?: string }): Endpoint {
  const url = apiUrl(request.address, request.allowPlainHttp ?? false)
  if (url.startsWith('http:')) return { url, thumbprintSha256: null }
  const digits = thumbprintDigits(request.thumbprintSha256 ?? '')
  if (digits === undefined)
    throw new AppError(
      'REQUEST_INVALID',
      'thumbprintSha256: confirm the SHA-256 of the certificate that is shown',
    )
  return { url, thumbprintSha256: digits }
}

function keyIn({ apiKey, secretKey }: SaveRequest): ApiKey | undefined {
  if (apiKey === undefined && secretKey === undefined) return undefined
  if (apiKey === undefined || secretKey === undefined)
    throw new AppError('REQUEST_INVALID', 'apiKey and secretKey come together')
  return { apiKey, secretKey: new Secret(secretKey) }
}

const isSameServer = (stored: Endpoint, endpoint: Endpoint): boolean =>
  stored.url === endpoint.url && stored.thumbprintSha256 === endpoint.thumbprintSha256
