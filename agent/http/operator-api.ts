import { Type } from 'typebox'
import {
  ChangeJob,
  CreateJob,
  ErrorReply,
  Id,
  JobDetailView,
  JobList,
  LeftVolumes,
  PassDetailView,
  PassList,
  PassView,
  StartPass,
  StatusView,
} from '../api/schemas.js'
import { apiServer } from '../http-server/server.js'
import { type Logger } from '../log/logger.js'
import { addCloudstackRoutes, type CloudstackAdministration } from './cloudstack-api.js'
import {
  type HardwareHistory,
  type JobAdmin,
  type ManagedVms,
  type Preflights,
  type VerificationAdmin,
  type Views,
  type VmRemoval,
} from './deps.js'
import { type FailoverControl } from './failover-deps.js'
import { failoverRoutes } from './failover-routes.js'
import { goBackRoute } from './go-back-route.js'
import { originalRoutes } from './original-routes.js'
import { type PointControl } from './point-deps.js'
import { pointRoutes } from './point-routes.js'
import { groupRoutes, roundRoutes } from './group-routes.js'
import { type Scheduling } from './schedule-deps.js'
import { scheduleRoutes } from './schedule-routes.js'
import { sourceVmRoutes } from './source-vm-routes.js'
import { verificationRoutes } from './verification-routes.js'
import { type VolumeControl } from './volume-deps.js'
import { volumeRoutes } from './volume-routes.js'

export interface OperatorApiDeps {
  readonly views: Views
  readonly admin: JobAdmin
  readonly managed: ManagedVms
  readonly removal: VmRemoval
  readonly hardware: HardwareHistory
  readonly preflights: Preflights
  readonly verifications: VerificationAdmin
  readonly cloudstack: CloudstackAdministration
  readonly volumes: VolumeControl
  readonly points: PointControl
  readonly failovers: FailoverControl
  readonly scheduling: Scheduling
  /** Work was recorded, or a wish to end some: whoever runs sagas looks now. */
  readonly onWork: () => void
  readonly onCancel: (sagaId: string) => void
  /** A saga that waits for an operator is tried at once. */
  readonly onRetry: (sagaId: string) => void
  readonly logger: Logger
}

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** The operator's API, not yet listening: the caller gives it a unix socket. Unknown fields are refused, not dropped. */
export function operatorApi(deps: OperatorApiDeps) {
  const { views, admin } = deps
  const api = apiServer(deps.logger, 64 * 1024)

  api.get(
    '/v1/status',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readStatus', response: replies(200, StatusView) },
    },
    () => views.status(),
  )
  sourceVmRoutes(api, deps)
  originalRoutes(api, deps)
  verificationRoutes(api, deps)
  pointRoutes(api, deps.points, deps.onWork)
  api.get(
    '/v1/replication-jobs',
    { config: { caller: 'viewer' }, schema: { operationId: 'listJobs', response: replies(200, JobList) } },
    async () => ({
      items: await views.jobs(),
    }),
  )
  api.get(
    '/v1/replication-jobs/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readJob', params: IdParam, response: replies(200, JobDetailView) },
    },
    request => views.job(request.params.id),
  )
  api.post(
    '/v1/replication-jobs',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'createJob', body: CreateJob, response: replies(201, JobDetailView) },
    },
    async (request, reply) => {
      const id = await admin.createJob(request.body)
      return reply.status(201).send(await views.job(id))
    },
  )
  api.patch(
    '/v1/replication-jobs/:id',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'changeJob',
        params: IdParam,
        body: ChangeJob,
        response: replies(200, JobDetailView),
      },
    },
    async request => {
      await admin.changeJob(request.params.id, request.body)
      return views.job(request.params.id)
    },
  )
  for (const what of ['pause', 'stop'] as const) {
    const ofJob = { params: IdParam, response: replies(200, JobDetailView) }
    const path = `/v1/replication-jobs/:id/${what}`
    api.put(
      path,
      { config: { caller: 'operator' }, schema: { operationId: `${what}Job`, ...ofJob } },
      async request => {
        await admin.holdBack(request.params.id, what, true)
        return views.job(request.params.id)
      },
    )
    const back = what === 'pause' ? 'resumeJob' : 'allowPasses'
    api.delete(
      path,
      { config: { caller: 'operator' }, schema: { operationId: back, ...ofJob } },
      async request => {
        await admin.holdBack(request.params.id, what, false)
        return views.job(request.params.id)
      },
    )
  }
  api.delete(
    '/v1/replication-jobs/:id',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'deleteJob', params: IdParam, response: replies(200, LeftVolumes) },
    },
    request => admin.deleteJob(request.params.id),
  )
  goBackRoute(api, deps)
  api.get(
    '/v1/replication-jobs/:id/passes',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listPasses', params: IdParam, response: replies(200, PassList) },
    },
    async request => ({ items: await views.passes(request.params.id) }),
  )
  api.post(
    '/v1/replication-jobs/:id/passes',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'startPass',
        params: IdParam,
        body: StartPass,
        response: replies(202, PassView),
      },
    },
    async (request, reply) => {
      const { passId } = await admin.startPass(request.params.id, request.body?.mode ?? 'snapshot')
      deps.onWork()
      return reply.status(202).send(await views.pass(passId))
    },
  )
  api.get(
    '/v1/passes/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readPass', params: IdParam, response: replies(200, PassDetailView) },
    },
    request => views.pass(request.params.id),
  )
  api.post(
    '/v1/passes/:id/cancellation',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'cancelPass', params: IdParam, response: replies(202, PassView) },
    },
    async (request, reply) => {
      const { sagaId } = await admin.requestCancel(request.params.id)
      deps.onCancel(sagaId)
      return reply.status(202).send(await views.pass(request.params.id))
    },
  )
  addCloudstackRoutes(api, deps.cloudstack)
  volumeRoutes(api, deps.volumes, deps.onWork)
  failoverRoutes(api, deps.failovers)
  scheduleRoutes(api, deps.scheduling)
  groupRoutes(api, deps.scheduling)
  roundRoutes(api, deps.scheduling)
  return api
}
