import { Type } from 'typebox'
import { ErrorReply, Id } from '../api/schemas.js'
import { StartVerification, VerificationList, VerificationView } from '../api/verification.js'
import { type apiServer } from '../http-server/server.js'
import { type VerificationAdmin } from './deps.js'

export interface VerificationRoutesDeps {
  readonly verifications: VerificationAdmin
  readonly onWork: () => void
  readonly onCancel: (sagaId: string) => void
}

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** Verifications of a job: ask for one, read the evidence. */
export function verificationRoutes(
  api: ReturnType<typeof apiServer>,
  { verifications, onWork, onCancel }: VerificationRoutesDeps,
) {
  api.get(
    '/v1/replication-jobs/:id/verifications',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'listVerifications',
        params: IdParam,
        response: replies(200, VerificationList),
      },
    },
    async request => ({ items: await verifications.list(request.params.id) }),
  )
  api.post(
    '/v1/replication-jobs/:id/verifications',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'startVerification',
        params: IdParam,
        body: StartVerification,
        response: replies(202, VerificationView),
      },
    },
    async (request, reply) => {
      const id = await verifications.start(request.params.id, request.body ?? {})
      onWork()
      return reply.status(202).send(await verifications.one(id))
    },
  )
  api.get(
    '/v1/verifications/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readVerification', params: IdParam, response: replies(200, VerificationView) },
    },
    request => verifications.one(request.params.id),
  )
  api.post(
    '/v1/verifications/:id/cancellation',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'cancelVerification',
        params: IdParam,
        response: replies(202, VerificationView),
      },
    },
    async (request, reply) => {
      const { sagaId } = await verifications.requestCancel(request.params.id)
      onCancel(sagaId)
      return reply.status(202).send(await verifications.one(request.params.id))
    },
  )
}
