import { type OmaConfig } from '../config/schema.js'
import { type Scheduling } from '../http/schedule-deps.js'
import { type Logger } from '../log/logger.js'
import { Scheduler } from '../schedule/scheduler.js'
import { type Database } from '../store/database.js'
import { groupAdmin } from '../store/groups.js'
import { roundStore } from '../store/rounds.js'
import { rpoStore } from '../store/rpo.js'
import { scheduleAdmin } from '../store/schedule-admin.js'
import { scheduleViews } from '../store/schedule-views.js'
import { scheduleStore } from '../store/schedules.js'
import { statusView, type StatusOptions } from '../store/status-view.js'
import { wallClock } from './clock.js'
import { Periodic } from './periodic.js'

const turnMs = 1_000
const rpoEveryMs = 10_000
const keepMs = 400 * 24 * 3_600_000

/** As many as CloudStack and a small appliance move without getting slower. */
const usualScheduledPasses = 10

/** Schedules, groups and rounds: what operators do with them, and the loop that carries them out. */
export function schedulingOf(
  db: Database,
  config: OmaConfig,
  status: StatusOptions,
  onWork: () => void,
  logger: Logger,
): { readonly scheduling: Scheduling; readonly work: Periodic } {
  const options = {
    now: wallClock,
    isWorkerThere: async (on: Database) => (await statusView(on, status)).vma.state === 'connected',
  }
  const scheduler = new Scheduler({
    schedules: scheduleStore(db, wallClock),
    rounds: roundStore(db, options),
    rpo: rpoStore(db, options),
    onWork,
    applianceCap: config.max_scheduled_passes ?? usualScheduledPasses,
    keepMs,
    rpoEveryMs,
    now: wallClock,
    logger,
  })
  const work = new Periodic({
    work: signal => scheduler.turn(signal),
    first: 'at-once',
    intervalMs: turnMs,
    onFailure: error => logger.warn({ err: error }, 'schedules could not be looked at'),
  })
  const scheduling = {
    schedules: scheduleAdmin(db, wallClock),
    groups: groupAdmin(db, wallClock),
    views: scheduleViews(db, { now: wallClock, report: () => scheduler.report }),
  }
  return { scheduling, work }
}
