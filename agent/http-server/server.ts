import { randomUUID } from 'node:crypto'
import { type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import { type Logger } from '../log/logger.js'
import { requireCallers } from './caller.js'
import { replyWithErrors } from './error-reply.js'

/**
 * A server that refuses unknown fields instead of dropping them, answers every failure with a code of our table, and has no
 * route that does not say who may call it.
 */
export function apiServer(logger: Logger, bodyLimitBytes: number) {
  const server = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: bodyLimitBytes,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } },
  })
  requireCallers(server)
  replyWithErrors(server, logger)
  return server.withTypeProvider<TypeBoxTypeProvider>()
}
