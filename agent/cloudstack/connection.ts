import { Turns } from '../domain/turns.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { CloudstackApi, type CloudstackOptions } from './api.js'
import { Changes } from './changes.js'
import {
  type ChangeJournal,
  type CloudstackConfiguration,
  type ConfigurationStore,
  type CredentialsStore,
} from './deps.js'
import { CloudstackMachines } from './machines.js'
import { type ApiKey, type SignatureVersion } from './signature.js'
import { CloudstackSnapshots } from './snapshots.js'
import { type Endpoint } from './transport.js'
import { CloudstackVolumes } from './volumes.js'

/** How long things may take, and what is tried how often. */
export type Timing = Pick<
  CloudstackOptions,
  'timeoutMs' | 'jobPollMs' | 'jobLimitMs' | 'readTries' | 'retryFirstMs' | 'breaker'
> & { readonly settleMs: number; readonly lookMs: number }

export interface ConnectionOptions {
  readonly configuration: ConfigurationStore
  readonly credentials: CredentialsStore
  readonly journal: ChangeJournal
  readonly timing: Timing
  readonly installationId: string
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}

/** The client of one revision of the configuration. */
export interface Connected {
  readonly configuration: CloudstackConfiguration
  readonly api: CloudstackApi
  readonly changes: Changes
  readonly volumes: CloudstackVolumes
  readonly machines: CloudstackMachines
  readonly snapshots: CloudstackSnapshots
}

/** A snapshot counts when it is on secondary storage, where a large one takes hours to come. */
const snapshotLimitMs = 12 * 3_600_000

/** The one client of the stored configuration; a changed configuration is taken up at the next use. */
export class CloudstackConnection {
  readonly #options: ConnectionOptions
  #current: Connected | undefined
  /** One at a time looks whether the configuration has changed. */
  readonly #turns = new Turns<'configuration'>()

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Rejects with CLOUDSTACK_NOT_CONFIGURED, CLOUDSTACK_CREDENTIALS_LOST or STORE_UNAVAILABLE. */
  current(): Promise<Connected> {
    return this.#turns.take('configuration', () => this.#refreshed())
  }

  /** A client of its own for an address and a key that are not stored; the caller closes it. */
  open(endpoint: Endpoint, key: ApiKey, signatureVersion: SignatureVersion): CloudstackApi {
    const { timing, now, pause } = this.#options
    return new CloudstackApi({ ...timing, endpoint, key, signatureVersion, now, pause })
  }

  async close(): Promise<void> {
    await this.#turns.take('configuration', async () => this.#current?.api.close())
  }

  async #refreshed(): Promise<Connected> {
    const configuration = await this.#options.configuration.read()
    if (configuration === undefined)
      throw new AppError('CLOUDSTACK_NOT_CONFIGURED', 'there is no stored CloudStack configuration')
    const before = this.#current
    if (before?.configuration.revision === configuration.revision) return before
    const connected = await this.#connect(configuration)
    this.#current = connected
    this.#options.logger.info({ revision: configuration.revision }, 'cloudstack configuration taken up')
    // Calls under way end by themselves.
    void before?.api.close().catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, 'an older cloudstack client did not close')
    })
    return connected
  }

  async #connect(configuration: CloudstackConfiguration): Promise<Connected> {
    const { credentials, journal, timing, installationId, now, pause } = this.#options
    const key = await credentials.read(configuration.credentialsRef)
    const api = this.open(configuration, key, configuration.signatureVersion)
    const changes = new Changes({ ...timing, api, journal, pause })
    const volumes = new CloudstackVolumes(api, changes, { ...configuration.choice, installationId })
    return {
      configuration,
      api,
      changes,
      volumes,
      machines: new CloudstackMachines(api, changes, volumes, installationId),
      snapshots: new CloudstackSnapshots({
        ...{ api, changes, volumes, installationId, now, pause },
        lookMs: timing.lookMs,
        usableLimitMs: snapshotLimitMs,
      }),
    }
  }
}
