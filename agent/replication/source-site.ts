import { type SourceVmId, changeId, diskKey, type TaskId } from '../domain/ids.js'
import { type DiskStart } from '../domain/disk-start.js'
import { type SyncType } from '../domain/progress.js'
import { AppError, type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type Json } from '../domain/json.js'
import { verifiedFromText } from './verify/verified-text.js'
import {
  type BrokenDisk,
  type DiskReport,
  type FrozenVm,
  type InspectedVm,
  type SourceSite,
  type TaskBoardStore,
} from './deps.js'

export interface TaskBoardOptions {
  readonly store: TaskBoardStore
  readonly logger: Logger
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** A lease without a heartbeat for this long is lost. */
  readonly leaseMs: number
  /** Work nobody took for this long fails, so that a pass does not hang on an absent VMA. */
  readonly absentMs: number
  /** How often a waiting step looks whether its task has ended. */
  readonly lookMs: number
}

/** Asks VMAs to do things: queues a task, waits for its outcome, and turns leases that lapse into failures. */
export class TaskBoard {
  readonly #options: TaskBoardOptions
  readonly #waiting = new Set<() => void>()
  readonly #stop = new AbortController()
  #sweeping: Promise<void> = Promise.resolve()
  #refusal: { readonly at: Date; readonly why: string } | undefined

  constructor(options: TaskBoardOptions) {
    this.#options = options
  }

  /** Call once the database answers: gives running VMAs time to report before their leases lapse. */
  start(): void {
    this.#sweeping = this.#sweepUntilStopped()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.changed()
    await this.#sweeping
  }

  /** Something was queued, taken or finished: whoever waits looks again. */
  changed(): void {
    for (const wake of this.#waiting) wake()
  }

  /** A VMA was turned away for its version: that is why work may find nobody. */
  refused(why: string): void {
    this.#refusal = { at: this.#options.now(), why }
  }

  /** Resolves at the next change, after `waitMs`, or when the signal aborts. */
  async nextChange(waitMs: number, signal: AbortSignal): Promise<void> {
    const pausing = new AbortController()
    const woken = new Promise<void>(resolve => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
      pausing.signal.addEventListener('abort', wake, { once: true })
    })
    const either = AbortSignal.any([signal, pausing.signal])
    await Promise.race([woken, this.#options.pause(waitMs, either)])
    pausing.abort()
  }

  tries(owner: string): ReturnType<TaskBoardStore['tries']> {
    return this.#options.store.tries(owner)
  }

  /** The task's result. An agent that stops leaves the work to the VMA and finds it again. Rejects with the failure the VMA reported, WORKER_LOST, WORKER_ABSENT or the signal's reason. */
  async run(owner: string, kind: string, subject: string, input: Json, signal: AbortSignal): Promise<Json> {
    const { store } = this.#options
    const id = await store.ensure({ owner, kind, subject, input })
    this.changed()
    for (;;) {
      if (signal.aborted) {
        if (!isStopping(signal.reason)) await this.#cancel(id)
        throw signal.reason
      }
      const standing = await store.standing(id)
      if (standing.kind === 'done') return standing.result
      if (standing.kind === 'failed') throw new AppError(standing.failure.code, standing.failure.message)
      await this.nextChange(this.#options.lookMs, signal)
    }
  }

  /** A VMA that was turned away while the work waited, or shortly before, is the reason that nobody took it. */
  #whyAbsent(): Failure {
    const { now, absentMs } = this.#options
    if (this.#refusal === undefined) return absent
    if (now().getTime() - this.#refusal.at.getTime() > 2 * absentMs) return absent
    return { code: 'WORKER_VERSION_MISMATCH', message: this.#refusal.why }
  }

  async #cancel(id: TaskId): Promise<void> {
    await this.#options.store.cancel(id)
    this.changed()
  }

  async #sweepUntilStopped(): Promise<void> {
    const { store, leaseMs, absentMs, now, logger } = this.#options
    let extended = false
    while (!this.#stop.signal.aborted) {
      try {
        if (!extended) {
          await store.extendLeases(leaseMs)
          extended = true
        }
        const absentSince = new Date(now().getTime() - absentMs)
        const failed = await store.failLapsed(lost, absentSince, this.#whyAbsent())
        if (failed > 0) {
          logger.warn({ tasks: failed }, 'tasks failed: their VMA is gone')
          this.changed()
        }
      } catch (error) {
        // Nobody could send a heartbeat while the database was away either.
        extended = false
        logger.warn({ err: error }, 'leases could not be looked at')
      }
      await this.#options.pause(Math.max(100, leaseMs / 10), this.#stop.signal)
    }
  }
}

/** What the saga runner says to its steps then. */
const isStopping = (reason: unknown): boolean =>
  reason instanceof AppError && reason.code === 'STORE_UNAVAILABLE'

const lost: Failure = { code: 'WORKER_LOST', message: 'the VMA sent no heartbeat until its lease ended' }
const absent: Failure = { code: 'WORKER_ABSENT', message: 'no VMA asked for the work in time' }

/** The source site as the pass saga sees it, over the task board. Inputs and results are those of api/worker.ts. */
export function sourceSite(board: TaskBoard): SourceSite {
  return {
    inspect: async (owner, vm, signal) => {
      const result = await board.run(owner, 'inspect-vm', vm, { sourceVmId: vm }, signal)
      const { name, power, changeTracking, findings, disks } = result as unknown as InspectResult
      return {
        name,
        power,
        findings,
        changeTracking,
        disks: disks.map(disk => ({
          ...disk,
          diskKey: diskKey(disk.diskKey),
          capacityBytes: BigInt(disk.capacityBytes),
        })),
      }
    },
    snapshot: async (owner, vm, { name, quiesce }, signal) => {
      const input = { sourceVmId: vm, snapshotName: name, quiesce }
      return frozenFromText(await board.run(owner, 'create-snapshot', vm, input, signal))
    },
    readPoweredOff: async (owner, vm, signal) =>
      frozenFromText(await board.run(owner, 'read-powered-off', vm, { sourceVmId: vm }, signal)),
    copy: async (owner, order, signal) => {
      const input = {
        sourceVmId: order.vm,
        from: { ...order.from },
        pace: { level: order.pace.level, bytesPerSec: order.pace.bytesPerSec?.toString() ?? null },
        disks: order.disks.map(disk => ({ ...disk, start: startText(disk.start) })),
      }
      const { disks, disturbance } = (await board.run(
        owner,
        'copy-disks',
        order.vm,
        input,
        signal,
      )) as unknown as CopyResultText
      return {
        disks: disks.map(disk => ({ ...reportFromText(disk), flushed: disk.flushed === true })),
        disturbance,
      }
    },
    verify: async (owner, { vm, snapshotName, settings, disks }, signal) => {
      const input = {
        sourceVmId: vm,
        from: { kind: 'snapshot', name: snapshotName },
        ...settings,
        bytesPerSecond: settings.bytesPerSecond?.toString() ?? null,
        disks: disks.map(disk => ({
          ...disk,
          fromBytes: disk.fromBytes.toString(),
          untilBytes: disk.untilBytes.toString(),
        })),
      }
      return verifiedFromText(await board.run(owner, 'verify-disks', vm, input, signal))
    },
    copyTries: async owner => {
      const { broken, goesOn } = await board.tries(owner)
      return {
        goesOn,
        broken: broken.map(({ failure, endedAt, progress }) => ({
          failure,
          endedAt,
          disks: brokenDisks(progress),
        })),
      }
    },
    removeSnapshot: async (owner: string, vm: SourceVmId, name: string, signal: AbortSignal) => {
      const input = { sourceVmId: vm, snapshotName: name }
      const result = await board.run(owner, 'remove-snapshot', vm, input, signal)
      return (result as unknown as { readonly seconds: number }).seconds
    },
  }
}

/** As api/worker.ts has it. */
const startText = (start: DiskStart): Json =>
  start.kind === 'compare' ? { ...start, heldBytes: start.heldBytes.toString() } : { ...start }

/** Checked against api/worker.ts at the edge. */
function brokenDisks(progress: Json | undefined): readonly BrokenDisk[] {
  const reports = (progress ?? []) as unknown as readonly (Record<string, Json> & CountersText)[]
  return reports.map(report => ({
    diskKey: diskKey(report.diskKey),
    durableBelow: BigInt(report.durableBelow),
    report,
  }))
}

interface CopyResultText {
  readonly disks: readonly CountersText[]
  readonly disturbance: string | null
}

interface InspectResult {
  readonly name: string
  readonly power: InspectedVm['power']
  readonly findings: InspectedVm['findings']
  readonly changeTracking: 'on' | 'off' | 'unsupported'
  readonly disks: readonly {
    readonly diskKey: string
    readonly label: string
    readonly capacityBytes: string
    readonly backingUuid: string
    readonly baseFile: string
    readonly snapshotable: boolean
  }[]
}

interface FrozenText extends Omit<FrozenVm, 'createdAt' | 'disks'> {
  readonly createdAt: string
  readonly disks: readonly {
    readonly diskKey: string
    readonly capacityBytes: string
    readonly changeId: string | null
  }[]
}

/** Checked against api/worker.ts at the edge. */
function frozenFromText(result: Json): FrozenVm {
  const { createdAt, disks, ...rest } = result as unknown as FrozenText
  return {
    ...rest,
    createdAt: new Date(createdAt),
    disks: disks.map(disk => ({
      diskKey: diskKey(disk.diskKey),
      capacityBytes: BigInt(disk.capacityBytes),
      changeId: disk.changeId === null ? null : changeId(disk.changeId),
    })),
  }
}

export interface CountersText {
  readonly diskKey: string
  readonly syncType: SyncType
  readonly plannedBytes: string
  readonly readBytes: string
  readonly writtenBytes: string
  readonly zeroedBytes: string
  readonly skippedBytes: string
  readonly sentAgainBytes: string
  readonly durableBelow: string
  readonly retriedRequests: number
  readonly rateBytesPerSec: string
  readonly seconds: number | null
  readonly fallbacks: readonly string[]
  readonly flushed?: boolean
}

/** Counters as they travel (decimal text) to counters as we count (bigint). Checked against api/worker.ts at the edge. */
export const reportFromText = (text: CountersText): DiskReport => ({
  diskKey: diskKey(text.diskKey),
  syncType: text.syncType,
  plannedBytes: BigInt(text.plannedBytes),
  readBytes: BigInt(text.readBytes),
  writtenBytes: BigInt(text.writtenBytes),
  zeroedBytes: BigInt(text.zeroedBytes),
  skippedBytes: BigInt(text.skippedBytes),
  sentAgainBytes: BigInt(text.sentAgainBytes),
  retriedRequests: text.retriedRequests,
  rateBytesPerSec: BigInt(text.rateBytesPerSec),
  seconds: text.seconds,
  fallbacks: text.fallbacks,
})
