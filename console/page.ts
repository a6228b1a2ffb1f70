import type { Static, TSchema } from 'typebox'
import type { OperatorClient } from '../agent/api/client.js'
import type { JobView, SourceVmView } from '../agent/api/schemas.js'
import type { PointClient } from '../agent/api/point-client.js'
import type { VolumeClient } from '../agent/api/volume-client.js'
import type { FormSpec, Values } from './form.js'
import type { Part } from './part.js'
import type { Section } from './sections.js'
import type { Block, Column, TableCell } from './view.js'

/** What the kernel tells of this machine without a process being started: the console may start none. */
export interface MachineFacts {
  readonly cpuCount: number
  /** Of 1, 5 and 15 minutes. */
  readonly load: readonly number[]
  readonly upSeconds: number
  readonly memoryBytes: string
  readonly freeBytes: string
  readonly diskBytes: string
  readonly diskFreeBytes: string
}

/** The part of the operator's API that pages use, and their only way to the agent. It is waited for longer than polls. */
export interface PageClient extends Pick<
  OperatorClient,
  | 'status'
  | 'runPreflight'
  | 'hardwareVersions'
  | 'hardwareVersion'
  | 'compareHardware'
  | 'manageVms'
  | 'unmanageVm'
  | 'changeJob'
  | 'goBack'
  | 'deleteJob'
  | 'startPass'
  | 'startVerification'
  | 'verifications'
  | 'verification'
  | 'cancelVerification'
  | 'cloudstackCertificate'
  | 'discoverCloudstack'
  | 'cloudstackConfiguration'
  | 'saveCloudstackConfiguration'
  | 'validateCloudstack'
> {
  readonly volumes: Pick<
    VolumeClient,
    | 'operate'
    | 'operations'
    | 'status'
    | 'exports'
    | 'findings'
    | 'sync'
    | 'removeOrphan'
    | 'health'
    | 'metrics'
  >
  readonly points: Omit<PointClient, 'ofRound'>
  readonly machine: () => Promise<MachineFacts>
}

/** What a page is about: one object, or nothing (both empty). */
export interface PageParams {
  readonly id: string
  /** For the heading. */
  readonly name: string
}

/** One thing a page reads. What comes is checked against `schema` before the page sees it. */
export interface Read<Schema extends TSchema = TSchema> {
  /** Names object and kind: two readings of one key are one. */
  readonly key: string
  /** In the words of a failure: `the exports`. */
  readonly what: string
  readonly schema: Schema
  /** Null: when the page is opened, and when it is asked for. */
  readonly everyMs: number | null
  readonly ask: (client: PageClient, signal: AbortSignal) => Promise<unknown>
}

export interface PageContext {
  readonly params: PageParams
  /** The agent's clock. */
  readonly nowMs: number
  readonly hostName: string
  /** Null: not read yet. */
  readonly vms: readonly SourceVmView[] | null
  readonly jobs: readonly JobView[] | null
  /** In the order shown; empty where nothing can be marked. */
  readonly marked: readonly string[]
  readonly read: <Schema extends TSchema>(read: Read<Schema>) => Part<Static<Schema>>
}

export interface PageRow {
  readonly id: string
  /** Words the filter looks in. */
  readonly text: string
  /** By the names in `filterFields`. */
  readonly fields: Readonly<Record<string, string>>
  /** Made when they are drawn. */
  readonly cells: () => readonly TableCell[]
}

export interface PageTable {
  readonly columns: readonly Column[]
  readonly rows: (context: PageContext) => readonly PageRow[]
  readonly empty: (context: PageContext) => string
  readonly filterFields: readonly string[]
  readonly canMark: boolean
  /** Column it is ordered by at first; null: as the rows come. */
  readonly orderedBy: number | null
}

/** Something asked of the agent. `run` says what comes after it; its AppErrors are shown to the operator. */
export interface Task {
  /** `Detach of vol-1`, said when it was refused or nobody answered. */
  readonly what: string
  readonly run: (client: PageClient) => Promise<Next>
}

export interface FormPage {
  readonly title: string
  readonly spec: FormSpec
  readonly values: Values
  readonly submit: (values: Values) => Next
  /** What Esc and Back lead to; null: out of the form. */
  readonly back: ((values: Values) => FormPage) | null
}

/** A question before a task. With a word to be typed where something is lost. */
export interface Question {
  readonly title: string
  readonly body: readonly Block[]
  readonly keep: string
  readonly button: string
  readonly typedWord: string | null
  readonly task: Task
}

/** What comes after a key, a form or a task. */
export type Next =
  /** `text` is said in the message line. */
  | { readonly kind: 'open'; readonly page: string; readonly params: PageParams; readonly text?: string }
  | { readonly kind: 'form'; readonly form: FormPage }
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'task'; readonly task: Task }
  | { readonly kind: 'report'; readonly title: string; readonly body: readonly Block[] }
  /** Closes what is open over the page and reads it again. */
  | { readonly kind: 'done'; readonly text: string }
  /** Closes all pages: what they were about is gone. */
  | { readonly kind: 'gone'; readonly text: string }
  | { readonly kind: 'refused'; readonly why: string }

/** A key of a page. */
export interface PageAction {
  readonly key: string
  /** In the key line. */
  readonly label: string
  readonly help: string
  /** False leaves it out of the key line; pressing it then says why through `run`. */
  readonly isOffered: (context: PageContext, row: PageRow | null) => boolean
  readonly run: (context: PageContext, row: PageRow | null) => Next
}

/** What a screen that is no page is about. */
export interface Shown {
  readonly vm: SourceVmView | null
  readonly job: JobView | null
}

/** A key of another screen that leads to a page, or does something by itself. */
export interface PageLink {
  readonly from: readonly ('home' | 'vms' | 'vm' | 'jobs' | 'job')[]
  readonly key: string
  /** Null: only on the help page. */
  readonly label: string | null
  readonly help: string
  readonly isOffered: (shown: Shown) => boolean
  readonly run: (shown: Shown) => Next
}

/** A screen as data: what it reads, shows and can do. One file each; `pages/registry.ts` names them all. */
export interface Page {
  readonly name: string
  readonly title: string
  readonly section: Section
  /** For the help page. */
  readonly about: string
  readonly reads: (params: PageParams) => readonly Read[]
  readonly head: (context: PageContext) => readonly Block[]
  /** Null: the page has nothing to choose from. */
  readonly table: PageTable | null
  readonly foot: (context: PageContext, row: PageRow | null) => readonly Block[]
  readonly actions: readonly PageAction[]
}

export interface Feature {
  readonly pages: readonly Page[]
  readonly links: readonly PageLink[]
}

export const noParams: PageParams = { id: '', name: '' }
