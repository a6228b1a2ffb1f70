import { randomUUID } from 'node:crypto'
import { type Finding } from '../domain/preflight.js'
import { AppError } from '../errors.js'
import { type TaskBoardStore } from './tasks/deps.js'
import { type TaskBoard } from './tasks/board.js'

export interface PreflightStore {
  /** Replaces the VM's older check. */
  readonly save: (sourceVmId: string, findings: readonly Finding[]) => Promise<void>
}

export interface PreflightOptions {
  readonly board: TaskBoard
  readonly tasks: Pick<TaskBoardStore, 'forgetOwner'>
  readonly store: PreflightStore
  /** How long an operator waits for it. */
  readonly limitMs: number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/**
 * Lets a VMA look for what speaks against replicating a VM, and saves what it found. It changes nothing and does not wait
 * for a pass of the VM. Rejects with SOURCE_VM_UNKNOWN, WORKER_ABSENT or what the VMA met.
 */
export function preflight(options: PreflightOptions): (sourceVmId: string) => Promise<void> {
  const { board, tasks, store, limitMs, pause } = options
  return async sourceVmId => {
    const run = `preflight-${randomUUID()}`
    const limit = new AbortController()
    const done = new AbortController()
    const timer = pause(limitMs, done.signal).then(() =>
      limit.abort(new AppError('WORKER_ABSENT', `no VMA checked VM ${sourceVmId} within ${limitMs} ms`)),
    )
    try {
      const subject = `preflight:${sourceVmId}`
      const result = await board.run(`${run}/check`, 'preflight-vm', subject, { sourceVmId }, limit.signal)
      // Checked against api/worker.ts at the edge.
      await store.save(sourceVmId, (result as unknown as { readonly findings: readonly Finding[] }).findings)
    } finally {
      done.abort()
      await timer
      await tasks.forgetOwner(run)
    }
  }
}
