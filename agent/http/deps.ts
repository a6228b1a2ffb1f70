import { type DiskCounters, type InventoryPage, type SourceReport } from '../api/worker.js'
import {
  type HardwareComparison,
  type HardwareVersionDetail,
  type HardwareVersionList,
} from '../api/hardware.js'
import { type PreflightView } from '../api/preflight.js'
import {
  type ChangeJob,
  type CreateJob,
  type JobDetailView,
  type JobView,
  type LeftVolumes,
  type PassDetailView,
  type PassMode,
  type PassView,
  type StatusView,
  type SourceVmList,
} from '../api/schemas.js'
import { type StartVerification, type VerificationView } from '../api/verification.js'
import { type RemovalPlan, type RemovedVm, type RemoveVm } from '../api/vm-removal.js'
import { type AddOutcome, type ManagedVmList, type ManagedVmView, type VmQuery } from '../api/source-vms.js'

/** What the operator sees, read from the journal: nothing here is stored for being shown. */
export interface Views {
  readonly status: () => Promise<StatusView>
  readonly sourceVms: (query: VmQuery) => Promise<SourceVmList>
  readonly managedVms: (query: VmQuery) => Promise<ManagedVmList>
  readonly managedVm: (id: string) => Promise<ManagedVmView>
  readonly jobs: () => Promise<JobView[]>
  readonly job: (id: string) => Promise<JobDetailView>
  readonly passes: (jobId: string) => Promise<PassView[]>
  readonly pass: (id: string) => Promise<PassDetailView>
}

/** What an operator asks for, each in one transaction. Nothing here waits for the work itself. */
export interface JobAdmin {
  /** Rejects with SOURCE_VM_UNKNOWN, JOB_EXISTS or REQUEST_INVALID. */
  readonly createJob: (body: CreateJob) => Promise<string>
  /** Rejects with NOT_FOUND. Holds from the next snapshot on. */
  readonly changeJob: (jobId: string, change: ChangeJob) => Promise<void>
  /** Repeatable. A paused job holds its pass where it is, a stopped one lets it end; neither starts one. Rejects with NOT_FOUND. */
  readonly holdBack: (jobId: string, what: 'pause' | 'stop', isOn: boolean) => Promise<void>
  /** The volumes stay. Rejects with NOT_FOUND, JOB_NOT_STOPPED or JOB_BUSY. */
  readonly deleteJob: (jobId: string) => Promise<LeftVolumes>
  readonly jobOfVm: (sourceVmId: string) => Promise<string | undefined>
  /** Records pass and saga; the saga runner takes it up. Rejects with NOT_FOUND, JOB_PAUSED, JOB_STOPPED, FAILOVER_COMMITTED or JOB_BUSY. */
  readonly startPass: (
    jobId: string,
    mode: PassMode,
  ) => Promise<{ readonly passId: string; readonly sagaId: string }>
  /**
   * Makes the volumes of the job the last recovery point and leaves them so; see JobView.replica for when they are. Gives
   * the saga to cancel, or to try at once. Rejects with NOT_FOUND or JOB_HAS_NO_POINT.
   */
  readonly goBack: (
    jobId: string,
  ) => Promise<{ readonly sagaId: string; readonly what: 'cancel' | 'finish' } | undefined>
  /** Records the wish; a pass that has ended or was committed is not cancelled any more, which is no error. */
  readonly requestCancel: (passId: string) => Promise<{ readonly sagaId: string }>
}

/** What VMs were made of at the passes that found it changed, newest first. Rejects with NOT_FOUND. */
export interface HardwareHistory {
  readonly versions: (sourceVmId: string) => Promise<HardwareVersionList['items']>
  readonly version: (sourceVmId: string, version: number) => Promise<HardwareVersionDetail>
  readonly compare: (sourceVmId: string, from: number, to: number) => Promise<HardwareComparison>
}

/** Comparisons of a job's volumes with their source. */
export interface VerificationAdmin {
  /** Records it; the saga runner takes it up. Rejects with NOT_FOUND, JOB_HAS_NO_POINT or JOB_BUSY. */
  readonly start: (jobId: string, wanted: NonNullable<StartVerification>) => Promise<string>
  /** Newest first. */
  readonly list: (jobId: string) => Promise<VerificationView[]>
  readonly one: (id: string) => Promise<VerificationView>
  readonly requestCancel: (id: string) => Promise<{ readonly sagaId: string }>
}

/** Looks for what speaks against replicating a VM. */
export interface Preflights {
  /** Waits for a VMA. Rejects with SOURCE_VM_UNKNOWN, WORKER_ABSENT or what the VMA met. */
  readonly run: (sourceVmId: string) => Promise<void>
  /** The newest check; rejects with NOT_FOUND. */
  readonly last: (sourceVmId: string) => Promise<PreflightView>
}

/** VMs an operator has chosen. Nothing is replicated by choosing. */
export interface ManagedVms {
  /** Rejects with SOURCE_VM_UNKNOWN. */
  readonly add: (sourceVmId: string) => Promise<'added' | 'already-managed'>
  /** One outcome for each id, in their order; one that fails leaves the others added. */
  readonly addAll: (sourceVmIds: readonly string[]) => Promise<AddOutcome[]>
  /** Rejects with NOT_FOUND or VM_HAS_JOB. */
  readonly remove: (sourceVmId: string) => Promise<void>
}

/** A VM leaves management with its job; first it is said what goes. Both reject with NOT_FOUND. */
export interface VmRemoval {
  readonly plan: (sourceVmId: string) => Promise<RemovalPlan>
  /** Rejects with REMOVAL_PLAN_CHANGED, or with the first blocker of the plan; nothing is changed then. */
  readonly remove: (sourceVmId: string, wanted: RemoveVm) => Promise<RemovedVm>
}

/** What VMAs report besides the outcome of their tasks. Each method is one transaction. */
export interface WorkerReports {
  /** A VMA of this version was heard just now. */
  readonly seen: (version: string | null) => Promise<void>
  /** A VMA that does not fit this OMA was turned away. */
  readonly refused: (why: string) => Promise<void>
  readonly sourceReport: (report: SourceReport) => Promise<void>
  /** After the last page of a scan, VMs the scan did not name are gone. */
  readonly inventoryPage: (page: InventoryPage) => Promise<void>
  /** Counts only while the task is leased and its pass copies. */
  readonly progress: (taskId: string, disks: readonly DiskCounters[]) => Promise<void>
}
