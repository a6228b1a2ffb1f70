import { Type } from 'typebox'
import { RoundDetailView } from '../api/rounds.js'
import {
  ChangeSchedule,
  CreateSchedule,
  PreviewRequest,
  PreviewView,
  ScheduleList,
  ScheduleView,
} from '../api/schedules.js'
import { ErrorReply, Id } from '../api/schemas.js'
import { type apiServer } from '../http-server/server.js'
import { type Scheduling } from './schedule-deps.js'

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** Schedules: make, change, look ahead, run now. */
export function scheduleRoutes(api: ReturnType<typeof apiServer>, { schedules, views }: Scheduling) {
  api.get(
    '/v1/schedules',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listSchedules', response: replies(200, ScheduleList) },
    },
    async () => ({ items: await views.schedules() }),
  )
  api.post(
    '/v1/schedules',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'createSchedule', body: CreateSchedule, response: replies(201, ScheduleView) },
    },
    async (request, reply) => {
      const id = await schedules.create(request.body)
      return reply.status(201).send(await views.schedule(id))
    },
  )
  api.post(
    '/v1/schedule-previews',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'previewSchedule', body: PreviewRequest, response: replies(200, PreviewView) },
    },
    request => schedules.preview(request.body),
  )
  api.get(
    '/v1/schedules/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readSchedule', params: IdParam, response: replies(200, ScheduleView) },
    },
    request => views.schedule(request.params.id),
  )
  api.patch(
    '/v1/schedules/:id',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'changeSchedule',
        params: IdParam,
        body: ChangeSchedule,
        response: replies(200, ScheduleView),
      },
    },
    async request => {
      await schedules.change(request.params.id, request.body)
      return views.schedule(request.params.id)
    },
  )
  api.delete(
    '/v1/schedules/:id',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'deleteSchedule', params: IdParam, response: replies(204, Type.Null()) },
    },
    async (request, reply) => {
      await schedules.remove(request.params.id)
      return reply.status(204).send(null)
    },
  )
  api.post(
    '/v1/schedules/:id/rounds',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'runSchedule', params: IdParam, response: replies(202, RoundDetailView) },
    },
    async (request, reply) => {
      const round = await schedules.run(request.params.id)
      return reply.status(202).send(await views.round(round))
    },
  )
}
