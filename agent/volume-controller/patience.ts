import { AppError, type ErrorCode } from '../errors.js'
import { type ControllerDeps } from './deps.js'

/** Nothing is wrong with what was asked: somebody was away, or answered half. */
const passing: ReadonlySet<ErrorCode> = new Set([
  'CLOUDSTACK_UNREACHABLE',
  'CLOUDSTACK_BUSY',
  'CLOUDSTACK_PROTOCOL',
  'CLOUDSTACK_INTERNAL',
  'CLOUDSTACK_JOB_UNFINISHED',
  'VOLUMED_UNREACHABLE',
])

/** Tries `attempt`, which looks before it acts, until it is answered; after the time limit its last error is passed on. */
export async function patiently<T>(
  {
    now,
    pause,
    timing,
  }: Pick<ControllerDeps, 'now' | 'pause'> & {
    readonly timing: Pick<ControllerDeps['timing'], 'lookMs' | 'patienceMs'>
  },
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const endMs = now().getTime() + timing.patienceMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof AppError) || !passing.has(error.code) || now().getTime() >= endMs) throw error
    }
    await pause(timing.lookMs, signal)
    signal.throwIfAborted()
  }
}
