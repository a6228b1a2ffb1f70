import { Type } from 'typebox'
import {
  ExplainFailover,
  ExplanationView,
  FailoverDetailView,
  FailoverList,
  FailoverQuery,
  NetworkMappingView,
  ReplaceNetworks,
  RollBack,
  StartFailover,
} from '../api/failover.js'
import { ErrorReply, Id } from '../api/schemas.js'
import { type apiServer } from '../http-server/server.js'
import { type FailoverControl } from './failover-deps.js'
import { hangUp } from './hang-up.js'

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** Failovers: what one would do, starting one, and what can be done with one. Nothing here waits for the work itself. */
export function failoverRoutes(api: ReturnType<typeof apiServer>, control: FailoverControl): void {
  const { admin, views, networks } = control
  api.get(
    '/v1/source-vms/:id/failover-networks',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'readFailoverNetworks',
        params: IdParam,
        response: replies(200, NetworkMappingView),
      },
    },
    request => networks.of(request.params.id),
  )
  api.put(
    '/v1/source-vms/:id/failover-networks',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'replaceFailoverNetworks',
        params: IdParam,
        body: ReplaceNetworks,
        response: replies(200, NetworkMappingView),
      },
    },
    (request, reply) => networks.replace(request.params.id, request.body.items, hangUp(reply.raw)),
  )
  api.post(
    '/v1/source-vms/:id/failover-explanation',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'explainFailover',
        params: IdParam,
        body: ExplainFailover,
        response: replies(200, ExplanationView),
      },
    },
    (request, reply) => {
      const { kind, ...options } = request.body
      return control.explain(request.params.id, kind, options, hangUp(reply.raw))
    },
  )
  api.post(
    '/v1/source-vms/:id/failovers',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'startFailover',
        params: IdParam,
        body: StartFailover,
        response: replies(202, FailoverDetailView),
      },
    },
    async (request, reply) => {
      const { kind, vmName, ...options } = request.body
      const named = vmName === undefined ? {} : { confirmedName: vmName }
      const { id } = await admin.start(request.params.id, kind, { ...options, ...named })
      control.onWork()
      return reply.status(202).send(await views.failover(id))
    },
  )
  api.get(
    '/v1/failovers',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'listFailovers',
        querystring: FailoverQuery,
        response: replies(200, FailoverList),
      },
    },
    async request => ({ items: await views.failovers(request.query.sourceVmId) }),
  )
  api.get(
    '/v1/failovers/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readFailover', params: IdParam, response: replies(200, FailoverDetailView) },
    },
    request => views.failover(request.params.id),
  )
  api.post(
    '/v1/failovers/:id/cancellation',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'cancelFailover', params: IdParam, response: replies(202, FailoverDetailView) },
    },
    async (request, reply) => {
      const { sagaId } = await admin.cancel(request.params.id)
      control.onCancel(sagaId)
      return reply.status(202).send(await views.failover(request.params.id))
    },
  )
  closingRoutes(api, control)
}

function closingRoutes(api: ReturnType<typeof apiServer>, control: FailoverControl): void {
  const close = async (id: string, action: 'commit' | 'roll-back' | 'clean-up', confirmedName?: string) => {
    const { retry } = await control.admin.close(id, action, confirmedName)
    if (retry === null) control.onWork()
    else control.onRetry(retry)
    return control.views.failover(id)
  }
  for (const [path, action, operationId] of [
    ['commit', 'commit', 'commitFailover'],
    ['clean-up', 'clean-up', 'cleanUpFailover'],
  ] as const)
    api.post(
      `/v1/failovers/:id/${path}`,
      {
        config: { caller: 'operator' },
        schema: { operationId, params: IdParam, response: replies(202, FailoverDetailView) },
      },
      async (request, reply) => reply.status(202).send(await close(request.params.id, action)),
    )
  api.post(
    '/v1/failovers/:id/rollback',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'rollBackFailover',
        params: IdParam,
        body: RollBack,
        response: replies(202, FailoverDetailView),
      },
    },
    async (request, reply) =>
      reply.status(202).send(await close(request.params.id, 'roll-back', request.body.vmName)),
  )
}
