import type { Static } from 'typebox'
import { callerOf, queryText, segment, type Send } from './client.js'
import type {
  CloudVolumeList,
  CloudVolumeView,
  LocalDeviceView,
  LocalExportList,
  LocalExportView,
  RequestVolumeOperation,
  VolumeFindingList,
  VolumeFindingView,
  VolumeHealthView,
  VolumeMetricsView,
  VolumeOperationList,
  VolumeOperationQuery,
  VolumeOperationView,
  VolumeStatusView,
  VolumeSyncView,
} from './volumes.js'

/** The part of the operator's API that is about volumes. */
export interface VolumeClient {
  /** Gives the operation recorded for the key; it goes on by itself. */
  operate(request: RequestVolumeOperation): Promise<VolumeOperationView>
  operation(id: string, signal?: AbortSignal): Promise<VolumeOperationView>
  operations(query?: Partial<VolumeOperationQuery>): Promise<readonly VolumeOperationView[]>
  status(id: string, signal?: AbortSignal): Promise<VolumeStatusView>
  device(id: string, signal?: AbortSignal): Promise<LocalDeviceView>
  ofDevice(name: string, signal?: AbortSignal): Promise<CloudVolumeView>
  ofVm(vmId: string, signal?: AbortSignal): Promise<readonly CloudVolumeView[]>
  exports(signal?: AbortSignal): Promise<readonly LocalExportView[]>
  sync(): Promise<VolumeSyncView>
  /** As the last look found them. */
  findings(signal?: AbortSignal): Promise<readonly VolumeFindingView[]>
  removeOrphan(
    kind: 'orphan-volume' | 'orphan-export' | 'orphan-snapshot',
    subject: string,
  ): Promise<VolumeOperationView>
  health(signal?: AbortSignal): Promise<VolumeHealthView>
  metrics(signal?: AbortSignal): Promise<VolumeMetricsView>
}

export function volumeClient(send: Send): VolumeClient {
  const call = callerOf(send)
  return {
    operate: request => call('POST', '/v1/volume-operations', request),
    operation: (id, signal) => call('GET', `/v1/volume-operations/${segment(id)}`, undefined, signal),
    operations: async (query = {}) =>
      (await call<Static<typeof VolumeOperationList>>('GET', `/v1/volume-operations${queryText(query)}`))
        .items,
    status: (id, signal) => call('GET', `/v1/volumes/${segment(id)}`, undefined, signal),
    device: (id, signal) => call('GET', `/v1/volumes/${segment(id)}/device`, undefined, signal),
    ofDevice: (name, signal) => call('GET', `/v1/devices/${segment(name)}/volume`, undefined, signal),
    ofVm: async (vmId, signal) =>
      (
        await call<Static<typeof CloudVolumeList>>(
          'GET',
          `/v1/target-vms/${segment(vmId)}/volumes`,
          undefined,
          signal,
        )
      ).items,
    exports: async signal =>
      (await call<Static<typeof LocalExportList>>('GET', '/v1/exports', undefined, signal)).items,
    sync: () => call('POST', '/v1/volume-sync'),
    findings: async signal =>
      (await call<Static<typeof VolumeFindingList>>('GET', '/v1/volume-findings', undefined, signal)).items,
    removeOrphan: (kind, subject) =>
      call('POST', `/v1/volume-findings/${segment(kind)}/${segment(subject)}/removal`),
    health: signal => call('GET', '/v1/volume-health', undefined, signal),
    metrics: signal => call('GET', '/v1/volume-metrics', undefined, signal),
  }
}
