import { randomUUID } from 'node:crypto'
import { AppError } from '../errors.js'
import { type TaskBoard } from '../replication/tasks/board.js'
import { type TaskBoardStore } from '../replication/tasks/deps.js'
import { type SourceMachine, type SourcePower } from './deps.js'

export interface SourceMachineOptions {
  readonly board: TaskBoard
  readonly tasks: Pick<TaskBoardStore, 'forgetOwner'>
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** The VM at the source, worked by a VMA. Inputs and results are those of api/worker.ts. */
export function sourceMachine({ board, tasks, pause }: SourceMachineOptions): SourceMachine {
  return {
    power: async (vm, limitMs, signal) => {
      // An answer of its own each time: an old one would be worth nothing.
      const look = `power-${randomUUID()}`
      const limit = new AbortController()
      const done = new AbortController()
      const timer = pause(limitMs, done.signal).then(() =>
        limit.abort(new AppError('WORKER_ABSENT', `no VMA looked at VM ${vm} within ${limitMs} ms`)),
      )
      try {
        const either = AbortSignal.any([signal, limit.signal])
        const result = await board.run(
          `${look}/read`,
          'read-power',
          `power:${vm}`,
          { sourceVmId: vm },
          either,
        )
        return result as unknown as { readonly power: SourcePower; readonly toolsRunning: boolean }
      } finally {
        done.abort()
        await timer
        await tasks.forgetOwner(look)
      }
    },
    shutDown: async (owner, vm, { seconds, onHang }, signal) => {
      const input = { sourceVmId: vm, seconds, onHang }
      const result = await board.run(owner, 'shut-down-vm', vm, input, signal)
      return result as unknown as Awaited<ReturnType<SourceMachine['shutDown']>>
    },
    powerOn: async (owner, vm, signal) => {
      await board.run(owner, 'power-on-vm', vm, { sourceVmId: vm }, signal)
    },
  }
}
