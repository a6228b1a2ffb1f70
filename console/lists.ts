import type { JobView, PassView, SourceVmView } from '../agent/api/schemas.js'
import { bindingId, bindingsFor } from './keymap.js'
import { licences } from './licences.js'
import { pageKeys, pageRows } from './page-lookup.js'
import { arrange, type TableSpec } from './table.js'
import {
  jobById,
  newestFirst,
  partFor,
  shownPassId,
  type Message,
  type State,
  type TableName,
} from './state.js'
import type { Tone } from './view.js'

/** The state of a VM or job in the operator's words; `mark` says how bad it is without colour. */
export interface StateWords {
  readonly mark: string
  readonly words: string
  readonly tone: Tone
  /** For ordering: the worst first. */
  readonly rank: number
}

const unknownState: StateWords = { mark: '?', words: 'unknown', tone: 'warn', rank: 2 }
const notReplicated: StateWords = { mark: '--', words: 'not replicated', tone: 'dim', rank: 11 }

export function jobStateWords(job: JobView): StateWords {
  switch (job.state) {
    case 'needs-operator':
      return { mark: '!!', words: 'needs operator', tone: 'bad', rank: 0 }
    case 'failed':
      return { mark: '!!', words: 'failed', tone: 'bad', rank: 1 }
    case 'cleaning-up':
      return { mark: '>', words: 'cleaning up', tone: 'warn', rank: 3 }
    case 'stopped':
      return { mark: '--', words: 'stopped', tone: 'warn', rank: 4 }
    case 'paused':
      return { mark: '--', words: 'paused', tone: 'warn', rank: 5 }
    case 'pausing':
      return { mark: '>', words: 'pausing', tone: 'warn', rank: 6 }
    case 'stopping':
      return { mark: '>', words: 'last pass', tone: 'warn', rank: 7 }
    case 'replicating':
      return { mark: '>', words: 'replicating', tone: 'accent', rank: 8 }
    case 'unprotected':
      return { mark: '!!', words: 'no recovery point', tone: 'bad', rank: 1 }
    case 'new':
      return { mark: '..', words: 'no copy yet', tone: 'warn', rank: 9 }
    case 'protected':
      return { mark: 'ok', words: 'protected', tone: 'good', rank: 10 }
  }
}

/** A VM whose job is named but not known (yet) is `unknown`, never `not replicated`. */
export function vmStateWords(vm: SourceVmView, job: JobView | null, jobsRead: boolean): StateWords {
  if (job !== null) return jobStateWords(job)
  return vm.jobId === null && jobsRead ? notReplicated : unknownState
}

export interface VmRow {
  readonly vm: SourceVmView
  readonly job: JobView | null
  readonly state: StateWords
}

/** Milliseconds; no recovery point sorts as the oldest. */
const pointMs = (job: JobView | null): number => Date.parse(job?.recoveryPointAt ?? '1970-01-01')

const byName = (name: string): string => name.toLowerCase()

export const vmColumns = ['Name', 'Power', 'State', 'Point age'] as const
const vmSpec: TableSpec<VmRow> = {
  id: row => row.vm.id,
  text: row => `${row.vm.name} ${row.state.words}`,
  fields: {
    name: row => row.vm.name,
    state: row => row.state.words,
    power: row => row.vm.power,
    id: row => row.vm.id,
  },
  sortKeys: [row => byName(row.vm.name), row => row.vm.power, row => row.state.rank, row => pointMs(row.job)],
}

export const jobColumns = ['VM', 'State', 'Point age'] as const
const jobSpec: TableSpec<JobView> = {
  id: job => job.id,
  text: job => `${job.vmName} ${jobStateWords(job).words}`,
  fields: {
    name: job => job.vmName,
    state: job => jobStateWords(job).words,
    id: job => job.id,
  },
  sortKeys: [job => byName(job.vmName), job => jobStateWords(job).rank, job => pointMs(job)],
}

/** The VMs as the list shows them: joined with their jobs, filtered, ordered. */
export function vmRows(state: State): readonly VmRow[] {
  const jobs = state.data.jobs.value
  const byVm = new Map((jobs ?? []).map(job => [job.sourceVmId, job]))
  const rows = (state.data.vms.value ?? []).map(vm => {
    const job = byVm.get(vm.id) ?? null
    return { vm, job, state: vmStateWords(vm, job, jobs !== null) }
  })
  return arrange(rows, vmSpec, state.tables.vms)
}

export const jobRows = (state: State): readonly JobView[] =>
  arrange(state.data.jobs.value ?? [], jobSpec, state.tables.jobs)

/** The passes of the job on the screen, newest first. */
export const passRows = (state: State): readonly PassView[] =>
  state.screen.kind === 'job' ? newestFirst(partFor(state.data.passes, state.screen.jobId).value ?? []) : []

export interface AttentionRow {
  /** Of the VM. */
  readonly id: string
  readonly name: string
  readonly job: JobView | null
  readonly state: StateWords
}

/** What an operator has to look at, worst first: broken jobs, also of VMs that left the inventory, and unknown states. */
export function attentionRows(state: State): readonly AttentionRow[] {
  const jobs = state.data.jobs.value
  const vms = state.data.vms.value ?? []
  const ofJobs = (jobs ?? [])
    .map(job => ({ job, state: jobStateWords(job) }))
    .filter(row => row.state.rank <= unknownState.rank)
    .map(row => ({
      id: row.job.sourceVmId,
      name: vms.find(vm => vm.id === row.job.sourceVmId)?.name ?? row.job.vmName,
      ...row,
    }))
  const withJob = new Set((jobs ?? []).map(job => job.sourceVmId))
  // Thousands of VMs in order are only passed by.
  const ofVms = vms
    .filter(vm => jobs === null || (vm.jobId !== null && !withJob.has(vm.id)))
    .map(vm => ({ id: vm.id, name: vm.name, job: null, state: vmStateWords(vm, null, jobs !== null) }))
  return [...ofJobs, ...ofVms].sort(
    (a, b) => a.state.rank - b.state.rank || (byName(a.name) < byName(b.name) ? -1 : 1),
  )
}

export interface MessageRow {
  readonly id: string
  readonly message: Message
}

/** Newest first, so that the newest stays in sight as they come. */
export const messageRows = (state: State): readonly MessageRow[] =>
  state.messages.map((message, at) => ({ id: `${message.atMs} ${at}`, message })).reverse()

/** What the arrow keys move in: the ids in the order shown, and the table they belong to. */
export function focusedTable(state: State): { readonly name: TableName; readonly ids: readonly string[] } {
  const { screen } = state
  if (state.overlay?.kind === 'help') return { name: 'help', ids: helpIds(state) }
  switch (screen.kind) {
    case 'home':
      return { name: 'attention', ids: attentionRows(state).map(row => row.id) }
    case 'messages':
      return { name: 'messages', ids: messageRows(state).map(row => row.id) }
    case 'about':
      return { name: 'about', ids: licences.map(row => row.name) }
    case 'vms':
      return { name: 'vms', ids: vmRows(state).map(row => row.vm.id) }
    case 'jobs':
      return { name: 'jobs', ids: jobRows(state).map(job => job.id) }
    case 'page':
      return { name: 'page', ids: pageRows(state).map(row => row.id) }
    case 'vm':
      return { name: 'disks', ids: diskKeys(state) }
    case 'job': {
      if (screen.focus === 'passes') return { name: 'passes', ids: passRows(state).map(pass => pass.id) }
      return { name: 'steps', ids: stepNames(state) }
    }
  }
}

function diskKeys(state: State): readonly string[] {
  const jobId = state.screen.kind === 'vm' ? state.data.job.key : ''
  return jobById(state, jobId) === null ? [] : (state.data.job.value?.disks.map(disk => disk.diskKey) ?? [])
}

function stepNames(state: State): readonly string[] {
  const passId = shownPassId(state)
  if (passId === null) return []
  return partFor(state.data.pass, passId).value?.steps.map(step => step.name) ?? []
}

/** The lines of the help page: the keys of the page first, as they are what differs. */
export const helpIds = (state: State): readonly string[] => [
  ...pageKeys(state).map(({ key }) => `page ${key}`),
  ...bindingsFor(state.screen.kind).map(bindingId),
]
