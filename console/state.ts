import type {
  JobDetailView,
  JobView,
  PassDetailView,
  PassView,
  SourceVmView,
  StatusView,
} from '../agent/api/schemas.js'
import type { FormState } from './form.js'
import type { Feature, FormPage, PageParams, Question, Task } from './page.js'
import type { OwnSection } from './sections.js'
import type { Block } from './view.js'
import type { LineEdit } from './line-edit.js'
import { emptyPart, type Failure, type Part } from './part.js'
import { tableState, type TableState } from './table.js'
import type { Tier } from './tier.js'

export interface Data {
  readonly status: Part<StatusView>
  readonly vms: Part<readonly SourceVmView[]>
  readonly jobs: Part<readonly JobView[]>
  readonly job: Part<JobDetailView>
  readonly passes: Part<readonly PassView[]>
  readonly pass: Part<PassDetailView>
}

export type PartName = keyof Data

export interface PartRequest {
  readonly name: PartName
  readonly key: string
}

export type Link =
  | { readonly kind: 'starting' }
  | { readonly kind: 'up' }
  | {
      readonly kind: 'away'
      readonly sinceMs: number
      readonly retryAtMs: number
      readonly attempts: number
      readonly reason: string
    }

export interface Polling {
  /** Number of the poll under way; null when none is. */
  readonly inFlight: number | null
  readonly lastNumber: number
  readonly nextAtMs: number
  /** The operator asked for the inventory before it is due. */
  readonly inventoryWanted: boolean
}

export type Screen =
  | { readonly kind: OwnSection }
  | PageScreen
  | { readonly kind: 'vm'; readonly vmId: string }
  | {
      readonly kind: 'job'
      readonly jobId: string
      readonly focus: 'passes' | 'steps'
      readonly from: Screen
    }

export interface PageScreen {
  readonly kind: 'page'
  readonly page: string
  readonly params: PageParams
  readonly from: Screen
  /** The table and marks of the page it was opened from, for the way back. */
  readonly fromTable: TableState
}

/** What changes something at the agent, or asks it for more than a reading. */
export type Deed =
  | { readonly kind: 'task'; readonly task: Task }
  | { readonly kind: 'start-replication'; readonly vmId: string; readonly vmName: string }
  | { readonly kind: 'start-pass'; readonly jobId: string; readonly vmName: string }
  | {
      readonly kind: 'cancel-pass'
      readonly passId: string
      readonly number: number
      readonly vmName: string
    }
  | {
      readonly kind: 'hold-back'
      readonly jobId: string
      readonly vmName: string
      readonly what: 'pause' | 'stop'
      /** False: it is taken back. */
      readonly isOn: boolean
    }

/** A word to be typed before the other button of a dialog does anything. */
export interface TypedWord {
  readonly wanted: string
  readonly line: LineEdit
}

export const isTyped = (word: TypedWord | null): boolean => word === null || word.line.text === word.wanted

export type Overlay =
  | { readonly kind: 'help' }
  /** `failure`: why the agent refused what was submitted. */
  | {
      readonly kind: 'form'
      readonly page: FormPage
      readonly form: FormState
      readonly failure: Failure | null
    }
  | {
      readonly kind: 'question'
      readonly question: Question
      readonly button: 0 | 1
      readonly typed: TypedWord | null
    }
  | { readonly kind: 'report'; readonly title: string; readonly body: readonly Block[] }
  | { readonly kind: 'filter'; readonly line: LineEdit; readonly before: string }
  /** `button` 0 is always the one that changes nothing. */
  | {
      readonly kind: 'confirm'
      readonly deed: Deed
      readonly button: 0 | 1
      readonly typed: TypedWord | null
    }
  | { readonly kind: 'failure'; readonly title: string; readonly failure: Failure }

/** An address this appliance can be reached at. */
export interface OwnAddress {
  readonly interfaceName: string
  readonly address: string
}

/** What all running passes moved together; null: a pass runs and no rate is known yet. */
export interface RateSample {
  readonly atMs: number
  readonly bytesPerSec: bigint | null
}

export interface Message {
  readonly text: string
  readonly tone: 'plain' | 'good' | 'warn' | 'bad'
  readonly atMs: number
}

export type TableName =
  'page' | 'attention' | 'messages' | 'about' | 'vms' | 'jobs' | 'disks' | 'passes' | 'steps' | 'help'

export interface State {
  readonly size: { readonly cols: number; readonly rows: number }
  readonly tier: Tier
  /** What this terminal can do; Ctrl-T goes round them. */
  readonly tiersOffered: readonly Tier[]
  readonly hostName: string
  /** The console's clock at the last tick. */
  readonly nowMs: number
  /** The agent's clock minus the console's. Ages and the clock on the screen are the agent's. */
  readonly skewMs: number
  readonly link: Link
  readonly polling: Polling
  readonly data: Data
  readonly screen: Screen
  readonly overlay: Overlay | null
  readonly tables: Readonly<Record<TableName, TableState>>
  /** Null: not known. */
  readonly addresses: readonly OwnAddress[] | null
  /** Newest last, one per poll. */
  readonly rates: readonly RateSample[]
  /** In the message line; it leaves after a while. */
  readonly message: Message | null
  /** All that was said in this session, newest last, at most `keptMessages`. */
  readonly messages: readonly Message[]
  /** Null until they are loaded, which is after the first screen was drawn. */
  readonly features: readonly Feature[] | null
  /** What pages read, by key of the reading. */
  readonly readings: Readonly<Record<string, Part<unknown>>>
  /** Keys of readings that are under way. */
  readonly asking: readonly string[]
  /** Ids of the rows of the page that were marked. */
  readonly marks: readonly string[]
  /** Sent to the agent and not answered yet. */
  readonly deed: Deed | null
}

export function initialState(start: {
  readonly cols: number
  readonly rows: number
  readonly tier: Tier
  readonly tiersOffered: readonly Tier[]
  readonly hostName: string
  readonly nowMs: number
}): State {
  return {
    size: { cols: start.cols, rows: start.rows },
    tier: start.tier,
    tiersOffered: start.tiersOffered,
    hostName: start.hostName,
    nowMs: start.nowMs,
    skewMs: 0,
    link: { kind: 'starting' },
    polling: { inFlight: null, lastNumber: 0, nextAtMs: start.nowMs, inventoryWanted: false },
    data: {
      status: emptyPart(),
      vms: emptyPart(),
      jobs: emptyPart(),
      job: emptyPart(),
      passes: emptyPart(),
      pass: emptyPart(),
    },
    addresses: null,
    rates: [],
    screen: { kind: 'home' },
    overlay: null,
    tables: {
      page: tableState(-1),
      attention: tableState(-1),
      messages: tableState(-1),
      about: tableState(-1),
      vms: tableState(0),
      jobs: tableState(0),
      disks: tableState(-1),
      passes: tableState(-1),
      steps: tableState(-1),
      help: tableState(-1),
    },
    message: null,
    messages: [],
    features: null,
    readings: {},
    asking: [],
    marks: [],
    deed: null,
  }
}

/** The agent's clock. */
export const agentNowMs = (state: State): number => state.nowMs + state.skewMs

export const jobOfVm = (state: State, vmId: string): JobView | null =>
  state.data.jobs.value?.find(job => job.sourceVmId === vmId) ?? null

export const jobById = (state: State, jobId: string): JobView | null =>
  state.data.jobs.value?.find(job => job.id === jobId) ?? null

export const vmById = (state: State, vmId: string): SourceVmView | null =>
  state.data.vms.value?.find(vm => vm.id === vmId) ?? null

/** The part when it is the one of `key`, and not what an earlier screen left. */
export const partFor = <T>(part: Part<T>, key: string): Part<T> =>
  part.key === key ? part : emptyPart<T>(key)

/** The job the screen is about; null on lists, and for a VM without one. */
export function shownJob(state: State): JobView | null {
  switch (state.screen.kind) {
    case 'vm':
      return jobOfVm(state, state.screen.vmId)
    case 'job':
      return jobById(state, state.screen.jobId)
    case 'home':
    case 'vms':
    case 'jobs':
    case 'messages':
    case 'about':
    case 'page':
      return null
  }
}

/** The pass whose disks and steps the screen shows; null when there is none. */
export function shownPassId(state: State): string | null {
  const { screen } = state
  if (screen.kind === 'vm') {
    const job = jobOfVm(state, screen.vmId)
    return job?.currentPass?.id ?? job?.lastPass?.id ?? null
  }
  if (screen.kind !== 'job') return null
  const passes = partFor(state.data.passes, screen.jobId).value ?? []
  const chosen = passes.find(pass => pass.id === state.tables.passes.selectedId)
  return chosen?.id ?? newestFirst(passes)[0]?.id ?? null
}

export const newestFirst = (passes: readonly PassView[]): readonly PassView[] =>
  [...passes].sort((a, b) => b.number - a.number)
