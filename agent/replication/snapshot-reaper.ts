import { randomUUID } from 'node:crypto'
import { snapshotNameOf } from '../domain/names.js'
import { type Logger } from '../log/logger.js'
import { type LeftSnapshot, type SourceSite, type TaskBoardStore } from './deps.js'

export interface SnapshotReaperOptions {
  /**
   * Snapshots vCenter lists that a pass of this database made and no longer needs, of VMs without a pass in progress. Those
   * of other names, and of passes this database does not know, are never among them.
   */
  readonly left: () => Promise<readonly LeftSnapshot[]>
  readonly source: Pick<SourceSite, 'removeSnapshot'>
  readonly tasks: Pick<TaskBoardStore, 'forgetOwner'>
  readonly logger: Logger
  readonly intervalMs: number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/**
 * Removes what passes left in vCenter: a VM that was away when its snapshot should have gone, a database that was restored.
 * Looks at the start and then again and again; what fails is tried at the next look.
 */
export class SnapshotReaper {
  readonly #options: SnapshotReaperOptions
  readonly #stop = new AbortController()
  #reaping: Promise<void> = Promise.resolve()

  constructor(options: SnapshotReaperOptions) {
    this.#options = options
  }

  start(): void {
    this.#reaping = this.#reapUntilStopped()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#reaping
  }

  /** One look; gives how many snapshots were removed. */
  async reap(signal: AbortSignal): Promise<number> {
    const { left, source, tasks, logger } = this.#options
    let removed = 0
    for (const { passId, vm } of await left()) {
      if (isAborted(signal)) break
      const name = snapshotNameOf(passId)
      const run = `reap-${randomUUID()}`
      try {
        await source.removeSnapshot(`${run}/remove-snapshot`, vm, name, signal)
        removed += 1
        logger.info({ vm, snapshot: name }, 'a left snapshot was removed')
      } catch (error) {
        if (!isAborted(signal)) logger.warn({ vm, snapshot: name, err: error }, 'a left snapshot stays')
      }
      await tasks.forgetOwner(run)
    }
    return removed
  }

  async #reapUntilStopped(): Promise<void> {
    const { intervalMs, pause, logger } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await this.reap(signal)
      } catch (error) {
        logger.warn({ err: error }, 'left snapshots could not be looked for')
      }
      await pause(intervalMs, signal)
    }
  }
}

/** Asked anew each time: the compiler takes one look for all. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted
