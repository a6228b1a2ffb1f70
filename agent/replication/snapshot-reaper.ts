import { randomUUID } from 'node:crypto'
import { snapshotNameOf } from '../domain/names.js'
import { type Logger } from '../log/logger.js'
import { type LeftSnapshot, type SourceSite } from './deps.js'
import { type TaskBoardStore } from './tasks/deps.js'

export interface SnapshotReaperOptions {
  /**
   * Snapshots vCenter lists that a pass of this database made and no longer needs, of VMs without a pass in progress. Those
   * of other names, and of passes this database does not know, are never among them.
   */
  readonly left: () => Promise<readonly LeftSnapshot[]>
  readonly source: Pick<SourceSite, 'removeSnapshot'>
  readonly tasks: Pick<TaskBoardStore, 'forgetOwner'>
  readonly logger: Logger
}

/**
 * Removes what passes left in vCenter: a VM that was away when its snapshot should have gone, a database that was restored.
 * What fails is tried at the next look.
 */
export class SnapshotReaper {
  readonly #options: SnapshotReaperOptions

  constructor(options: SnapshotReaperOptions) {
    this.#options = options
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
}

/** Asked anew each time: the compiler takes one look for all. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted
