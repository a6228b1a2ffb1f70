import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { ErrorReply, Id } from '../api/schemas.js'
import {
  Heartbeat,
  HeartbeatReply,
  InventoryPage,
  LeasedTask,
  LeaseRequest,
  SourceReport,
  TaskReport,
  taskSchemas,
  type TaskKind,
  type TaskOutcome,
} from '../api/worker.js'
import { productOf, versionHeaders, whyMixed, type WorkerVersion } from '../api/worker-version.js'
import { taskId, type TaskId } from '../domain/ids.js'
import { AppError, type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type TaskBoardStore } from '../replication/tasks/deps.js'
import { type Json } from '../domain/json.js'
import { type WorkerReports } from './deps.js'
import { apiServer } from '../http-server/server.js'

/** What another agent on the same database queues is seen so late. */
const otherAgentsMs = 1000

export interface WorkerApiDeps {
  readonly tasks: TaskBoardStore
  readonly reports: WorkerReports
  readonly board: {
    readonly changed: () => void
    readonly nextChange: (waitMs: number, signal: AbortSignal) => Promise<void>
    readonly refused: (why: string) => void
  }
  readonly version: WorkerVersion
  readonly leaseMs: number
  readonly logger: Logger
}

const bodyLimitBytes = 2 * 1024 * 1024
const IdParam = Type.Object({ id: Id })
const Empty = Type.Null()

/**
 * What a VMA calls, on a socket of its own: nothing here reads or changes a job, and a lease is the only way to report on a
 * task. A VMA of another version is refused before anything of its request is read. Not yet listening.
 */
export function workerApi(deps: WorkerApiDeps) {
  const { tasks, reports, board, leaseMs, version, logger } = deps
  const api = apiServer(logger, bodyLimitBytes)
  const stopping = new AbortController()
  api.addHook('preClose', () => {
    stopping.abort()
  })
  api.addHook('onRequest', async (request, reply) => {
    void reply.headers(versionHeaders(version))
    const why = whyMixed(version, request.headers)
    if (why === undefined) return
    board.refused(why)
    await reports.refused(why)
    throw new AppError('WORKER_VERSION_MISMATCH', why)
  })
  api.addHook('preHandler', request => reports.seen(productOf(request.headers)))

  api.post(
    '/v1/worker/leases',
    {
      config: { caller: 'worker' },
      schema: {
        operationId: 'leaseTask',
        body: LeaseRequest,
        response: { 200: LeasedTask, 204: Empty, default: ErrorReply },
      },
    },
    async (request, reply) => {
      const { workerId, waitMs } = request.body
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const signal = AbortSignal.any([gone.signal, stopping.signal])
      const end = performance.now() + waitMs
      for (;;) {
        // Nobody would work on a task leased for a caller that has hung up.
        if (signal.aborted) return reply.status(204).send(null)
        const leased = await tasks.lease(workerId, leaseMs)
        if (leased !== undefined) {
          const { id, epoch, kind, input, hold } = leased
          logger.info({ task: id, kind, worker: workerId }, 'task leased')
          const body: unknown = { id, epoch, leaseMs, hold, kind, input }
          if (!Value.Check(LeasedTask, body))
            throw new Error(`task ${id} of kind ${kind} has an improper input`)
          return reply.send(body)
        }
        const leftMs = end - performance.now()
        if (leftMs <= 0) return reply.status(204).send(null)
        await board.nextChange(Math.min(leftMs, otherAgentsMs), signal)
      }
    },
  )
  api.post(
    '/v1/worker/tasks/:id/heartbeat',
    {
      config: { caller: 'worker' },
      schema: {
        operationId: 'keepLease',
        params: IdParam,
        body: Heartbeat,
        response: { 200: HeartbeatReply, default: ErrorReply },
      },
    },
    async request => {
      const id = taskId(request.params.id)
      const { epoch, progress, held } = request.body
      const standing = await tasks.heartbeat(id, epoch, { progress, held }, leaseMs)
      if (standing === 'lapsed') throw new AppError('WORKER_LEASE_LAPSED', `task ${id}`)
      await reports.progress(id, progress)
      return standing
    },
  )
  api.post(
    '/v1/worker/tasks/:id/outcome',
    {
      config: { caller: 'worker' },
      schema: {
        operationId: 'finishTask',
        params: IdParam,
        body: TaskReport,
        response: { 204: Empty, default: ErrorReply },
      },
    },
    async (request, reply) => {
      const id = taskId(request.params.id)
      const outcome = await checkedOutcome(tasks, id, request.body.outcome)
      const counted = await tasks.finish(id, request.body.epoch, outcome)
      if (!counted) throw new AppError('WORKER_LEASE_LAPSED', `task ${id}`)
      logger.info({ task: id, outcome: outcome.kind }, 'task ended')
      board.changed()
      return reply.status(204).send(null)
    },
  )
  api.post(
    '/v1/worker/inventory-pages',
    {
      config: { caller: 'worker' },
      schema: {
        operationId: 'saveInventory',
        body: InventoryPage,
        response: { 204: Empty, default: ErrorReply },
      },
    },
    async (request, reply) => {
      await reports.inventoryPage(request.body)
      return reply.status(204).send(null)
    },
  )
  api.put(
    '/v1/worker/source-report',
    {
      config: { caller: 'worker' },
      schema: {
        operationId: 'reportSource',
        body: SourceReport,
        response: { 204: Empty, default: ErrorReply },
      },
    },
    async (request, reply) => {
      await reports.sourceReport(request.body)
      return reply.status(204).send(null)
    },
  )
  return api
}

type Finished =
  { readonly kind: 'done'; readonly result: Json } | { readonly kind: 'failed'; readonly failure: Failure }

/** A result is believed only in the shape its kind of task has. */
async function checkedOutcome(tasks: TaskBoardStore, id: TaskId, outcome: TaskOutcome): Promise<Finished> {
  if (outcome.kind === 'failed')
    return { kind: 'failed', failure: { code: outcome.code, message: outcome.message } }
  const kind = await tasks.kindOf(id)
  if (kind === undefined) throw new AppError('NOT_FOUND', `task ${id}`)
  if (!isTaskKind(kind)) throw new Error(`task ${id} has an unknown kind: ${kind}`)
  const schema = taskSchemas[kind].result
  if (!Value.Check(schema, outcome.result)) {
    const [first] = Value.Errors(schema, outcome.result)
    throw new AppError(
      'REQUEST_INVALID',
      `result of ${kind}: ${first?.instancePath ?? ''} ${first?.message ?? ''}`,
    )
  }
  return { kind: 'done', result: outcome.result }
}

const isTaskKind = (kind: string): kind is TaskKind => Object.hasOwn(taskSchemas, kind)
