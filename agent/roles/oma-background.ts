import { type OmaConfig } from '../config/schema.js'
import { type Logger } from '../log/logger.js'
import { Scrubber, type ScrubOptions } from '../replication/scrubber.js'
import { type SnapshotReaper } from '../replication/snapshot-reaper.js'
import { type Reconciler } from '../volume-controller/reconciler.js'
import { type VolumeSlots } from '../volume-controller/slots.js'
import { wallClock } from './clock.js'
import { Periodic, type PeriodicOptions } from './periodic.js'
import { type Tender } from './tender.js'
import { idleDetachMs } from './volume-control.js'

const reapIntervalMs = 3_600_000
const longestPollMs = 60_000

/** Nothing is so urgent to be compared that it may keep CloudStack busy. */
const defaultReconcileSeconds = 600

export interface BackgroundParts {
  readonly reaper: SnapshotReaper
  readonly reconciler: Reconciler
  readonly slots: VolumeSlots
  readonly verifications: ScrubOptions['verifications']
  readonly tender: Tender
  readonly onWork: () => void
  readonly logger: Logger
}

/** What the OMA does without being asked, in one agent of all that share the database. */
export function backgroundWork(config: OmaConfig, parts: BackgroundParts): readonly Periodic[] {
  const { reaper, reconciler, slots, tender, logger } = parts
  const every = (
    intervalMs: number,
    first: PeriodicOptions['first'],
    work: PeriodicOptions['work'],
    failure: string,
  ): Periodic =>
    new Periodic({
      work: tender.whenOnDuty(work),
      first,
      intervalMs,
      onFailure: error => logger.warn({ err: error }, failure),
    })
  const reconcileMs = (config.reconcile_seconds ?? defaultReconcileSeconds) * 1000
  const idleMs = Math.min(idleDetachMs(config), longestPollMs)
  const { scrub } = config
  return [
    every(reapIntervalMs, 'at-once', signal => reaper.reap(signal), 'left snapshots could not be looked for'),
    every(
      reconcileMs,
      'after-interval',
      signal => reconciler.compare(signal),
      'volumes could not be compared',
    ),
    every(
      idleMs,
      'after-interval',
      signal => slots.releaseIdle(signal),
      'idle volumes could not be detached',
    ),
    ...(scrub === undefined
      ? []
      : [
          every(
            Math.min(longestPollMs, scrub.every_minutes * 15_000),
            'at-once',
            scrubbing(scrub, parts),
            'no scrub could be started',
          ),
        ]),
  ]
}

function scrubbing(
  scrub: NonNullable<OmaConfig['scrub']>,
  { verifications, onWork, logger }: BackgroundParts,
): () => Promise<boolean> {
  const scrubber = new Scrubber({
    verifications,
    onWork,
    logger,
    bytesPerSecond: BigInt(scrub.bytes_per_second),
    lookMs: scrub.look_minutes * 60_000,
    everyMs: scrub.every_minutes * 60_000,
    now: wallClock,
  })
  return () => scrubber.next()
}
