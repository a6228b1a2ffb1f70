import { type FailoverKind, type FailoverOptions } from '../domain/failover.js'
import { type JobId, type SourceVmId } from '../domain/ids.js'
import {
  type FailoverDeps,
  type PointState,
  type SourceFacts,
  type SourcePower,
  type TargetFacts,
  type TargetVolume,
} from './deps.js'

export interface PreflightRequest {
  /** Of a run that has begun; null: it would get one. */
  readonly id: string | null
  readonly kind: FailoverKind
  readonly jobId: JobId
  readonly sourceVmId: SourceVmId
  readonly vmName: string
  readonly options: FailoverOptions
}

/** What was looked at. The judgement of it is pure. */
export interface PreflightFacts {
  readonly source: SourceFacts
  readonly networks: Awaited<ReturnType<FailoverDeps['store']['networks']>>
  readonly point: PointState
  readonly target: TargetFacts
  /** By volume id; undefined: CloudStack has none. */
  readonly volumes: ReadonlyMap<string, TargetVolume | undefined>
  readonly applianceVmId: string
  readonly power:
    | { readonly kind: 'known'; readonly power: SourcePower; readonly toolsRunning: boolean }
    | { readonly kind: 'unknown'; readonly why: string }
}
