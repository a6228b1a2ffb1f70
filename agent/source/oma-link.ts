import { Pool } from 'undici'
import { type TSchema, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { errorFromReply } from '../api/client.js'
import {
  HeartbeatReply,
  LeasedTask,
  type DiskCounters,
  type InventoryPage,
  type SourceReport,
  type TaskOutcome,
} from '../api/worker.js'
import { AppError } from '../errors.js'

/** The OMA as its VMA sees it. Every call rejects with OMA_UNREACHABLE, OMA_PROTOCOL or the code the OMA answered with. */
export interface OmaLink {
  /** Undefined: no work came up within `waitMs`. */
  readonly lease: (workerId: string, waitMs: number, signal: AbortSignal) => Promise<LeasedTask | undefined>
  /** Rejects with WORKER_LEASE_LAPSED when the work no longer counts. */
  readonly heartbeat: (
    task: LeasedTask,
    progress: readonly DiskCounters[],
    signal: AbortSignal,
  ) => Promise<{ readonly cancel: boolean }>
  readonly finish: (task: LeasedTask, outcome: TaskOutcome, signal: AbortSignal) => Promise<void>
  readonly saveInventory: (page: InventoryPage, signal: AbortSignal) => Promise<void>
  readonly reportSource: (report: SourceReport, signal: AbortSignal) => Promise<void>
  readonly close: () => Promise<void>
}

const maxReplyBytes = 4 * 1024 * 1024
const replyTimeoutMs = 10_000

/** Over the worker socket of the OMA. A connection is kept for each task in progress and each wait for work. */
export function omaLink(socketPath: string, connections: number): OmaLink {
  const pool = new Pool('http://oma', {
    socketPath,
    connections,
    headersTimeout: 0,
    bodyTimeout: replyTimeoutMs,
  })
  const call = async (
    method: 'POST' | 'PUT',
    path: string,
    body: unknown,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const reply = await send(pool, { method, path, body, waitMs: waitMs + replyTimeoutMs }, signal)
    if (reply.status >= 400) throw errorFromReply(reply.status, reply.body)
    return reply.body
  }
  return {
    lease: async (workerId, waitMs, signal) => {
      const body = await call('POST', '/v1/worker/leases', { workerId, waitMs }, waitMs, signal)
      return body === undefined ? undefined : understood(LeasedTask, body, 'a lease')
    },
    heartbeat: async (task, progress, signal) => {
      const path = `/v1/worker/tasks/${encodeURIComponent(task.id)}/heartbeat`
      const body = await call('POST', path, { epoch: task.epoch, progress }, 0, signal)
      return understood(HeartbeatReply, body, 'a heartbeat')
    },
    finish: async (task, outcome, signal) => {
      const path = `/v1/worker/tasks/${encodeURIComponent(task.id)}/outcome`
      await call('POST', path, { epoch: task.epoch, outcome }, 0, signal)
    },
    saveInventory: async (page, signal) => {
      await call('POST', '/v1/worker/inventory-pages', page, 0, signal)
    },
    reportSource: async (report, signal) => {
      await call('PUT', '/v1/worker/source-report', report, 0, signal)
    },
    close: () => pool.destroy(),
  }
}

interface OmaRequest {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  readonly body: unknown
  readonly waitMs: number
}

async function send(pool: Pool, request: OmaRequest, signal: AbortSignal) {
  try {
    const reply = await pool.request({
      method: request.method,
      path: request.path,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request.body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(request.waitMs)]),
    })
    let text = ''
    for await (const part of reply.body) {
      text += String(part)
      if (text.length > maxReplyBytes)
        throw new AppError('OMA_PROTOCOL', `${request.path}: the answer is too long`)
    }
    return { status: reply.statusCode, body: text === '' ? undefined : parsed(request.path, text) }
  } catch (cause) {
    signal.throwIfAborted()
    if (cause instanceof AppError) throw cause
    throw new AppError('OMA_UNREACHABLE', `calling ${request.path}`, cause)
  }
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('OMA_PROTOCOL', `${path}: the answer is not JSON`, cause)
  }
}

function understood<Schema extends TSchema>(schema: Schema, body: unknown, what: string): Static<Schema> {
  if (Value.Check(schema, body)) return body
  const [first] = Value.Errors(schema, body)
  throw new AppError('OMA_PROTOCOL', `${what}: ${first?.instancePath ?? ''} ${first?.message ?? ''}`)
}
