import {
  HeartbeatReply,
  LeasedTask,
  type Heartbeat,
  type InventoryPage,
  type SourceReport,
  type TaskOutcome,
} from '../api/worker.js'
import { versionHeaders, type WorkerVersion } from '../api/worker-version.js'
import { UnixCaller } from '../http-client/unix-caller.js'

/**
 * The OMA as its VMA sees it. Every call rejects with OMA_UNREACHABLE, OMA_PROTOCOL or the code the OMA answered with; an
 * OMA of another version answers all of them with WORKER_VERSION_MISMATCH.
 */
export interface OmaLink {
  /** Undefined: no work came up within `waitMs`. */
  readonly lease: (workerId: string, waitMs: number, signal: AbortSignal) => Promise<LeasedTask | undefined>
  /** Rejects with WORKER_LEASE_LAPSED when the work no longer counts. */
  readonly heartbeat: (
    task: LeasedTask,
    report: Pick<Heartbeat, 'progress' | 'held'>,
    signal: AbortSignal,
  ) => Promise<HeartbeatReply>
  readonly finish: (task: LeasedTask, outcome: TaskOutcome, signal: AbortSignal) => Promise<void>
  readonly saveInventory: (page: InventoryPage, signal: AbortSignal) => Promise<void>
  readonly reportSource: (report: SourceReport, signal: AbortSignal) => Promise<void>
  readonly close: () => Promise<void>
}

const replyTimeoutMs = 10_000

/** Over the worker socket of the OMA. A connection is kept for each task in progress and each wait for work. */
export function omaLink(socketPath: string, connections: number, version: WorkerVersion): OmaLink {
  const caller = new UnixCaller({
    socketPath,
    connections,
    unreachable: 'OMA_UNREACHABLE',
    misunderstood: 'OMA_PROTOCOL',
    headers: versionHeaders(version),
  })
  const call = (
    method: 'POST' | 'PUT',
    path: string,
    body: unknown,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<unknown> => caller.call({ method, path, body, timeoutMs: waitMs + replyTimeoutMs }, signal)
  return {
    lease: async (workerId, waitMs, signal) => {
      const body = await call('POST', '/v1/worker/leases', { workerId, waitMs }, waitMs, signal)
      return body === undefined ? undefined : caller.understood(LeasedTask, body, 'a lease')
    },
    heartbeat: async (task, report, signal) => {
      const path = `/v1/worker/tasks/${encodeURIComponent(task.id)}/heartbeat`
      const body = await call('POST', path, { epoch: task.epoch, ...report }, 0, signal)
      return caller.understood(HeartbeatReply, body, 'a heartbeat')
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
    close: () => caller.close(),
  }
}
