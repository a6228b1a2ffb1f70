import type { Static } from 'typebox'
import type {
  CertificateRequest,
  CertificateView,
  ConfigurationView,
  DiscoverRequest,
  ResourcesView,
  SaveConfiguration,
  ValidationView,
} from './cloudstack.js'
import { AppError, isErrorCode } from '../errors.js'
import type { HardwareComparison, HardwareVersionDetail, HardwareVersionList } from './hardware.js'
import type { PreflightView } from './preflight.js'
import type {
  ChangeJob,
  CreateJob,
  JobDetailView,
  JobList,
  JobView,
  LeftVolumes,
  PassDetailView,
  PassList,
  PassMode,
  PassView,
  StatusView,
  SourceVmList,
} from './schemas.js'
import type { AddOutcome, AddOutcomes, ManagedVmList, ManagedVmView, VmQuery } from './source-vms.js'

import type { StartVerification, VerificationList, VerificationView } from './verification.js'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Sends one request to the agent and gives its status and parsed JSON body. Rejects when nobody answers. */
export type Send = (
  method: Method,
  path: string,
  body: unknown,
  signal?: AbortSignal,
) => Promise<{ readonly status: number; readonly body: unknown }>

/** The operator's API, typed. A refused request rejects with the AppError the agent named. */
export interface OperatorClient {
  status(signal?: AbortSignal): Promise<StatusView>
  sourceVms(after?: string, signal?: AbortSignal): Promise<SourceVmList>
  /** One page of the VMs that match. */
  findVms(query: Partial<VmQuery>, signal?: AbortSignal): Promise<SourceVmList>
  /** Waits for the VMA; the newest result is also kept. */
  runPreflight(sourceVmId: string): Promise<PreflightView>
  /** Newest first. */
  hardwareVersions(sourceVmId: string, signal?: AbortSignal): Promise<HardwareVersionList['items']>
  hardwareVersion(sourceVmId: string, version: number, signal?: AbortSignal): Promise<HardwareVersionDetail>
  compareHardware(
    sourceVmId: string,
    from: number,
    to: number,
    signal?: AbortSignal,
  ): Promise<HardwareComparison>
  managedVms(query: Partial<VmQuery>, signal?: AbortSignal): Promise<ManagedVmList>
  manageVm(sourceVmId: string): Promise<ManagedVmView>
  manageVms(sourceVmIds: readonly string[]): Promise<AddOutcome[]>
  unmanageVm(sourceVmId: string): Promise<void>
  jobs(signal?: AbortSignal): Promise<JobView[]>
  job(id: string, signal?: AbortSignal): Promise<JobDetailView>
  createJob(body: CreateJob): Promise<JobDetailView>
  changeJob(id: string, change: ChangeJob): Promise<JobDetailView>
  /** Its pass stays where it is, and it starts none. */
  pauseJob(id: string): Promise<JobDetailView>
  resumeJob(id: string): Promise<JobDetailView>
  /** Its pass ends as it would, and it starts none. */
  stopJob(id: string): Promise<JobDetailView>
  allowPasses(id: string): Promise<JobDetailView>
  /** Its volumes become, and stay, the last recovery point; `replica` says whether they are. */
  goBack(id: string): Promise<JobDetailView>
  /** Of a stopped job; gives the volumes that stay. */
  deleteJob(id: string): Promise<LeftVolumes>
  startPass(jobId: string, mode?: PassMode): Promise<PassView>
  passes(jobId: string, signal?: AbortSignal): Promise<PassView[]>
  pass(id: string, signal?: AbortSignal): Promise<PassDetailView>
  cancelPass(id: string): Promise<PassView>
  /** Compares the volumes with the source now. */
  startVerification(jobId: string, wanted?: NonNullable<StartVerification>): Promise<VerificationView>
  /** Newest first. */
  verifications(jobId: string, signal?: AbortSignal): Promise<VerificationView[]>
  verification(id: string, signal?: AbortSignal): Promise<VerificationView>
  cancelVerification(id: string): Promise<VerificationView>
  cloudstackCertificate(body: Static<typeof CertificateRequest>): Promise<CertificateView>
  discoverCloudstack(body: DiscoverRequest, signal?: AbortSignal): Promise<ResourcesView>
  cloudstackConfiguration(signal?: AbortSignal): Promise<ConfigurationView>
  saveCloudstackConfiguration(body: SaveConfiguration): Promise<ConfigurationView>
  validateCloudstack(signal?: AbortSignal): Promise<ValidationView>
}

export const segment = encodeURIComponent

export function queryText(query: Readonly<Record<string, string | number | boolean>>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${segment(String(value))}`)
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

export type Call = <T>(method: Method, path: string, body?: unknown, signal?: AbortSignal) => Promise<T>

/** The body of a good reply; a refused request rejects with the AppError the agent named. */
export const callerOf =
  (send: Send): Call =>
  async <T>(...request: Parameters<Call>): Promise<T> => {
    const [method, path, body, signal] = request
    const reply = await send(method, path, body, signal)
    if (reply.status >= 400) throw errorFromReply(reply.status, reply.body)
    return reply.body as T
  }

/** `send` decides the transport: the agent's unix socket in the product. */
export function operatorClient(send: Send): OperatorClient {
  const call = callerOf(send)
  return {
    status: signal => call('GET', '/v1/status', undefined, signal),
    sourceVms: (after, signal) =>
      call('GET', `/v1/source-vms${queryText(after === undefined ? {} : { after })}`, undefined, signal),
    findVms: (query, signal) => call('GET', `/v1/source-vms${queryText(query)}`, undefined, signal),
    managedVms: (query, signal) => call('GET', `/v1/managed-vms${queryText(query)}`, undefined, signal),
    manageVm: sourceVmId => call('POST', '/v1/managed-vms', { sourceVmId }),
    manageVms: async sourceVmIds =>
      (await call<Static<typeof AddOutcomes>>('POST', '/v1/managed-vms/bulk', { sourceVmIds })).items,
    unmanageVm: async sourceVmId => {
      await call('DELETE', `/v1/managed-vms/${segment(sourceVmId)}`)
    },
    jobs: async signal =>
      (await call<Static<typeof JobList>>('GET', '/v1/replication-jobs', undefined, signal)).items,
    job: (id, signal) => call('GET', `/v1/replication-jobs/${segment(id)}`, undefined, signal),
    createJob: body => call('POST', '/v1/replication-jobs', body),
    changeJob: (id, change) => call('PATCH', `/v1/replication-jobs/${segment(id)}`, change),
    pauseJob: id => call('PUT', `/v1/replication-jobs/${segment(id)}/pause`),
    resumeJob: id => call('DELETE', `/v1/replication-jobs/${segment(id)}/pause`),
    stopJob: id => call('PUT', `/v1/replication-jobs/${segment(id)}/stop`),
    allowPasses: id => call('DELETE', `/v1/replication-jobs/${segment(id)}/stop`),
    goBack: id => call('POST', `/v1/replication-jobs/${segment(id)}/go-back`),
    deleteJob: id => call('DELETE', `/v1/replication-jobs/${segment(id)}`),
    startPass: (jobId, mode) =>
      call(
        'POST',
        `/v1/replication-jobs/${segment(jobId)}/passes`,
        mode === undefined ? undefined : { mode },
      ),
    runPreflight: vm => call('POST', `/v1/source-vms/${segment(vm)}/preflight`),
    hardwareVersions: async (vm, signal) =>
      (
        await call<HardwareVersionList>(
          'GET',
          `/v1/source-vms/${segment(vm)}/hardware-versions`,
          undefined,
          signal,
        )
      ).items,
    hardwareVersion: (vm, version, signal) =>
      call('GET', `/v1/source-vms/${segment(vm)}/hardware-versions/${version}`, undefined, signal),
    compareHardware: (vm, from, to, signal) =>
      call(
        'GET',
        `/v1/source-vms/${segment(vm)}/hardware-comparison?from=${from}&to=${to}`,
        undefined,
        signal,
      ),
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
    startVerification: (jobId, wanted) =>
      call('POST', `/v1/replication-jobs/${segment(jobId)}/verifications`, wanted),
    verifications: async (jobId, signal) =>
      (
        await call<Static<typeof VerificationList>>(
          'GET',
          `/v1/replication-jobs/${segment(jobId)}/verifications`,
          undefined,
          signal,
        )
      ).items,
    verification: (id, signal) => call('GET', `/v1/verifications/${segment(id)}`, undefined, signal),
    cancelVerification: id => call('POST', `/v1/verifications/${segment(id)}/cancellation`),
    cloudstackCertificate: body => call('POST', '/v1/cloudstack/certificate', body),
    discoverCloudstack: (body, signal) => call('POST', '/v1/cloudstack/discovery', body, signal),
    cloudstackConfiguration: signal => call('GET', '/v1/cloudstack/configuration', undefined, signal),
    saveCloudstackConfiguration: body => call('PUT', '/v1/cloudstack/configuration', body),
    validateCloudstack: signal => call('POST', '/v1/cloudstack/validation', undefined, signal),
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
