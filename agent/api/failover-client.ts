import { type Static } from 'typebox'
import { callerOf, queryText, segment, type Send } from './client.js'
import {
  type ExplainFailover,
  type ExplanationView,
  type FailoverDetailView,
  type FailoverList,
  type FailoverView,
  type NetworkMappingView,
  type ReplaceNetworks,
  type StartFailover,
} from './failover.js'

/** The part of the operator's API that is about failovers. */
export interface FailoverClient {
  networks(sourceVmId: string, signal?: AbortSignal): Promise<NetworkMappingView>
  mapNetworks(sourceVmId: string, items: ReplaceNetworks['items']): Promise<NetworkMappingView>
  /** Changes nothing. */
  explain(sourceVmId: string, request: ExplainFailover): Promise<ExplanationView>
  /** Gives the one that goes on, where the same was asked for before. */
  start(sourceVmId: string, request: StartFailover): Promise<FailoverDetailView>
  failovers(sourceVmId?: string, signal?: AbortSignal): Promise<readonly FailoverView[]>
  failover(id: string, signal?: AbortSignal): Promise<FailoverDetailView>
  cancel(id: string): Promise<FailoverDetailView>
  commit(id: string): Promise<FailoverDetailView>
  rollBack(id: string, vmName: string): Promise<FailoverDetailView>
  cleanUp(id: string): Promise<FailoverDetailView>
}

export function failoverClient(send: Send): FailoverClient {
  const call = callerOf(send)
  const ofVm = (vm: string, path: string): string => `/v1/source-vms/${segment(vm)}/${path}`
  const act = (id: string, action: string, body?: unknown): Promise<FailoverDetailView> =>
    call('POST', `/v1/failovers/${segment(id)}/${action}`, body)
  return {
    networks: (vm, signal) => call('GET', ofVm(vm, 'failover-networks'), undefined, signal),
    mapNetworks: (vm, items) => call('PUT', ofVm(vm, 'failover-networks'), { items }),
    explain: (vm, request) => call('POST', ofVm(vm, 'failover-explanation'), request),
    start: (vm, request) => call('POST', ofVm(vm, 'failovers'), request),
    failovers: async (vm, signal) => {
      const query = queryText(vm === undefined ? {} : { sourceVmId: vm })
      return (await call<Static<typeof FailoverList>>('GET', `/v1/failovers${query}`, undefined, signal))
        .items
    },
    failover: (id, signal) => call('GET', `/v1/failovers/${segment(id)}`, undefined, signal),
    cancel: id => act(id, 'cancellation'),
    commit: id => act(id, 'commit'),
    rollBack: (id, vmName) => act(id, 'rollback', { vmName }),
    cleanUp: id => act(id, 'clean-up'),
  }
}
