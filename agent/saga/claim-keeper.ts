import { type Logger } from '../log/logger.js'
import { inTime } from './in-time.js'
import { SagaClaimLost, type SagaClaim, type SagaLog } from './log.js'

export interface ClaimKeeping {
  readonly log: SagaLog
  readonly logger: Logger
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** Milliseconds on a clock that never jumps. */
  readonly now: () => number
  readonly leaseMs: number
}

/**
 * Renews a claim three times in each lease until `over`. `onLost` is called when another agent has it, or when it could not be
 * renewed for as long as it lasts, as then another may. `claimedAt` is a time of `now` from before the claim was asked for, so
 * this agent's idea of the lease ends before the database's. Never rejects.
 */
export async function keepClaim(
  { log, logger, pause, now, leaseMs }: ClaimKeeping,
  claim: SagaClaim,
  claimedAt: number,
  run: {
    readonly onCancel: () => void
    readonly onLost: (reason: unknown) => void
    readonly over: AbortSignal
  },
): Promise<void> {
  let heldUntil = claimedAt + leaseMs
  for (;;) {
    await pause(Math.max(Math.min(leaseMs / 3, heldUntil - now()), 0), run.over)
    if (isAborted(run.over)) return
    const askedAt = now()
    try {
      const { isCancelRequested } = await inTime(pause, log.renew(claim), heldUntil - askedAt, run.over)
      heldUntil = askedAt + leaseMs
      if (isCancelRequested) run.onCancel()
    } catch (error) {
      if (isAborted(run.over)) return
      if (error instanceof SagaClaimLost || now() >= heldUntil) {
        run.onLost(error)
        return
      }
      logger.warn({ saga: claim.sagaId, err: error }, 'claim could not be renewed')
    }
  }
}

/** Asked anew each time: the compiler takes one look for all. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted
