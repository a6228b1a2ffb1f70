import { Turns } from '../domain/turns.js'
import { type VolumeId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type CloudVolumes } from './deps.js'
import { type OperationState, type VolumeRequest } from './operation.js'

export interface IdleReplica {
  readonly id: VolumeId
  /** The end of the last pass of its job. */
  readonly idleSince: Date
}

export interface SlotStore {
  /** How many data disks this appliance may have; null: as CloudStack tells. */
  readonly ownPlaces: () => Promise<number | null>
  /** Some operation on the volume has not ended. */
  readonly isOperated: (volume: VolumeId) => Promise<boolean>
  /** Of jobs without a pass under way, without operations; the longest idle first. */
  readonly idleReplicas: () => Promise<readonly IdleReplica[]>
  readonly stateOf: (operationId: string) => Promise<OperationState>
}

export interface SlotsOptions {
  readonly cloud: Pick<CloudVolumes, 'applianceVmId' | 'ofVm' | 'attachTo'> & {
    /** How many data disks a VM can have; undefined: nobody tells, so CloudStack itself has to refuse. */
    readonly dataDiskLimit: (signal: AbortSignal) => Promise<number | undefined>
  }
  readonly store: SlotStore
  readonly request: (idempotencyKey: string, request: VolumeRequest) => Promise<{ readonly id: string }>
  readonly onWork: () => void
  readonly lookMs: number
  /** How long a volume's operations, or an eviction, are waited for. */
  readonly waitMs: number
  /** A replica that no pass has used for so long is detached. */
  readonly idleMs: number
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}

/**
 * The disks this appliance can have at once. They are attached when something needs them, and replicas are detached when
 * they are idle: after a while, or as soon as another volume needs the place. What an operation attached stays.
 */
export class VolumeSlots {
  readonly #options: SlotsOptions
  readonly #turns = new Turns<'appliance'>()

  constructor(options: SlotsOptions) {
    this.#options = options
  }

  /** For a pass: operations on the volume that were asked for before it end first. Rejects with VOLUME_BUSY. */
  async ensureAttached(volume: VolumeId, signal: AbortSignal): Promise<void> {
    const { store } = this.#options
    const isFree = await this.#until(signal, async () => !(await store.isOperated(volume)))
    if (!isFree) throw new AppError('VOLUME_BUSY', `an operation on volume ${volume} has not ended`)
    await this.attach(volume, signal)
  }

  /** One at a time, so that no two take the last place. Rejects with APPLIANCE_FULL. */
  attach(volume: VolumeId, signal: AbortSignal): Promise<void> {
    return this.#turns.take('appliance', async () => {
      const { cloud, store } = this.#options
      const vm = await cloud.applianceVmId()
      const limit = (await store.ownPlaces()) ?? (await cloud.dataDiskLimit(signal))
      const attached = await cloud.ofVm(vm, signal)
      const disks = attached.filter(one => one.deviceId !== rootDeviceId && one.id !== volume)
      if (limit !== undefined && disks.length >= limit)
        await this.#evict(new Set(disks.map(({ id }) => id)), volume, signal)
      try {
        await cloud.attachTo(volume, vm, 'data', signal)
      } catch (error) {
        if (!isFull(error)) throw error
        await this.#evict(new Set(disks.map(({ id }) => id)), volume, signal)
        await cloud.attachTo(volume, vm, 'data', signal)
      }
    })
  }

  /** Makes place for one volume. */
  async #evict(attached: ReadonlySet<VolumeId>, wanted: VolumeId, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#options
    for (const idle of await store.idleReplicas()) {
      if (!attached.has(idle.id) || idle.id === wanted) continue
      const id = await this.#release(idle)
      if (id === undefined) continue
      logger.info({ volume: idle.id, for: wanted }, 'idle volume makes place')
      await this.#until(signal, async () => (await store.stateOf(id)) === 'succeeded' || undefined)
      if ((await store.stateOf(id)) === 'succeeded') return
    }
    throw new AppError(
      'APPLIANCE_FULL',
      `volume ${wanted}: ${attached.size} disks are attached, none is idle`,
    )
  }

  /** Undefined: a pass or an operation was faster. */
  async #release({ id, idleSince }: IdleReplica): Promise<string | undefined> {
    const { request, onWork } = this.#options
    try {
      const operation = await request(`idle:${id}:${idleSince.getTime()}:${this.#options.now().getTime()}`, {
        kind: 'detach',
        volumeId: id,
        vmId: null,
      })
      onWork()
      return operation.id
    } catch (error) {
      if (error instanceof AppError && error.code === 'JOB_BUSY') return undefined
      throw error
    }
  }

  /** Detaches the replicas that were idle for long enough. */
  async releaseIdle(signal: AbortSignal): Promise<void> {
    const { cloud, store, idleMs, now, logger } = this.#options
    const old = (await store.idleReplicas()).filter(
      ({ idleSince }) => now().getTime() - idleSince.getTime() >= idleMs,
    )
    if (old.length === 0) return
    const here = new Set((await cloud.ofVm(await cloud.applianceVmId(), signal)).map(({ id }) => id))
    for (const idle of old) {
      if (!here.has(idle.id) || (await this.#release(idle)) === undefined) continue
      logger.info({ volume: idle.id, idleSince: idle.idleSince }, 'idle volume is detached')
    }
  }

  /** False after the time limit. */
  async #until(signal: AbortSignal, isSo: () => Promise<boolean | undefined>): Promise<boolean> {
    const { now, pause, lookMs, waitMs } = this.#options
    const endMs = now().getTime() + waitMs
    while ((await isSo()) !== true) {
      if (now().getTime() >= endMs) return false
      await pause(lookMs, signal)
      signal.throwIfAborted()
    }
    return true
  }
}

const rootDeviceId = 0

/** How CloudStack says it (VolumeApiServiceImpl.validateIfVmSupportsMoreVolumes or the like, by version). */
const isFull = (error: unknown): boolean =>
  error instanceof AppError &&
  error.code === 'CLOUDSTACK_FAULT' &&
  /maximum number of data (disks|volumes)/i.test(error.message)
