import {
  type ChangeGroup,
  type CreateGroup,
  type GroupDetailView,
  type GroupView,
  type PutMember,
  type RpoFindingView,
} from '../api/groups.js'
import {
  type EntryView,
  type RoundDetailView,
  type RoundList,
  type RoundQuery,
  type SchedulerView,
} from '../api/rounds.js'
import {
  type ChangeSchedule,
  type CreateSchedule,
  type PreviewRequest,
  type PreviewView,
  type ScheduleView,
} from '../api/schedules.js'

/** What operators do with schedules; nothing here waits for passes. */
export interface ScheduleAdmin {
  /** Rejects with REQUEST_INVALID, which says where; NOT_FOUND for the group; or NAME_TAKEN. */
  readonly create: (body: CreateSchedule) => Promise<string>
  /** Holds at once. Slots of the time while it was disabled are none. Rejects as `create` does. */
  readonly change: (id: string, change: ChangeSchedule) => Promise<void>
  /** Its rounds stay in the history. Rejects with NOT_FOUND. */
  readonly remove: (id: string) => Promise<void>
  /** A round now, beside the slots; also of a disabled schedule. */
  readonly run: (id: string) => Promise<string>
  /** Throws REQUEST_INVALID, which says where. */
  readonly preview: (request: PreviewRequest) => PreviewView
}

export interface GroupAdmin {
  /** Rejects with REQUEST_INVALID or NAME_TAKEN. */
  readonly create: (body: CreateGroup) => Promise<string>
  readonly change: (id: string, change: ChangeGroup) => Promise<void>
  /** Rejects with NOT_FOUND or GROUP_IN_USE. */
  readonly remove: (id: string) => Promise<void>
  /** Puts the job in, or changes how it is in; what is left out stays. Rejects with NOT_FOUND. */
  readonly putMember: (id: string, jobId: string, member: NonNullable<PutMember>) => Promise<void>
  readonly removeMember: (id: string, jobId: string) => Promise<void>
  /** A round of all its VMs now. */
  readonly run: (id: string) => Promise<string>
  /** Takes a VM that waits out of the queue; one that has its outcome stays. Rejects with NOT_FOUND or JOB_BUSY. */
  readonly withdraw: (roundId: string, jobId: string) => Promise<void>
}

export interface ScheduleViews {
  readonly schedules: () => Promise<ScheduleView[]>
  readonly schedule: (id: string) => Promise<ScheduleView>
  readonly groups: () => Promise<GroupView[]>
  readonly group: (id: string) => Promise<GroupDetailView>
  readonly rounds: (query: RoundQuery) => Promise<RoundList>
  readonly round: (id: string) => Promise<RoundDetailView>
  /** In the order in which they start. */
  readonly queue: () => Promise<EntryView[]>
  /** Newest first. */
  readonly rpoFindings: () => Promise<RpoFindingView[]>
  readonly scheduler: () => Promise<SchedulerView>
}

export interface Scheduling {
  readonly schedules: ScheduleAdmin
  readonly groups: GroupAdmin
  readonly views: ScheduleViews
}
