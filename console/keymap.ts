import type { JobView } from '../agent/api/schemas.js'
import { sections, type OwnSection, type Section } from './sections.js'
import { shownPage } from './page-lookup.js'
import { shownJob, type State } from './state.js'

export type Command =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'top'
  | 'bottom'
  | 'open'
  | 'back'
  | 'filter'
  | 'sort'
  | 'sort-reverse'
  | 'start-replication'
  | 'start-pass'
  | 'cancel-pass'
  | 'pause-job'
  | 'resume-job'
  | 'stop-job'
  | 'allow-passes'
  | 'show-job'
  | 'focus-next'
  | 'refresh'
  | 'redraw'
  | 'next-tier'
  | 'help'
  | 'quit'
  | `section-${Section}`
  | 'mark'
  | 'mark-all'
  | 'button-next'
  | 'button-press'
  | 'filter-keep'
  | 'filter-drop'

/** What the keyboard talks to. `typing` takes letters as text; the others take them as commands. */
export type KeyContext =
  OwnSection | 'page' | 'form' | 'vm' | 'job' | 'help' | 'typing' | 'confirm' | 'typed-confirm' | 'notice'

export interface Binding {
  readonly command: Command
  /** All of them do it; the first is the one shown. */
  readonly keys: readonly string[]
  readonly contexts: readonly KeyContext[]
  /** In the key line; null: only on the help page. */
  readonly label: string | null
  readonly help: string
}

const lists: readonly KeyContext[] = ['vms', 'jobs']
const filtered: readonly KeyContext[] = [...lists, 'page']
const screens: readonly KeyContext[] = ['home', 'vms', 'jobs', 'vm', 'job', 'page', 'messages', 'about']
const reading: readonly KeyContext[] = [...screens, 'help']
const everywhere: readonly KeyContext[] = [...reading, 'form', 'typing', 'confirm', 'typed-confirm', 'notice']

/** The only place that ties keys to commands; the key line, the help page and their tests are made from it. */
export const bindings: readonly Binding[] = [
  {
    command: 'open',
    keys: ['enter'],
    contexts: ['home', ...lists],
    label: 'Open',
    help: 'open the selected line',
  },
  {
    command: 'start-replication',
    keys: ['s'],
    contexts: ['vm'],
    label: 'Start replication',
    help: 'create the replication job of this VM and start its first pass (asks first)',
  },
  {
    command: 'start-pass',
    keys: ['p'],
    contexts: ['vm', 'job'],
    label: 'Start pass',
    help: 'start the next pass of the job',
  },
  {
    command: 'cancel-pass',
    keys: ['c'],
    contexts: ['vm', 'job'],
    label: 'Cancel pass',
    help: 'cancel the running pass (asks first, and wants a word typed)',
  },
  {
    command: 'pause-job',
    keys: ['z'],
    contexts: ['vm', 'job'],
    label: 'Pause',
    help: 'hold the running pass where it is and start none',
  },
  {
    command: 'resume-job',
    keys: ['Z'],
    contexts: ['vm', 'job'],
    label: 'Resume',
    help: 'let a paused job go on',
  },
  {
    command: 'stop-job',
    keys: ['x'],
    contexts: ['vm', 'job'],
    label: null,
    help: 'let the running pass be the last',
  },
  {
    command: 'allow-passes',
    keys: ['X'],
    contexts: ['vm', 'job'],
    label: 'Allow passes',
    help: 'let a stopped job start passes again',
  },
  {
    command: 'show-job',
    keys: ['enter', 'j'],
    contexts: ['vm'],
    label: 'Passes',
    help: 'show the passes and steps of the job',
  },
  {
    command: 'focus-next',
    keys: ['tab', 'backtab'],
    contexts: ['job'],
    label: 'Passes/Steps',
    help: 'move between the passes and the steps',
  },
  {
    command: 'filter',
    keys: ['/'],
    contexts: filtered,
    label: 'Filter',
    help: 'show matching lines only: words, state:failed, power:on, !word',
  },
  { command: 'sort', keys: ['o'], contexts: filtered, label: 'Order', help: 'order by the next column' },
  { command: 'sort-reverse', keys: ['O'], contexts: filtered, label: null, help: 'reverse the order' },
  { command: 'back', keys: ['escape'], contexts: reading, label: 'Back', help: 'one level up' },
  { command: 'up', keys: ['up', 'k'], contexts: reading, label: null, help: 'line up' },
  {
    command: 'down',
    keys: ['down', 'j'],
    contexts: ['home', 'vms', 'jobs', 'job', 'page', 'messages', 'about'],
    label: null,
    help: 'line down',
  },
  { command: 'down', keys: ['down', 'j'], contexts: ['help'], label: 'Scroll', help: 'line down' },
  { command: 'down', keys: ['down'], contexts: ['vm'], label: null, help: 'line down' },
  { command: 'page-up', keys: ['pageup', 'ctrl-b'], contexts: reading, label: null, help: 'page up' },
  { command: 'page-down', keys: ['pagedown', 'ctrl-f'], contexts: reading, label: null, help: 'page down' },
  { command: 'top', keys: ['home', 'g'], contexts: reading, label: null, help: 'first line' },
  { command: 'bottom', keys: ['end', 'G'], contexts: reading, label: null, help: 'last line' },
  ...sections.map(({ name, label, keys }): Binding => ({
    command: `section-${name}`,
    keys,
    contexts: reading,
    label: null,
    help: `section ${label.slice(2)}`,
  })),
  {
    command: 'mark',
    keys: [' '],
    contexts: ['page'],
    label: 'Mark',
    help: 'mark the line, or take the mark away',
  },
  {
    command: 'mark-all',
    keys: ['*'],
    contexts: ['page'],
    label: null,
    help: 'mark all lines shown, or none',
  },
  {
    command: 'refresh',
    keys: ['r', 'f5'],
    contexts: screens,
    label: 'Refresh',
    help: 'read everything again now',
  },
  { command: 'help', keys: ['?', 'f1'], contexts: screens, label: 'Help', help: 'this page' },
  { command: 'back', keys: ['?', 'f1'], contexts: ['help'], label: null, help: 'close this page' },
  {
    command: 'quit',
    keys: ['q'],
    contexts: screens,
    label: 'Leave',
    help: 'leave the console; nothing stops',
  },
  { command: 'back', keys: ['q'], contexts: ['help'], label: null, help: 'close this page' },
  {
    command: 'next-tier',
    keys: ['ctrl-t'],
    contexts: everywhere,
    label: null,
    help: 'draw with less, or with more',
  },
  {
    command: 'next-tier',
    keys: ['T'],
    contexts: reading,
    label: null,
    help: 'the same, where Ctrl-T does not arrive',
  },
  { command: 'redraw', keys: ['ctrl-l'], contexts: everywhere, label: null, help: 'draw the screen again' },
  {
    command: 'filter-keep',
    keys: ['enter', 'tab'],
    contexts: ['typing'],
    label: 'Keep',
    help: 'keep the filter',
  },
  {
    command: 'filter-drop',
    keys: ['escape', 'ctrl-c'],
    contexts: ['typing'],
    label: 'Undo',
    help: 'back to the filter of before',
  },
  {
    command: 'button-next',
    keys: ['tab', 'backtab', 'left', 'right', 'up', 'down'],
    contexts: ['confirm'],
    label: 'Choose',
    help: 'choose the other button',
  },
  {
    command: 'button-next',
    keys: ['tab', 'backtab', 'up', 'down'],
    contexts: ['typed-confirm'],
    label: 'Choose',
    help: 'choose the other button',
  },
  {
    command: 'button-press',
    keys: ['enter'],
    contexts: ['confirm', 'typed-confirm', 'notice'],
    label: 'Press',
    help: 'press the button',
  },
  {
    command: 'back',
    keys: ['escape', 'q', 'ctrl-c'],
    contexts: ['confirm', 'notice'],
    label: 'Close',
    help: 'close, change nothing',
  },
  {
    command: 'back',
    keys: ['escape', 'ctrl-c'],
    contexts: ['typed-confirm'],
    label: 'Close',
    help: 'close, change nothing',
  },
]

export function keyContext(state: State): KeyContext {
  switch (state.overlay?.kind) {
    case 'help':
      return 'help'
    case 'filter':
      return 'typing'
    case 'confirm':
      return state.overlay.typed === null ? 'confirm' : 'typed-confirm'
    case 'question':
      return state.overlay.typed === null ? 'confirm' : 'typed-confirm'
    case 'form':
      return 'form'
    case 'failure':
    case 'report':
      return 'notice'
    case undefined:
      return state.screen.kind
  }
}

export const bindingsFor = (context: KeyContext): readonly Binding[] =>
  bindings.filter(binding => binding.contexts.includes(context))

export const bindingId = (binding: Binding): string => `${binding.command} ${binding.keys[0] ?? ''}`

/** Whether a command can do something now; the key line leaves out what cannot, pressing it says why. */
export function isOffered(state: State, command: Command): boolean {
  const idle = state.link.kind === 'up' && state.deed === null
  switch (command) {
    case 'start-replication':
      return idle && state.data.jobs.value !== null && shownJob(state) === null
    case 'start-pass':
      return idle && mayStart(shownJob(state))
    case 'pause-job':
      return idle && shownJob(state)?.pausedAt === null
    case 'resume-job':
      return idle && (shownJob(state)?.pausedAt ?? null) !== null
    case 'stop-job':
      return idle && shownJob(state)?.stoppedAt === null
    case 'allow-passes':
      return idle && (shownJob(state)?.stoppedAt ?? null) !== null
    case 'cancel-pass':
      return idle && (shownJob(state)?.currentPass ?? null) !== null
    case 'show-job':
      return shownJob(state) !== null
    case 'mark':
    case 'mark-all':
      return shownPage(state)?.table?.canMark === true
    case 'filter':
    case 'sort':
      return state.screen.kind !== 'page' || (shownPage(state)?.table ?? null) !== null
    default:
      return true
  }
}

const mayStart = (job: JobView | null): boolean =>
  job?.currentPass === null && job.pausedAt === null && job.stoppedAt === null

/** What a key means here; null: nothing. */
export const commandFor = (context: KeyContext, key: string): Command | null =>
  bindingsFor(context).find(binding => binding.keys.includes(key))?.command ?? null

const keyNames: Readonly<Record<string, string>> = {
  ' ': 'Space',
  enter: 'Enter',
  escape: 'Esc',
  tab: 'Tab',
  backtab: 'Shift-Tab',
  up: 'Up',
  down: 'Down',
  left: 'Left',
  right: 'Right',
  pageup: 'PgUp',
  pagedown: 'PgDn',
  home: 'Home',
  end: 'End',
}

/** The key as it is printed on a keyboard. */
export function keyLabel(key: string): string {
  if (key.startsWith('ctrl-')) return `^${key.slice(5).toUpperCase()}`
  if (/^f\d+$/.test(key)) return key.toUpperCase()
  return keyNames[key] ?? key
}
