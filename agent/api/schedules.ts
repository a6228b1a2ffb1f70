import { Type, type Static } from 'typebox'
import { Name, TimeZoneName } from './groups.js'
import { Id, Instant } from './schemas.js'

const closed = { additionalProperties: false }
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

const Cron = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'second, minute, hour, day of the month, month, day of the week',
})

const fields = {
  enabled: Type.Boolean(),
  misfire: Type.Union([Type.Literal('run-once'), Type.Literal('skip')], {
    description: 'of slots that could not fire in time: run the newest now, or none',
  }),
  graceSeconds: Type.Integer({
    minimum: 1,
    maximum: 86_400,
    description: 'how late a slot is still in time',
  }),
  whenRunning: Type.Union([Type.Literal('skip'), Type.Literal('wait')], {
    description: 'what a VM does whose pass runs already',
  }),
  maxConcurrent: Nullable(
    Type.Integer({
      minimum: 1,
      maximum: 100,
      description: 'passes of its rounds; null: as the group allows',
    }),
  ),
}
const changes = Type.Partial(Type.Object(fields)).properties

export const CreateSchedule = Type.Object(
  { name: Name, groupId: Id, cron: Cron, timeZone: TimeZoneName, ...changes },
  closed,
)
export type CreateSchedule = Static<typeof CreateSchedule>
export const ChangeSchedule = Type.Object(
  {
    name: Type.Optional(Name),
    cron: Type.Optional(Cron),
    timeZone: Type.Optional(TimeZoneName),
    ...changes,
  },
  closed,
)
export type ChangeSchedule = Static<typeof ChangeSchedule>

export const ScheduleView = Type.Object({
  id: Id,
  name: Type.String(),
  groupId: Id,
  groupName: Type.String(),
  cron: Type.String(),
  timeZone: Type.String(),
  ...fields,
  nextFireAt: Nullable(Type.String({ format: 'date-time', description: 'null: it is disabled' })),
  upcoming: Type.Array(Instant),
  problem: Nullable(Type.String({ description: 'why it cannot fire although it is enabled' })),
  createdAt: Instant,
})
export type ScheduleView = Static<typeof ScheduleView>
export const ScheduleList = Type.Object({ items: Type.Array(ScheduleView) })

export const PreviewRequest = Type.Object({ cron: Cron, timeZone: TimeZoneName }, closed)
export type PreviewRequest = Static<typeof PreviewRequest>
/** `local` is what the clock in the zone shows then. */
export const PreviewView = Type.Object({
  fires: Type.Array(Type.Object({ at: Instant, local: Type.String() })),
  clockChanges: Type.Union([Type.Literal('once-a-day'), Type.Literal('as-the-clock-runs')], {
    description: 'what the pattern does where the clock is put forward or back',
  }),
})
export type PreviewView = Static<typeof PreviewView>
