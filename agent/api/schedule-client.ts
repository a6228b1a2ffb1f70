import { type Static } from 'typebox'
import { callerOf, queryText, segment, type Send } from './client.js'
import {
  type ChangeGroup,
  type CreateGroup,
  type GroupDetailView,
  type GroupList,
  type GroupView,
  type PutMember,
  type RpoFindingList,
  type RpoFindingView,
} from './groups.js'
import {
  type EntryView,
  type QueueView,
  type RoundDetailView,
  type RoundList,
  type RoundQuery,
  type SchedulerView,
} from './rounds.js'
import {
  type ChangeSchedule,
  type CreateSchedule,
  type PreviewRequest,
  type PreviewView,
  type ScheduleList,
  type ScheduleView,
} from './schedules.js'

/** The part of the operator's API that is about schedules, groups and rounds. */
export interface ScheduleClient {
  schedules(signal?: AbortSignal): Promise<readonly ScheduleView[]>
  schedule(id: string, signal?: AbortSignal): Promise<ScheduleView>
  createSchedule(body: CreateSchedule): Promise<ScheduleView>
  changeSchedule(id: string, change: ChangeSchedule): Promise<ScheduleView>
  deleteSchedule(id: string): Promise<void>
  /** The next five fires; a pattern that cannot be read rejects with REQUEST_INVALID, which says where. */
  preview(request: PreviewRequest): Promise<PreviewView>
  runSchedule(id: string): Promise<RoundDetailView>
  groups(signal?: AbortSignal): Promise<readonly GroupView[]>
  group(id: string, signal?: AbortSignal): Promise<GroupDetailView>
  createGroup(body: CreateGroup): Promise<GroupDetailView>
  changeGroup(id: string, change: ChangeGroup): Promise<GroupDetailView>
  deleteGroup(id: string): Promise<void>
  putMember(id: string, jobId: string, member?: NonNullable<PutMember>): Promise<GroupDetailView>
  removeMember(id: string, jobId: string): Promise<void>
  runGroup(id: string): Promise<RoundDetailView>
  /** Newest first. */
  rounds(query?: Partial<RoundQuery>, signal?: AbortSignal): Promise<RoundList>
  round(id: string, signal?: AbortSignal): Promise<RoundDetailView>
  /** In the order in which they start. */
  queue(signal?: AbortSignal): Promise<readonly EntryView[]>
  withdraw(roundId: string, jobId: string): Promise<RoundDetailView>
  rpoFindings(signal?: AbortSignal): Promise<readonly RpoFindingView[]>
  scheduler(signal?: AbortSignal): Promise<SchedulerView>
}

export function scheduleClient(send: Send): ScheduleClient {
  const call = callerOf(send)
  const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call('GET', path, undefined, signal)
  const schedule = (id: string): string => `/v1/schedules/${segment(id)}`
  const group = (id: string): string => `/v1/groups/${segment(id)}`
  const member = (id: string, jobId: string): string => `${group(id)}/members/${segment(jobId)}`
  return {
    schedules: async signal => (await get<Static<typeof ScheduleList>>('/v1/schedules', signal)).items,
    schedule: (id, signal) => get(schedule(id), signal),
    createSchedule: body => call('POST', '/v1/schedules', body),
    changeSchedule: (id, change) => call('PATCH', schedule(id), change),
    deleteSchedule: async id => {
      await call('DELETE', schedule(id))
    },
    preview: request => call('POST', '/v1/schedule-previews', request),
    runSchedule: id => call('POST', `${schedule(id)}/rounds`),
    groups: async signal => (await get<Static<typeof GroupList>>('/v1/groups', signal)).items,
    group: (id, signal) => get(group(id), signal),
    createGroup: body => call('POST', '/v1/groups', body),
    changeGroup: (id, change) => call('PATCH', group(id), change),
    deleteGroup: async id => {
      await call('DELETE', group(id))
    },
    putMember: (id, jobId, wanted) => call('PUT', member(id, jobId), wanted),
    removeMember: async (id, jobId) => {
      await call('DELETE', member(id, jobId))
    },
    runGroup: id => call('POST', `${group(id)}/rounds`),
    rounds: (query = {}, signal) => get(`/v1/rounds${queryText(query)}`, signal),
    round: (id, signal) => get(`/v1/rounds/${segment(id)}`, signal),
    queue: async signal => (await get<Static<typeof QueueView>>('/v1/round-queue', signal)).items,
    withdraw: (roundId, jobId) => call('DELETE', `/v1/rounds/${segment(roundId)}/entries/${segment(jobId)}`),
    rpoFindings: async signal => (await get<Static<typeof RpoFindingList>>('/v1/rpo-findings', signal)).items,
    scheduler: signal => get('/v1/scheduler', signal),
  }
}
