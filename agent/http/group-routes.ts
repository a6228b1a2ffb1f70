import { Type } from 'typebox'
import {
  ChangeGroup,
  CreateGroup,
  GroupDetailView,
  GroupList,
  MemberParam,
  PutMember,
  RpoFindingList,
} from '../api/groups.js'
import {
  EntryParam,
  QueueView,
  RoundDetailView,
  RoundList,
  RoundQuery,
  SchedulerView,
} from '../api/rounds.js'
import { ErrorReply, Id } from '../api/schemas.js'
import { type apiServer } from '../http-server/server.js'
import { type Scheduling } from './schedule-deps.js'

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** Groups and their VMs. */
export function groupRoutes(api: ReturnType<typeof apiServer>, { groups, views }: Scheduling) {
  api.get(
    '/v1/groups',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listGroups', response: replies(200, GroupList) },
    },
    async () => ({ items: await views.groups() }),
  )
  api.post(
    '/v1/groups',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'createGroup', body: CreateGroup, response: replies(201, GroupDetailView) },
    },
    async (request, reply) => {
      const id = await groups.create(request.body)
      return reply.status(201).send(await views.group(id))
    },
  )
  api.get(
    '/v1/groups/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readGroup', params: IdParam, response: replies(200, GroupDetailView) },
    },
    request => views.group(request.params.id),
  )
  api.patch(
    '/v1/groups/:id',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'changeGroup',
        params: IdParam,
        body: ChangeGroup,
        response: replies(200, GroupDetailView),
      },
    },
    async request => {
      await groups.change(request.params.id, request.body)
      return views.group(request.params.id)
    },
  )
  api.delete(
    '/v1/groups/:id',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'deleteGroup', params: IdParam, response: replies(204, Type.Null()) },
    },
    async (request, reply) => {
      await groups.remove(request.params.id)
      return reply.status(204).send(null)
    },
  )
  api.put(
    '/v1/groups/:id/members/:jobId',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'putGroupMember',
        params: MemberParam,
        body: PutMember,
        response: replies(200, GroupDetailView),
      },
    },
    async request => {
      const { id, jobId } = request.params
      await groups.putMember(id, jobId, request.body ?? {})
      return views.group(id)
    },
  )
  api.delete(
    '/v1/groups/:id/members/:jobId',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'removeGroupMember', params: MemberParam, response: replies(204, Type.Null()) },
    },
    async (request, reply) => {
      await groups.removeMember(request.params.id, request.params.jobId)
      return reply.status(204).send(null)
    },
  )
  api.post(
    '/v1/groups/:id/rounds',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'runGroup', params: IdParam, response: replies(202, RoundDetailView) },
    },
    async (request, reply) => {
      const round = await groups.run(request.params.id)
      return reply.status(202).send(await views.round(round))
    },
  )
}

/** What came of schedules and groups: rounds, the queue, and what was said of RPO targets. */
export function roundRoutes(api: ReturnType<typeof apiServer>, { groups, views }: Scheduling) {
  api.get(
    '/v1/rounds',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listRounds', querystring: RoundQuery, response: replies(200, RoundList) },
    },
    request => views.rounds(request.query),
  )
  api.get(
    '/v1/rounds/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readRound', params: IdParam, response: replies(200, RoundDetailView) },
    },
    request => views.round(request.params.id),
  )
  api.delete(
    '/v1/rounds/:id/entries/:jobId',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'withdrawEntry', params: EntryParam, response: replies(200, RoundDetailView) },
    },
    async request => {
      const { id, jobId } = request.params
      await groups.withdraw(id, jobId)
      return views.round(id)
    },
  )
  api.get(
    '/v1/round-queue',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readRoundQueue', response: replies(200, QueueView) },
    },
    async () => ({ items: await views.queue() }),
  )
  api.get(
    '/v1/rpo-findings',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listRpoFindings', response: replies(200, RpoFindingList) },
    },
    async () => ({ items: await views.rpoFindings() }),
  )
  api.get(
    '/v1/scheduler',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readScheduler', response: replies(200, SchedulerView) },
    },
    () => views.scheduler(),
  )
}
