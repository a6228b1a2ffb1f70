import { Type, type Static } from 'typebox'
import { FailureView, Id, Instant } from './schemas.js'

const closed = { additionalProperties: false }
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** A code, and the same in words. */
export const ReasonView = Type.Object({ code: Type.String(), text: Type.String() })
export type ReasonView = Static<typeof ReasonView>

export const EntryState = Type.Union([
  Type.Literal('queued'),
  Type.Literal('running'),
  Type.Literal('committed'),
  Type.Literal('failed'),
  Type.Literal('skipped'),
])
export type EntryState = Static<typeof EntryState>

/** What became of one VM in one round. */
export const EntryView = Type.Object({
  roundId: Id,
  jobId: Id,
  vmName: Type.String(),
  state: EntryState,
  position: Nullable(
    Type.Integer({ minimum: 1, description: 'in the queue of all rounds; null: it does not wait' }),
  ),
  reason: Nullable(ReasonView),
  tries: Type.Integer({ minimum: 0 }),
  notBefore: Nullable(Instant),
  passId: Nullable(Type.String({ description: 'of its newest try' })),
  failure: Nullable(FailureView),
  startedAt: Nullable(Instant),
  endedAt: Nullable(Instant),
})
export type EntryView = Static<typeof EntryView>
export const QueueView = Type.Object({ items: Type.Array(EntryView) })

/** `missed`: slots that did not fire, `slots` of them from one time to another. */
export const RoundView = Type.Object({
  id: Id,
  kind: Type.Union([Type.Literal('fired'), Type.Literal('missed')]),
  trigger: Type.Union([Type.Literal('schedule'), Type.Literal('operator'), Type.Literal('rpo')]),
  scheduleId: Nullable(Id),
  scheduleName: Nullable(Type.String()),
  groupId: Id,
  groupName: Type.String(),
  slotAt: Nullable(Instant),
  late: Type.Boolean(),
  firedAt: Instant,
  missed: Nullable(
    Type.Object({
      from: Instant,
      until: Instant,
      slots: Nullable(Type.Integer({ description: 'null: more than are counted' })),
      reason: ReasonView,
    }),
  ),
  counts: Type.Object({
    queued: Type.Integer(),
    running: Type.Integer(),
    committed: Type.Integer(),
    failed: Type.Integer(),
    skipped: Type.Integer(),
  }),
})
export type RoundView = Static<typeof RoundView>
export const RoundDetailView = Type.Object({ ...RoundView.properties, entries: Type.Array(EntryView) })
export type RoundDetailView = Static<typeof RoundDetailView>

/** Newest first; `next` is the `before` of the next page. */
export const RoundList = Type.Object({ items: Type.Array(RoundView), next: Nullable(Type.String()) })
export type RoundList = Static<typeof RoundList>
export const RoundQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    before: Type.Optional(Type.String({ pattern: '^[0-9TZ:.-]{24}_[A-Za-z0-9-]{1,64}$' })),
    scheduleId: Type.Optional(Id),
    groupId: Type.Optional(Id),
    jobId: Type.Optional(Id),
  },
  closed,
)
export type RoundQuery = Static<typeof RoundQuery>
export const EntryParam = Type.Object({ id: Id, jobId: Id })

export const SchedulerView = Type.Object({
  now: Instant,
  lastTurnAt: Nullable(
    Type.String({ format: 'date-time', description: 'of this OMA; null: none since it started' }),
  ),
  lastFailure: Nullable(Type.Object({ at: Instant, failure: FailureView })),
  nextFireAt: Nullable(Instant),
  queued: Type.Integer(),
  running: Type.Integer(),
})
export type SchedulerView = Static<typeof SchedulerView>
