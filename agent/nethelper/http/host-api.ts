import { type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ErrorReply } from '../../api/schemas.js'
import { ApplyHostSettings, ChangeId, defaultConfirmSeconds, HostState } from '../../api/host-settings.js'
import { apiServer } from '../../http-server/server.js'
import { type Logger } from '../../log/logger.js'
import { type HostChanges } from '../changes.js'

const bodyLimitBytes = 16_384
const response = { 200: HostState, default: ErrorReply }

function checked(schema: TSchema, value: unknown): { readonly value: unknown } | { readonly error: Error } {
  if (Value.Check(schema, value)) return { value }
  const [first] = Value.Errors(schema, value)
  return { error: new Error(`body${first?.instancePath ?? ''} ${first?.message ?? 'is not valid'}`) }
}

/** Typed requests about this machine, and nothing else. Who may ask is decided by the socket's access rights. Not yet listening. */
export function hostApi(changes: HostChanges, logger: Logger) {
  const api = apiServer(logger, bodyLimitBytes)
  // Nothing is coerced here: an untagged network (null) and tag 0 are two things.
  api.setValidatorCompiler<TSchema>(
    ({ schema }) =>
      value =>
        checked(schema, value),
  )
  api.get(
    '/v1/host',
    { config: { caller: 'console' }, schema: { operationId: 'hostState', response } },
    changes.state,
  )
  api.put(
    '/v1/host',
    {
      config: { caller: 'console' },
      schema: { operationId: 'applyHostSettings', body: ApplyHostSettings, response },
    },
    request => changes.apply(request.body),
  )
  api.post(
    '/v1/host/keep',
    { config: { caller: 'console' }, schema: { operationId: 'keepHostChange', body: ChangeId, response } },
    request => changes.keep(request.body.id),
  )
  api.post(
    '/v1/host/undo',
    { config: { caller: 'console' }, schema: { operationId: 'undoHostChange', body: ChangeId, response } },
    request => changes.undo(request.body.id),
  )
  api.post(
    '/v1/host/extend',
    { config: { caller: 'console' }, schema: { operationId: 'extendHostChange', body: ChangeId, response } },
    request => changes.extend(request.body.id, defaultConfirmSeconds),
  )
  return api
}
