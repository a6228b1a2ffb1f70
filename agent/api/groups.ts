import { Type, type Static } from 'typebox'
import { Id, Instant } from './schemas.js'

const closed = { additionalProperties: false }
const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' })
/** IANA, such as `Europe/Berlin`. */
export const TimeZoneName = Type.String({ minLength: 1, maxLength: 64 })
const TimeOfDay = Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' })
const Day = Type.Union([
  Type.Literal('mon'),
  Type.Literal('tue'),
  Type.Literal('wed'),
  Type.Literal('thu'),
  Type.Literal('fri'),
  Type.Literal('sat'),
  Type.Literal('sun'),
])

/** No pass of the group starts inside; one that runs goes on. One that ends before it begins goes on into the next day. */
export const Blackout = Type.Object(
  { days: Type.Array(Day, { minItems: 1, maxItems: 7, uniqueItems: true }), from: TimeOfDay, to: TimeOfDay },
  closed,
)
export type Blackout = Static<typeof Blackout>

const groupFields = {
  name: Name,
  priority: Type.Integer({
    minimum: 0,
    maximum: 100,
    description: 'of two that wait, the VM of the higher group starts first',
  }),
  maxConcurrent: Type.Integer({
    minimum: 1,
    maximum: 100,
    description: 'passes of its rounds that run at once',
  }),
  poweredOff: Type.Union([Type.Literal('replicate'), Type.Literal('skip')], {
    description: 'whether VMs that are off get a pass; `skip` leaves what was written before they went off',
  }),
  maxRetries: Nullable(
    Type.Integer({ minimum: 0, maximum: 10, description: 'null: as many as the kind of failure allows' }),
  ),
  rpoSeconds: Nullable(
    Type.Integer({
      minimum: 60,
      maximum: 31_536_000,
      description: 'no recovery point of its VMs shall be older; null: no target',
    }),
  ),
  timeZone: TimeZoneName,
  blackouts: Type.Array(Blackout, { maxItems: 50 }),
}

const { name, ...rules } = groupFields
const changes = Type.Partial(Type.Object(rules)).properties

export const CreateGroup = Type.Object({ name, ...changes }, closed)
export type CreateGroup = Static<typeof CreateGroup>
export const ChangeGroup = Type.Object({ name: Type.Optional(name), ...changes }, closed)
export type ChangeGroup = Static<typeof ChangeGroup>

export const RpoView = Type.Object({
  state: Type.Union([Type.Literal('kept'), Type.Literal('at-risk'), Type.Literal('missed')]),
  why: Nullable(Type.String()),
  since: Nullable(Instant),
})

export const MemberView = Type.Object({
  jobId: Id,
  vmName: Type.String(),
  enabled: Type.Boolean(),
  priority: Type.Integer(),
  addedAt: Instant,
  recoveryPointAt: Nullable(Instant),
  rpo: Nullable(RpoView),
})
export type MemberView = Static<typeof MemberView>

export const GroupView = Type.Object({
  id: Id,
  ...groupFields,
  memberCount: Type.Integer(),
  createdAt: Instant,
})
export type GroupView = Static<typeof GroupView>
export const GroupList = Type.Object({ items: Type.Array(GroupView) })
export const GroupDetailView = Type.Object({ ...GroupView.properties, members: Type.Array(MemberView) })
export type GroupDetailView = Static<typeof GroupDetailView>

/** Left out: enabled, and priority 0. */
export const PutMember = Type.Union([
  Type.Object(
    {
      enabled: Type.Optional(Type.Boolean()),
      priority: Type.Optional(Type.Integer({ minimum: -100, maximum: 100 })),
    },
    closed,
  ),
  Type.Null(),
])
export type PutMember = Static<typeof PutMember>
export const MemberParam = Type.Object({ id: Id, jobId: Id })

/** What was said of an RPO target, and for how long it held. */
export const RpoFindingView = Type.Object({
  id: Id,
  groupId: Id,
  groupName: Type.String(),
  jobId: Id,
  vmName: Type.String(),
  kind: Type.Union([Type.Literal('at-risk'), Type.Literal('missed')]),
  why: Type.String(),
  since: Instant,
  endedAt: Nullable(Instant),
})
export type RpoFindingView = Static<typeof RpoFindingView>
export const RpoFindingList = Type.Object({ items: Type.Array(RpoFindingView) })
