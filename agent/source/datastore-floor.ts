import { type SourceVmId } from '../domain/ids.js'
import { MIB, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type SourceVsphere } from './deps.js'

export interface DatastoreFloorOptions {
  readonly vsphere: Pick<SourceVsphere, 'freeSpace'>
  readonly floorBytes: () => Bytes
  /** Between two looks while a snapshot stands. */
  readonly lookMs: number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}

/** Keeps snapshots from filling a datastore: one that is full stops all its VMs. */
export class DatastoreFloor {
  readonly #options: DatastoreFloorOptions

  constructor(options: DatastoreFloorOptions) {
    this.#options = options
  }

  /** Rejects with SOURCE_DATASTORE_FULL when a datastore of the VM has less free than has to stay. */
  async mustHold(vm: SourceVmId, signal: AbortSignal): Promise<void> {
    const { vsphere, floorBytes } = this.#options
    const floor = floorBytes()
    const low = (await vsphere.freeSpace(vm, signal)).filter(datastore => datastore.freeBytes < floor)
    if (low.length === 0) return
    const named = low.map(({ name, freeBytes }) => `datastore ${name} has ${freeBytes / MIB} MiB free`)
    throw new AppError('SOURCE_DATASTORE_FULL', `${named.join('; ')}; ${floor / MIB} MiB have to stay free`)
  }

  /**
   * Does the work while the datastores of the VM have room, also while it is held, and aborts it when they have not: what
   * it reads from is removed then. Not being told how much is free is logged, and the work goes on.
   */
  async whileHeld<T>(
    vm: SourceVmId,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const full = new AbortController()
    const ended = new AbortController()
    const watching = this.#watch(vm, full, AbortSignal.any([signal, ended.signal]))
    try {
      return await work(AbortSignal.any([signal, full.signal]))
    } finally {
      ended.abort()
      await watching
    }
  }

  async #watch(vm: SourceVmId, full: AbortController, end: AbortSignal): Promise<void> {
    const { lookMs, pause, logger } = this.#options
    for (;;) {
      await pause(lookMs, end)
      if (isAborted(end)) return
      try {
        await this.mustHold(vm, end)
      } catch (error) {
        if (isAborted(end)) return
        if (error instanceof AppError && error.code === 'SOURCE_DATASTORE_FULL') {
          full.abort(error)
          return
        }
        logger.warn({ vm, err: error }, 'free space of the datastores is not known')
      }
    }
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted
