import { Type } from 'typebox'
import {
  ChangePoint,
  OpenedPointView,
  OpenPoint,
  PointExportList,
  PointList,
  PointPolicyView,
  PointsOfRound,
  PointView,
  RestoreView,
  RoundQuery,
  StartRestore,
} from '../api/points.js'
import { ErrorReply, Id } from '../api/schemas.js'
import { AppError } from '../errors.js'
import { type apiServer } from '../http-server/server.js'
import { hangUp } from './hang-up.js'
import { type PointControl } from './point-deps.js'

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })
const defaultLeaseSeconds = 3600

/** Recovery points: list them, read them as disks, go back to them. */
export function pointRoutes(
  api: ReturnType<typeof apiServer>,
  { admin, disks }: PointControl,
  onWork: () => void,
): void {
  api.get(
    '/v1/replication-jobs/:id/recovery-points',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listPoints', params: IdParam, response: replies(200, PointList) },
    },
    request => admin.list(request.params.id),
  )
  api.get(
    '/v1/recovery-points',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'listPointsOfRound',
        querystring: RoundQuery,
        response: replies(200, PointsOfRound),
      },
    },
    async request => ({ items: await admin.ofRound(request.query.roundId) }),
  )
  api.get(
    '/v1/replication-jobs/:id/point-policy',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readPointPolicy', params: IdParam, response: replies(200, PointPolicyView) },
    },
    request => admin.policy(request.params.id),
  )
  api.put(
    '/v1/replication-jobs/:id/point-policy',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'changePointPolicy',
        params: IdParam,
        body: PointPolicyView,
        response: replies(200, PointPolicyView),
      },
    },
    async request => {
      await admin.changePolicy(request.params.id, request.body)
      return admin.policy(request.params.id)
    },
  )
  api.get(
    '/v1/recovery-points/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readPoint', params: IdParam, response: replies(200, PointView) },
    },
    request => admin.one(request.params.id),
  )
  api.patch(
    '/v1/recovery-points/:id',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'changePoint',
        params: IdParam,
        body: ChangePoint,
        response: replies(200, PointView),
      },
    },
    async request => {
      await admin.pin(request.params.id, request.body.pinned)
      return admin.one(request.params.id)
    },
  )
  api.delete(
    '/v1/recovery-points/:id',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'deletePoint', params: IdParam, response: replies(200, PointView) },
    },
    async (request, reply) => {
      const open = await disks.list(hangUp(reply.raw))
      if (open.some(one => one.pointId === request.params.id))
        throw new AppError('POINT_IN_USE', `recovery point ${request.params.id}`)
      await admin.remove(request.params.id)
      return admin.one(request.params.id)
    },
  )
  restoreRoutes(api, admin, onWork)
  diskRoutes(api, disks)
}

function restoreRoutes(
  api: ReturnType<typeof apiServer>,
  admin: PointControl['admin'],
  onWork: () => void,
): void {
  api.post(
    '/v1/recovery-points/:id/restores',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'startRestore',
        params: IdParam,
        body: StartRestore,
        response: replies(202, RestoreView),
      },
    },
    async (request, reply) => {
      const id = await admin.startRestore(request.params.id, request.body)
      onWork()
      return reply.status(202).send(await admin.restore(id))
    },
  )
  api.get(
    '/v1/restores/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readRestore', params: IdParam, response: replies(200, RestoreView) },
    },
    request => admin.restore(request.params.id),
  )
}

function diskRoutes(api: ReturnType<typeof apiServer>, disks: PointControl['disks']): void {
  api.post(
    '/v1/recovery-points/:id/exports',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'openPointDisks',
        params: IdParam,
        body: OpenPoint,
        response: replies(201, OpenedPointView),
      },
    },
    async (request, reply) => {
      const leaseSeconds = request.body.leaseSeconds ?? defaultLeaseSeconds
      return reply.status(201).send(await disks.open(request.params.id, leaseSeconds, hangUp(reply.raw)))
    },
  )
  api.get(
    '/v1/point-exports',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listPointDisks', response: replies(200, PointExportList) },
    },
    async (_, reply) => ({ items: await disks.list(hangUp(reply.raw)) }),
  )
  api.delete(
    '/v1/point-exports/:id',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'closePointDisks', params: IdParam, response: replies(204, Type.Null()) },
    },
    async (request, reply) => {
      await disks.close(request.params.id, hangUp(reply.raw))
      return reply.status(204).send(null)
    },
  )
}
