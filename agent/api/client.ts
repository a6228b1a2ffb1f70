import { type Static } from 'typebox'
import { AppError, isErrorCode } from '../errors.js'
import {
  type CreateJob,
  type JobDetailView,
  type JobList,
  type JobView,
  type PassDetailView,
  type PassList,
  type PassView,
  type SourceVmList,
  type StatusView,
} from './schemas.js'

/** Sends one request to the agent and gives its status and parsed JSON body. Rejects when nobody answers. */
export type Send = (
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  signal?: AbortSignal,
) => Promise<{ readonly status: number; readonly body: unknown }>

/** The operator's API, typed. A refused request rejects with the AppError the agent named. */
export interface OperatorClient {
  status(signal?: AbortSignal): Promise<StatusView>
  sourceVms(after?: string, signal?: AbortSignal): Promise<Static<typeof SourceVmList>>
  jobs(signal?: AbortSignal): Promise<JobView[]>
  job(id: string, signal?: AbortSignal): Promise<JobDetailView>
  createJob(body: CreateJob): Promise<JobDetailView>
  startPass(jobId: string): Promise<PassView>
  passes(jobId: string, signal?: AbortSignal): Promise<PassView[]>
  pass(id: string, signal?: AbortSignal): Promise<PassDetailView>
  cancelPass(id: string): Promise<PassView>
}

const segment = encodeURIComponent

/** `send` decides the transport: the agent's unix socket in the product. */
export function operatorClient(send: Send): OperatorClient {
  const call = async <T>(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<T> => {
    const reply = await send(method, path, body, signal)
    if (reply.status >= 400) throw errorFromReply(reply.status, reply.body)
    return reply.body as T
  }
  return {
    status: signal => call('GET', '/v1/status', undefined, signal),
    sourceVms: (after, signal) =>
      call(
        'GET',
        `/v1/source-vms${after === undefined ? '' : `?after=${segment(after)}`}`,
        undefined,
        signal,
      ),
    jobs: async signal =>
      (await call<Static<typeof JobList>>('GET', '/v1/replication-jobs', undefined, signal)).items,
    job: (id, signal) => call('GET', `/v1/replication-jobs/${segment(id)}`, undefined, signal),
    createJob: body => call('POST', '/v1/replication-jobs', body),
    startPass: jobId => call('POST', `/v1/replication-jobs/${segment(jobId)}/passes`),
    passes: async (jobId, signal) =>
      (
        await call<Static<typeof PassList>>(
          'GET',
          `/v1/replication-jobs/${segment(jobId)}/passes`,
          undefined,
          signal,
        )
      ).items,
    pass: (id, signal) => call('GET', `/v1/passes/${segment(id)}`, undefined, signal),
    cancelPass: id => call('POST', `/v1/passes/${segment(id)}/cancellation`),
  }
}

/** The AppError in an agent's reply; a reply that is not one of ours becomes INTERNAL_BUG with its status. */
export function errorFromReply(status: number, body: unknown): AppError {
  if (typeof body === 'object' && body !== null && 'code' in body && isErrorCode(body.code)) {
    const message = 'message' in body && typeof body.message === 'string' ? body.message : ''
    return new AppError(body.code, message)
  }
  return new AppError('INTERNAL_BUG', `the agent answered with status ${status} and no error code`)
}
