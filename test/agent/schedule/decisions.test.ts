import t from 'tap'
import { groupId, jobId, roundId, scheduleId } from '../../../agent/domain/ids.js'
import { errorTable, type ErrorCode } from '../../../agent/errors.js'
import { readCron } from '../../../agent/schedule/cron.js'
import { dueSlots, maxCounted } from '../../../agent/schedule/due.js'
import { planQueue, type JobFacts, type Waiting } from '../../../agent/schedule/queue.js'
import { reasonText } from '../../../agent/schedule/reasons.js'
import { failureClass, longestBackOffMs, retryAfter } from '../../../agent/schedule/retry.js'
import { rpoDecision, type RpoFacts } from '../../../agent/schedule/rpo.js'
import { settlementOf } from '../../../agent/schedule/scheduler.js'

const at = (text: string): Date => new Date(`2026-06-01T${text}Z`)
const minuteMs = 60_000

void t.test('which slots are due', t => {
  const read = readCron('0 */10 * * * *', 'UTC')
  if (read.kind === 'invalid') throw new Error(read.why)
  const due = (next: string, now: string, policy: 'run-once' | 'skip' = 'run-once') =>
    dueSlots(read.calendar, at(next), policy, minuteMs, at(now))
  t.strictSame(due('10:00:00', '09:59:59.999'), { kind: 'nothing' })
  t.strictSame(due('10:00:00', '10:00:00'), {
    kind: 'due',
    fire: { slotAt: at('10:00:00'), isLate: false },
    missed: null,
    next: at('10:10:00'),
  })
  t.match(due('10:00:00', '10:01:00'), { fire: { isLate: false } }, 'the grace is still in time')
  t.match(due('10:00:00', '10:01:00.001'), { fire: { isLate: true } })
  t.match(
    due('10:00:00', '10:45:00'),
    {
      fire: { slotAt: at('10:40:00'), isLate: true },
      missed: { from: at('10:00:00'), until: at('10:30:00'), count: 4, isCoalesced: true },
      next: at('10:50:00'),
    },
    'the newest runs once, the four before it are told',
  )
  t.match(due('10:00:00', '10:45:00', 'skip'), {
    fire: null,
    missed: { from: at('10:00:00'), until: at('10:40:00'), count: 5, isCoalesced: false },
  })
  t.match(
    due('10:00:00', '10:40:30', 'skip'),
    { fire: { slotAt: at('10:40:00') }, missed: { until: at('10:30:00'), count: 4, isCoalesced: true } },
    'what is in time runs under either policy',
  )
  t.strictSame(due('12:00:00', '10:05:00'), { kind: 'clock-went-back', next: at('10:10:00') })
  t.strictSame(due('10:10:00', '10:00:00'), { kind: 'nothing' }, 'the next one, told early, is no step back')
  t.end()
})

void t.test('a long absence is told without walking all of it', t => {
  const read = readCron('* * * * * *', 'Europe/Berlin')
  if (read.kind === 'invalid') throw new Error(read.why)
  const now = at('00:00:00.500')
  const year = new Date(now.getTime() - 365 * 86_400_000)
  const due = dueSlots(read.calendar, year, 'run-once', minuteMs, now)
  t.match(due, {
    fire: { slotAt: at('00:00:00'), isLate: false },
    missed: { from: year, until: new Date('2026-05-31T23:59:59Z'), count: null },
  })
  t.ok(maxCounted < 365 * 86_400)
  t.end()
})

const group = {
  id: groupId('g'),
  priority: 50,
  maxConcurrent: 2,
  poweredOff: 'replicate',
  timeZone: 'Europe/Berlin',
  blackouts: [],
} as const
const schedule = { id: scheduleId('s'), isEnabled: true, maxConcurrent: null, whenRunning: 'skip' } as const
const idle: JobFacts = {
  exists: true,
  isEnabled: true,
  isPaused: false,
  isStopped: false,
  isFailedOver: false,
  power: 'on',
  work: null,
}
const waiting = (name: string, more: Partial<Waiting> = {}): Waiting => ({
  roundId: roundId('r'),
  jobId: jobId(name),
  vmName: name,
  trigger: 'schedule',
  firedAt: at('10:00:00'),
  priority: 0,
  notBefore: null,
  reason: 'new',
  detail: '',
  group,
  schedule,
  facts: idle,
  ...more,
})
const now = at('10:00:01')
const plan = (entries: readonly Waiting[], more: object = {}, cap = 100) =>
  planQueue({ waiting: entries, running: [], isWorkerThere: true, ...more }, cap, now).map(
    decision =>
      `${decision.entry.vmName} ${decision.kind}${decision.kind === 'start' ? '' : ` ${decision.reason}`}`,
  )

void t.test('each conflict is a reason of its own', t => {
  const facts = (more: Partial<JobFacts>) => ({ facts: { ...idle, ...more } })
  const cases: readonly (readonly [string, Partial<Waiting>])[] = [
    ['start', {}],
    ['skip schedule-disabled', { schedule: { ...schedule, isEnabled: false } }],
    ['skip schedule-disabled', { schedule: null }],
    ['start', { trigger: 'operator', schedule: { ...schedule, isEnabled: false } }],
    ['skip job-gone', facts({ exists: false })],
    ['skip member-disabled', facts({ isEnabled: false })],
    ['skip job-stopped', facts({ isStopped: true })],
    ['skip failed-over', facts({ isFailedOver: true })],
    ['skip clean-up-required', facts({ work: { kind: 'parked', id: 'p' } })],
    ['skip already-running', facts({ work: { kind: 'pass', id: 'p' } })],
    [
      'wait already-running',
      { ...facts({ work: { kind: 'pass', id: 'p' } }), schedule: { ...schedule, whenRunning: 'wait' } },
    ],
    ['wait verifying', facts({ work: { kind: 'verification', id: 'v' } })],
    ['start', facts({ power: 'off' })],
    ['skip vm-off', { ...facts({ power: 'off' }), group: { ...group, poweredOff: 'skip' } }],
    ['start', { ...facts({ power: 'unknown' }), group: { ...group, poweredOff: 'skip' } }],
    ['wait job-paused', facts({ isPaused: true })],
    ['wait back-off', { notBefore: at('10:00:02') }],
    ['start', { notBefore: at('10:00:01') }],
    ['start', { notBefore: new Date(now.getTime() + longestBackOffMs + 1) }],
  ]
  for (const [wanted, more] of cases) t.strictSame(plan([waiting('vm', more)]), [`vm ${wanted}`], wanted)
  t.strictSame(plan([waiting('vm')], { isWorkerThere: false }), ['vm wait worker-lost'])
  t.strictSame(
    plan([waiting('vm', facts({ isFailedOver: true, isPaused: true }))], { isWorkerThere: false }),
    ['vm skip failed-over'],
    'what would lose data counts first',
  )
  t.ok(Object.values(reasonText).every(text => text.length > 10))
  t.end()
})

void t.test('nothing starts inside a blackout window, by the clock of its zone', t => {
  const blackouts = [{ days: ['mon'], fromMinute: 12 * 60, toMinute: 13 * 60 }] as const
  const entry = waiting('vm', { group: { ...group, blackouts } })
  const verdict = (time: string) =>
    planQueue({ waiting: [entry], running: [], isWorkerThere: true }, 9, at(time))[0]?.kind
  t.strictSame(
    ['09:59:59', '10:00:00', '10:59:59', '11:00:00'].map(verdict),
    ['start', 'wait', 'wait', 'start'],
    'twelve in Berlin is ten in UTC in summer',
  )
  t.end()
})

void t.test('the order of the queue, and its caps', t => {
  const high = { ...group, id: groupId('high'), priority: 90, maxConcurrent: 1 }
  const entries = [
    waiting('late', { firedAt: at('10:00:01') }),
    waiting('early'),
    waiting('prior', { priority: 5, firedAt: at('10:00:01') }),
    waiting('one', { group: high }),
    waiting('two', { group: high }),
  ]
  t.strictSame(plan(entries), [
    'one start',
    'two wait group-cap',
    'prior start',
    'early start',
    'late wait group-cap',
  ])
  t.strictSame(plan(entries, {}, 2), [
    'one start',
    'two wait group-cap',
    'prior start',
    'early wait appliance-cap',
    'late wait appliance-cap',
  ])
  const running = [{ groupId: group.id, scheduleId: schedule.id }]
  t.strictSame(plan([waiting('a'), waiting('b')], { running }), ['a start', 'b wait group-cap'])
  const narrow = { schedule: { ...schedule, maxConcurrent: 1 } }
  t.strictSame(plan([waiting('a', narrow)], { running }), ['a wait schedule-cap'])
  t.strictSame(
    plan([waiting('a', { ...narrow, facts: { ...idle, isPaused: true } }), waiting('b', narrow)]),
    ['a wait job-paused', 'b start'],
    'who waits for something else takes no place',
  )
  t.strictSame(
    plan([waiting('a'), waiting('a', { roundId: roundId('other') })]),
    ['a start', 'a wait already-running'],
    'one pass of a job, also within one look',
  )
  t.end()
})

void t.test('patience by class of failure', t => {
  const delays = (code: ErrorCode, retries: number | null = null) => {
    const found: (number | string)[] = []
    for (let tries = 1; ; tries += 1) {
      const retry = retryAfter(code, tries, retries)
      if (retry.kind !== 'again') return [...found, retry.kind]
      found.push(retry.afterMs / 1000)
    }
  }
  t.strictSame(delays('SOURCE_READ_FAILED'), [60, 120, 240, 480, 'tries-used'])
  t.strictSame(delays('APPLIANCE_FULL'), [300, 600, 1200, 2400, 3600, 3600, 'tries-used'])
  t.strictSame(delays('WORKER_LOST').slice(0, 5), [30, 60, 120, 240, 300])
  t.strictSame(delays('WORKER_LOST', 1), [30, 'tries-used'])
  t.strictSame(delays('SOURCE_READ_FAILED', 0), ['tries-used'])
  t.strictSame(delays('SOURCE_READ_FAILED', 9).length, 5, 'no more than the class allows')
  t.strictSame(delays('PASS_CANCELLED'), ['not-retried'])
  t.strictSame(delays('INTERNAL_BUG'), ['not-retried'])
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const isHopeless = ['operator', 'bug'].includes(failureClass(code))
    t.equal(isHopeless, delays(code)[0] === 'not-retried', code)
  }
  const ended = { roundId: roundId('r'), jobId: jobId('j'), passId: 'p' as never, tries: 1, maxRetries: null }
  const failure = { code: 'WORKER_LOST', message: '' } as const
  t.match(settlementOf({ ...ended, outcome: { kind: 'failed', failure } }, now), {
    kind: 'again',
    notBefore: at('10:00:31'),
  })
  t.match(settlementOf({ ...ended, outcome: { kind: 'parked' } }, now), { reason: 'clean-up-required' })
  t.end()
})

void t.test('RPO: when a pass is pulled forward, and what is said', t => {
  const hourMs = 3_600_000
  const facts: RpoFacts = {
    rpoMs: hourMs,
    recoveryPointAt: at('10:00:00'),
    memberSince: at('00:00:00'),
    passMs: 10 * minuteMs,
    passStartedAt: null,
    isQueued: false,
    pulledAt: null,
    verdict: { kind: 'start' },
  }
  const judge = (time: string, more: Partial<RpoFacts> = {}) => {
    const { state, isPulled } = rpoDecision({ ...facts, ...more }, at(time))
    return `${state.kind}${isPulled ? ' pulled' : ''}`
  }
  t.equal(judge('10:44:59'), 'kept')
  t.equal(judge('10:45:00'), 'kept pulled', 'ten minutes for the pass and five to spare')
  t.equal(judge('10:45:00', { isQueued: true }), 'kept')
  t.equal(judge('10:46:00', { passStartedAt: at('10:45:00') }), 'kept')
  t.equal(judge('10:46:00', { passStartedAt: at('10:45:00'), passMs: 20 * minuteMs }), 'at-risk')
  t.equal(judge('11:00:01'), 'missed pulled')
  t.equal(judge('11:00:01', { passStartedAt: at('10:45:00') }), 'missed')
  t.equal(judge('10:50:00', { verdict: { kind: 'wait', reason: 'blackout', detail: '' } }), 'at-risk pulled')
  t.equal(judge('10:50:00', { verdict: { kind: 'skip', reason: 'job-stopped', detail: '' } }), 'at-risk')
  t.equal(judge('10:20:00', { verdict: { kind: 'skip', reason: 'job-stopped', detail: '' } }), 'kept')
  t.equal(judge('10:50:00', { pulledAt: at('10:45:00') }), 'kept', 'not again at once')
  t.equal(judge('11:15:00', { pulledAt: at('10:45:00') }), 'missed pulled', 'half the target later')
  t.equal(judge('10:05:00', { passMs: 2 * hourMs }), 'at-risk pulled', 'no pass is fast enough')
  t.equal(judge('09:00:00'), 'kept', 'a point from the future is not too old')
  t.equal(judge('00:56:00', { recoveryPointAt: null, passMs: null }), 'kept pulled', 'no point yet')
  t.equal(judge('02:00:00', { recoveryPointAt: null, passMs: null }), 'missed pulled')
  t.end()
})
