import { Type } from 'typebox'
import { ErrorReply, Id, JobDetailView } from '../api/schemas.js'
import { type apiServer } from '../http-server/server.js'
import { type JobAdmin, type Views } from './deps.js'

interface GoBackDeps {
  readonly admin: JobAdmin
  readonly views: Views
  readonly onCancel: (sagaId: string) => void
  /** A saga that waits for an operator is tried at once. */
  readonly onRetry: (sagaId: string) => void
}

/** "Go back to the last committed point": ends what is not committed, finishes what is, and tells what the volumes are worth. */
export function goBackRoute(
  api: ReturnType<typeof apiServer>,
  { admin, views, onCancel, onRetry }: GoBackDeps,
): void {
  api.post(
    '/v1/replication-jobs/:id/go-back',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'goBack',
        params: Type.Object({ id: Id }),
        response: { 202: JobDetailView, default: ErrorReply },
      },
    },
    async (request, reply) => {
      const left = await admin.goBack(request.params.id)
      if (left?.what === 'cancel') onCancel(left.sagaId)
      if (left?.what === 'finish') onRetry(left.sagaId)
      return reply.status(202).send(await views.job(request.params.id))
    },
  )
}
