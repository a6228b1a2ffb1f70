import { type Static } from 'typebox'
import { callerOf, segment, type Send } from './client.js'
import {
  type OpenedPointView,
  type PointExportList,
  type PointList,
  type PointPolicyView,
  type PointsOfRound,
  type PointView,
  type RestoreView,
} from './points.js'

/** The part of the operator's API that is about recovery points. */
export interface PointClient {
  list(jobId: string, signal?: AbortSignal): Promise<PointList>
  /** Of every VM. */
  ofRound(roundId: string, signal?: AbortSignal): Promise<readonly PointView[]>
  changePolicy(jobId: string, policy: PointPolicyView): Promise<PointPolicyView>
  pin(pointId: string, pinned: boolean): Promise<PointView>
  remove(pointId: string): Promise<PointView>
  restoreTo(pointId: string, newerPoints: 'keep' | 'drop'): Promise<RestoreView>
  restore(id: string, signal?: AbortSignal): Promise<RestoreView>
  /** Serves the disks of a point, read only, until the lease ends. */
  open(pointId: string, leaseSeconds?: number): Promise<OpenedPointView>
  close(exportId: string): Promise<void>
  exports(signal?: AbortSignal): Promise<PointExportList['items']>
}

export function pointClient(send: Send): PointClient {
  const call = callerOf(send)
  const jobPath = (id: string): string => `/v1/replication-jobs/${segment(id)}`
  const pointPath = (id: string): string => `/v1/recovery-points/${segment(id)}`
  return {
    list: (jobId, signal) => call('GET', `${jobPath(jobId)}/recovery-points`, undefined, signal),
    ofRound: async (roundId, signal) =>
      (
        await call<Static<typeof PointsOfRound>>(
          'GET',
          `/v1/recovery-points?roundId=${segment(roundId)}`,
          undefined,
          signal,
        )
      ).items,
    changePolicy: (jobId, policy) => call('PUT', `${jobPath(jobId)}/point-policy`, policy),
    pin: (pointId, pinned) => call('PATCH', pointPath(pointId), { pinned }),
    remove: pointId => call('DELETE', pointPath(pointId)),
    restoreTo: (pointId, newerPoints) => call('POST', `${pointPath(pointId)}/restores`, { newerPoints }),
    restore: (id, signal) => call('GET', `/v1/restores/${segment(id)}`, undefined, signal),
    open: (pointId, leaseSeconds) =>
      call('POST', `${pointPath(pointId)}/exports`, leaseSeconds === undefined ? {} : { leaseSeconds }),
    close: async exportId => {
      await call('DELETE', `/v1/point-exports/${segment(exportId)}`)
    },
    exports: async signal =>
      (await call<PointExportList>('GET', '/v1/point-exports', undefined, signal)).items,
  }
}
