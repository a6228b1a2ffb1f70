import { randomUUID } from 'node:crypto'
import { type InventoryVm, type SourceReport } from '../api/worker.js'
import { AppError, failureOf } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type ListedVm, type SourceVsphere } from './deps.js'
import { type OmaLink } from './oma-link.js'

export interface InventoryScanOptions {
  readonly vsphere: Pick<SourceVsphere, 'listVms'>
  readonly link: Pick<OmaLink, 'saveInventory' | 'reportSource'>
  readonly logger: Logger
  readonly intervalMs: number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** After a scan that broke or that the OMA was not told of: operators wait for it. */
const retryMs = 5_000

/** The longest text the OMA takes. */
const maxFolder = 2000

/** Tells the OMA again and again which VMs vCenter has, and whether vCenter could be asked. */
export class InventoryScan {
  readonly #options: InventoryScanOptions
  readonly #stop = new AbortController()
  #scanning: Promise<void> = Promise.resolve()

  constructor(options: InventoryScanOptions) {
    this.#options = options
  }

  start(): void {
    this.#scanning = this.#scanUntilStopped()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#scanning
  }

  async #scanUntilStopped(): Promise<void> {
    const { intervalMs, pause, logger, link } = this.#options
    const { signal } = this.#stop
    while (!this.#isStopping()) {
      const report = await this.#scan()
      try {
        if (report !== undefined && !this.#isStopping()) await link.reportSource(report, signal)
      } catch (error) {
        if (!this.#isStopping()) logger.warn({ err: error }, 'state of the source could not be reported')
      }
      const delayMs = report?.state === 'ok' ? intervalMs : Math.min(intervalMs, retryMs)
      await pause(delayMs, signal)
    }
  }

  /**
   * A scan that broke leaves the VMs of the one before: only the page marked last makes the others go. Undefined: the OMA
   * could not be told, which says nothing about vCenter.
   */
  async #scan(): Promise<SourceReport | undefined> {
    const { vsphere, link, logger } = this.#options
    const { signal } = this.#stop
    const scanId = randomUUID()
    try {
      let held: readonly ListedVm[] = []
      for await (const page of vsphere.listVms(signal)) {
        if (held.length > 0)
          await link.saveInventory({ scanId, vms: held.map(inventoryVm), last: false }, signal)
        held = page
      }
      await link.saveInventory({ scanId, vms: held.map(inventoryVm), last: true }, signal)
      return { state: 'ok' }
    } catch (error) {
      if (!this.#isStopping()) logger.warn({ err: error }, 'inventory could not be read')
      if (error instanceof AppError && isOfOma(error)) return undefined
      return { state: 'failed', ...failureOf(error) }
    }
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted
  }
}

const isOfOma = (error: AppError): boolean =>
  error.code.startsWith('OMA_') ||
  error.code === 'STORE_UNAVAILABLE' ||
  error.code === 'WORKER_VERSION_MISMATCH'

const inventoryVm = (vm: ListedVm): InventoryVm => ({
  id: vm.instanceUuid,
  name: vm.name,
  power: vm.power,
  diskCount: vm.diskCount,
  capacityBytes: vm.capacityBytes.toString(),
  folder: vm.folder.slice(0, maxFolder),
  host: vm.host,
  passSnapshots: [...vm.passSnapshots],
})
