import { randomUUID } from 'node:crypto'
import { jobId, type JobId } from '../../agent/domain/ids.js'
import { type ErrorCode } from '../../agent/errors.js'
import { type Logger } from '../../agent/log/logger.js'
import { Scheduler } from '../../agent/schedule/scheduler.js'
import { type Database } from '../../agent/store/database.js'
import { groupAdmin } from '../../agent/store/groups.js'
import { roundStore } from '../../agent/store/rounds.js'
import { rpoStore } from '../../agent/store/rpo.js'
import { scheduleAdmin } from '../../agent/store/schedule-admin.js'
import { scheduleViews } from '../../agent/store/schedule-views.js'
import { scheduleStore } from '../../agent/store/schedules.js'

export interface RunningPass {
  readonly passId: string
  readonly jobId: string
  readonly sagaId: string
  readonly startedAt: Date
}

export interface StandOptions {
  readonly db: Database
  readonly startAt: Date
  readonly logger: Logger
  readonly applianceCap?: number
}

/** The real scheduler over a real database, with a clock that is set and passes that end when they are told to. */
export class ScheduleStand {
  readonly db: Database
  readonly now = (): Date => new Date(this.#nowMs)
  readonly schedules: ReturnType<typeof scheduleAdmin>
  readonly groups: ReturnType<typeof groupAdmin>
  readonly views: ReturnType<typeof scheduleViews>
  isWorkerThere = true
  readonly #options: StandOptions
  #nowMs: number

  constructor(options: StandOptions) {
    this.#options = options
    this.db = options.db
    this.#nowMs = options.startAt.getTime()
    this.schedules = scheduleAdmin(this.db, this.now)
    this.groups = groupAdmin(this.db, this.now)
    this.views = scheduleViews(this.db, {
      now: this.now,
      report: () => ({ lastTurnAt: null, lastFailure: null }),
    })
  }

  setClock(at: Date | number): void {
    this.#nowMs = typeof at === 'number' ? at : at.getTime()
  }

  advance(ms: number): void {
    this.#nowMs += ms
  }

  /** Another process, or the same one started anew: nothing but the database is shared. */
  newScheduler(): Scheduler {
    const { db, now } = this
    const options = { now, isWorkerThere: () => Promise.resolve(this.isWorkerThere) }
    return new Scheduler({
      schedules: scheduleStore(db, now),
      rounds: roundStore(db, options),
      rpo: rpoStore(db, options),
      onWork: () => undefined,
      applianceCap: this.#options.applianceCap ?? 100,
      keepMs: 10 * 366 * 86_400_000,
      rpoEveryMs: 0,
      now,
      logger: this.#options.logger,
    })
  }

  /** A VM that vCenter lists, and its job. */
  async addVm(name: string): Promise<JobId> {
    const [id, vm] = [randomUUID(), randomUUID()]
    const seen = { disk_count: 1, capacity_bytes: '1', seen_at: this.now(), scan_id: 'x' }
    await this.db('source_vms').insert({ id: vm, name, power: 'on', ...seen })
    await this.db('replication_jobs').insert({
      id,
      source_vm_id: vm,
      vm_name: name,
      created_at: this.now(),
    })
    return jobId(id)
  }

  running(): Promise<readonly RunningPass[]> {
    return this.db('passes as p')
      .join('sagas as s', 's.id', 'p.saga_id')
      .where('s.state', 'running')
      .orderBy('p.started_at')
      .select<RunningPass[]>({
        passId: 'p.id',
        jobId: 'p.job_id',
        sagaId: 's.id',
        startedAt: 'p.started_at',
      })
  }

  /** As the saga of the pass would end it; null: committed. */
  async endPass(pass: RunningPass, failure: ErrorCode | null): Promise<void> {
    const ended = { ended_at: this.now() }
    const told = failure === null ? {} : { failure_code: failure, failure_message: 'in the lab' }
    await this.db.transaction(async tx => {
      await tx('passes')
        .where('id', pass.passId)
        .update({ ...ended, ...told, state: failure === null ? 'committed' : 'failed' })
      if (failure === null)
        await tx('replication_jobs')
          .where('id', pass.jobId)
          .update({ recovery_point_at: pass.startedAt, recovery_point_pass_id: pass.passId })
      await tx('sagas')
        .where('id', pass.sagaId)
        .update({ ...ended, state: 'done' })
    })
  }

  /** Ends all passes that run. */
  async endAll(failure: ErrorCode | null = null): Promise<void> {
    for (const pass of await this.running()) await this.endPass(pass, failure)
  }
}
