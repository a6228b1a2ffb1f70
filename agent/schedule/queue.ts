import { windowAt, type DayWindow } from '../domain/load-limits.js'
import { type GroupId, type JobId, type RoundId, type ScheduleId } from '../domain/ids.js'
import { type SkipReason, type WaitReason } from './reasons.js'
import { longestBackOffMs } from './retry.js'

/** What is known of a job at one instant. */
export interface JobFacts {
  readonly exists: boolean
  /** In the group of the round; false also for a VM that left it. */
  readonly isEnabled: boolean
  readonly isPaused: boolean
  readonly isStopped: boolean
  readonly isFailedOver: boolean
  /** `unknown` is not off. */
  readonly power: 'on' | 'off' | 'suspended' | 'unknown'
  /** What holds the volumes of the job; null: nothing does. */
  readonly work: { readonly kind: 'pass' | 'verification' | 'parked'; readonly id: string } | null
}

export interface GroupRules {
  readonly id: GroupId
  readonly priority: number
  readonly maxConcurrent: number
  readonly poweredOff: 'replicate' | 'skip'
  readonly timeZone: string
  readonly blackouts: readonly DayWindow[]
}

/** Null: the round has no schedule any more, or never had one. */
export interface ScheduleRules {
  readonly id: ScheduleId
  readonly isEnabled: boolean
  readonly maxConcurrent: number | null
  readonly whenRunning: 'skip' | 'wait'
}

/** One VM of one round that waits. */
export interface Waiting {
  readonly roundId: RoundId
  readonly jobId: JobId
  readonly vmName: string
  readonly trigger: 'schedule' | 'operator' | 'rpo'
  readonly firedAt: Date
  /** Of the VM in its group; higher goes first. */
  readonly priority: number
  readonly notBefore: Date | null
  readonly reason: WaitReason
  readonly detail: string
  readonly group: GroupRules
  readonly schedule: ScheduleRules | null
  readonly facts: JobFacts
}

export interface Queue {
  readonly waiting: readonly Waiting[]
  readonly running: readonly { readonly groupId: GroupId; readonly scheduleId: ScheduleId | null }[]
  readonly isWorkerThere: boolean
}

export type Verdict =
  | { readonly kind: 'start' }
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly detail: string }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly detail: string }

export type Decision = Verdict & { readonly entry: Waiting }

const start: Verdict = { kind: 'start' }
const wait = (reason: WaitReason, detail = ''): Verdict => ({ kind: 'wait', reason, detail })
const skip = (reason: SkipReason, detail = ''): Verdict => ({ kind: 'skip', reason, detail })

/** Group before group, VM before VM, the older before the newer; the same everywhere, so a position means something. */
export function queueOrder(a: Waiting, b: Waiting): number {
  return (
    b.group.priority - a.group.priority ||
    b.priority - a.priority ||
    a.firedAt.getTime() - b.firedAt.getTime() ||
    (a.vmName < b.vmName ? -1 : a.vmName > b.vmName ? 1 : a.jobId < b.jobId ? -1 : 1)
  )
}

/** What decides whether a VM may have a pass. */
export type Asked = Pick<Waiting, 'facts' | 'group' | 'schedule' | 'trigger' | 'notBefore'>

/** What speaks against a pass of the VM for good, or for now; the caps are not among it. */
export function conflict(
  { facts, group, schedule, trigger, notBefore }: Asked,
  isWorkerThere: boolean,
  now: Date,
): Verdict {
  if (trigger === 'schedule' && schedule?.isEnabled !== true) return skip('schedule-disabled')
  if (!facts.exists) return skip('job-gone')
  if (!facts.isEnabled) return skip('member-disabled')
  if (facts.isStopped) return skip('job-stopped')
  if (facts.isFailedOver) return skip('failed-over')
  switch (facts.work?.kind) {
    case 'parked':
      return skip('clean-up-required', facts.work.id)
    case 'pass':
      return schedule?.whenRunning === 'wait'
        ? wait('already-running', facts.work.id)
        : skip('already-running', facts.work.id)
    case 'verification':
      return wait('verifying', facts.work.id)
    case undefined:
  }
  if (facts.power === 'off' && group.poweredOff === 'skip') return skip('vm-off')
  if (facts.isPaused) return wait('job-paused')
  const window = windowAt(group.blackouts, group.timeZone, now)
  if (window !== undefined) return wait('blackout', windowText(window, group.timeZone))
  if (!isWorkerThere) return wait('worker-lost')
  if (isBackingOff(notBefore, now)) return wait('back-off', `not before ${notBefore?.toISOString() ?? ''}`)
  return start
}

/** A back-off longer than any was saved before the clock was put back, and is over. */
const isBackingOff = (notBefore: Date | null, now: Date): boolean =>
  notBefore !== null && notBefore > now && notBefore.getTime() - now.getTime() <= longestBackOffMs

/** One decision for each VM that waits, in the order of the queue. Caps count what runs and what is started here. */
export function planQueue(queue: Queue, applianceCap: number, now: Date): readonly Decision[] {
  const inGroup = counter(queue.running.map(run => run.groupId))
  const ofSchedule = counter(queue.running.flatMap(run => (run.scheduleId === null ? [] : [run.scheduleId])))
  const started = new Set<JobId>()
  let all = queue.running.length
  return [...queue.waiting].sort(queueOrder).map((entry): Decision => {
    const { group, schedule } = entry
    const against = conflict(entry, queue.isWorkerThere, now)
    if (against.kind !== 'start') return { ...against, entry }
    if (started.has(entry.jobId)) return { ...wait('already-running'), entry }
    if (all >= applianceCap) return { ...wait('appliance-cap', `${applianceCap}`), entry }
    if (inGroup.of(group.id) >= group.maxConcurrent)
      return { ...wait('group-cap', `${group.maxConcurrent}`), entry }
    const cap = schedule?.maxConcurrent ?? null
    if (schedule !== null && cap !== null && ofSchedule.of(schedule.id) >= cap)
      return { ...wait('schedule-cap', `${cap}`), entry }
    all += 1
    inGroup.add(group.id)
    if (schedule !== null) ofSchedule.add(schedule.id)
    started.add(entry.jobId)
    return { ...start, entry }
  })
}

function counter<Key>(keys: readonly Key[]) {
  const counts = new Map<Key, number>()
  const add = (key: Key): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const key of keys) add(key)
  return { of: (key: Key): number => counts.get(key) ?? 0, add }
}

export function windowText({ days, fromMinute, toMinute }: DayWindow, timeZone: string): string {
  return `${days.join(', ')} ${clock(fromMinute)} to ${clock(toMinute)} (${timeZone})`
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
