import { type FastifyError, type FastifyInstance } from 'fastify'
import { AppError, errorTable, type ErrorCode } from '../errors.js'
import { type Logger } from '../log/logger.js'

/**
 * The only place where codes become statuses. The reply has the code, what was attempted and what to do next; causes,
 * stacks and the text of bugs go to the log only, found again by the request id.
 */
export function replyWithErrors(server: FastifyInstance, logger: Logger): void {
  server.setErrorHandler((error: FastifyError | AppError, request, reply) => {
    const { code, message } = publicPart(error)
    const level = errorTable[code].status >= 500 ? 'error' : 'info'
    logger[level](
      { request: request.id, method: request.method, path: request.routeOptions.url, err: error },
      'request refused',
    )
    void reply
      .status(errorTable[code].status)
      .send({ code, message, next: errorTable[code].next, requestId: request.id })
  })
  server.setNotFoundHandler((request, reply) => {
    const next = errorTable.NOT_FOUND.next
    void reply.status(404).send({ code: 'NOT_FOUND', message: 'no such path', next, requestId: request.id })
  })
}

function publicPart(error: FastifyError | AppError): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof AppError) return { code: error.code, message: error.message }
  if (error.validation !== undefined || (error.statusCode !== undefined && error.statusCode < 500)) {
    return { code: 'REQUEST_INVALID', message: error.message }
  }
  return { code: 'INTERNAL_BUG', message: 'an unexpected error; the log has it' }
}
