import type { Step } from './event.js'
import type { Command } from './keymap.js'
import { lineOf } from './line-edit.js'
import { focusedTable, jobColumns, vmColumns } from './lists.js'
import { withMessage } from './message.js'
import { pollSoon, pollWhenDue } from './polling.js'
import { andThen, askAgain, leavePage, openPage, startTask, toggleMarks } from './page-command.js'
import { shownPage } from './page-lookup.js'
import {
  isTyped,
  jobOfVm,
  shownJob,
  vmById,
  type Deed,
  type Screen,
  type State,
  type TableName,
} from './state.js'
import { moveSelection, selectedIndex, tableState } from './table.js'
import { nextTier } from './tier.js'

const quiet = (state: State): Step => ({ state, actions: [] })

/** What a command makes of the state. A command that cannot be done says why in the message line. */
export function runCommand(state: State, command: Command): Step {
  switch (command) {
    case 'up':
      return quiet(move(state, -1))
    case 'down':
      return quiet(move(state, 1))
    case 'page-up':
      return quiet(move(state, -pageRows(state)))
    case 'page-down':
      return quiet(move(state, pageRows(state)))
    case 'top':
      return quiet(move(state, -Infinity))
    case 'bottom':
      return quiet(move(state, Infinity))
    case 'open':
      return open(state)
    case 'show-job':
      return showJob(state)
    case 'back':
      return back(state)
    case 'section-home':
      return goTo(state, { kind: 'home' })
    case 'section-vms':
      return goTo(state, { kind: 'vms' })
    case 'section-jobs':
      return goTo(state, { kind: 'jobs' })
    case 'section-storage':
      return openPage(state, 'storage')
    case 'section-setup':
      return openPage(state, 'setup')
    case 'section-diag':
      return openPage(state, 'diag')
    case 'section-messages':
      return goTo(state, { kind: 'messages' })
    case 'section-about':
      return goTo(state, { kind: 'about' })
    case 'mark':
      return quiet(move(toggleMarks(state, false), 1))
    case 'mark-all':
      return quiet(toggleMarks(state, true))
    case 'filter':
      return quiet(startFilter(state))
    case 'filter-keep':
      return quiet({ ...state, overlay: null })
    case 'filter-drop':
      return quiet(dropFilter(state))
    case 'sort':
      return quiet(sortNext(state))
    case 'sort-reverse':
      return quiet(withListTable(state, sort => ({ ...sort, descending: !sort.descending })))
    case 'focus-next':
      return quiet(focusNext(state))
    case 'refresh':
      return andThen(pollWhenDue(refresh(state)), askAgain)
    case 'redraw':
      return { state, actions: [{ kind: 'redraw' }] }
    case 'next-tier': {
      if (state.tiersOffered.length === 1)
        return quiet(withMessage(state, `This terminal can do no other tier than ${state.tier}.`, 'warn'))
      const tier = nextTier(state.tier, state.tiersOffered)
      return {
        state: withMessage({ ...state, tier }, `Drawing: ${tier}`, 'plain'),
        actions: [{ kind: 'redraw' }],
      }
    }
    case 'help':
      return quiet(openHelp(state))
    case 'quit':
      return { state, actions: [{ kind: 'quit' }] }
    case 'start-replication':
      return quiet(askStartReplication(state))
    case 'start-pass':
      return startPass(state)
    case 'cancel-pass':
      return quiet(askCancelPass(state))
    case 'pause-job':
    case 'resume-job':
      return holdBack(state, 'pause', command === 'pause-job')
    case 'stop-job':
    case 'allow-passes':
      return holdBack(state, 'stop', command === 'stop-job')
    case 'button-next':
      return quiet(otherButton(state))
    case 'button-press':
      return pressButton(state)
  }
}

/** Rows a page key moves: what a list shows at most on this screen. */
const pageRows = (state: State): number => Math.max(1, state.size.rows - 8)

function move(state: State, step: number): State {
  const { name, ids } = focusedTable(state)
  if (ids.length === 0) return state
  const span = Number.isFinite(step) ? step : Math.sign(step) * ids.length
  return { ...state, tables: { ...state.tables, [name]: moveSelection(ids, state.tables[name], span) } }
}

const leaveAllPages = (state: State): State =>
  state.screen.kind === 'page' ? leaveAllPages(leavePage(state)) : state

/** Opens a screen; what it needs and nobody knows yet is asked for at once. */
function goTo(state: State, screen: Screen): Step {
  return pollWhenDue(pollSoon({ ...leaveAllPages(state), screen, overlay: null }))
}

const openHelp = (state: State): State => ({
  ...state,
  overlay: { kind: 'help' },
  tables: { ...state.tables, help: tableState(-1) },
})

function open(state: State): Step {
  const { name, ids } = focusedTable(state)
  const id = ids[selectedIndex(ids, state.tables[name])]
  if (id === undefined) return quiet(state)
  switch (name) {
    case 'vms':
      return openVm(state, 'vms', id)
    case 'attention':
      return vmById(state, id) === null ? openJobOfVm(state, id) : openVm(state, 'attention', id)
    case 'jobs':
      return openJob(state, id)
    case 'messages':
    case 'about':
    case 'disks':
    case 'passes':
    case 'steps':
    case 'help':
    case 'page':
      return quiet(state)
  }
}

/** Opens the row at a place of the focused table, where rows can be opened; elsewhere it only selects. */
export function chooseRow(state: State, index: number): Step {
  const { name, ids } = focusedTable(state)
  const id = ids[index]
  if (state.overlay !== null || id === undefined) return quiet(state)
  const tables = { ...state.tables, [name]: { ...state.tables[name], selectedId: id } }
  return open({ ...state, tables })
}

function openVm(state: State, table: 'vms' | 'attention', vmId: string): Step {
  const tables = {
    ...state.tables,
    [table]: { ...state.tables[table], selectedId: vmId },
    disks: tableState(-1),
  }
  return goTo({ ...state, tables }, { kind: 'vm', vmId })
}

/** A VM that left the inventory has no screen, its job has one. */
function openJobOfVm(state: State, vmId: string): Step {
  const job = jobOfVm(state, vmId)
  return job === null ? quiet(state) : openJob(state, job.id)
}

function openJob(state: State, jobId: string): Step {
  const tables = { ...state.tables, passes: tableState(-1), steps: tableState(-1) }
  return goTo({ ...state, tables }, { kind: 'job', jobId, focus: 'passes', from: state.screen })
}

function showJob(state: State): Step {
  const job = shownJob(state)
  if (job === null) return quiet(withMessage(state, 'This VM has no replication job yet.', 'warn'))
  return openJob(state, job.id)
}

function back(state: State): Step {
  if (state.overlay !== null) return quiet({ ...state, overlay: null })
  if (state.screen.kind === 'page') {
    if (state.tables.page.filter === '') return pollWhenDue(pollSoon(leavePage(state)))
    return quiet(withFilter(state, 'page', ''))
  }
  switch (state.screen.kind) {
    case 'vm':
      return goTo(state, { kind: 'vms' })
    case 'job':
      return goTo(state, state.screen.from)
    case 'home':
      return quiet(withMessage(state, 'q leaves the console.', 'plain'))
    case 'messages':
    case 'about':
      return goTo(state, { kind: 'home' })
    case 'vms':
    case 'jobs': {
      const name = state.screen.kind
      if (state.tables[name].filter === '') {
        return goTo(state, { kind: 'home' })
      }
      return quiet(withFilter(state, name, ''))
    }
  }
}

const withFilter = (state: State, name: TableName, filter: string): State => ({
  ...state,
  tables: { ...state.tables, [name]: { ...state.tables[name], filter } },
})

/** The table that is filtered and ordered here. */
export function listName(state: State): 'vms' | 'jobs' | 'page' {
  if (state.screen.kind === 'page') return 'page'
  return state.screen.kind === 'jobs' ? 'jobs' : 'vms'
}

/** The titles of its columns. */
function listColumns(state: State): readonly string[] {
  switch (listName(state)) {
    case 'vms':
      return vmColumns
    case 'jobs':
      return jobColumns
    case 'page':
      return shownPage(state)?.table?.columns.map(each => each.title) ?? []
  }
}

function startFilter(state: State): State {
  if (state.screen.kind === 'page' && shownPage(state)?.table === null) return state
  const { filter } = state.tables[listName(state)]
  return { ...state, overlay: { kind: 'filter', line: lineOf(filter), before: filter } }
}

function dropFilter(state: State): State {
  if (state.overlay?.kind !== 'filter') return state
  const name = listName(state)
  const table = { ...state.tables[name], filter: state.overlay.before }
  return { ...state, overlay: null, tables: { ...state.tables, [name]: table } }
}

type Sort = State['tables']['vms']['sort']

function withListTable(state: State, change: (sort: Sort) => Sort): State {
  const name = listName(state)
  const table = { ...state.tables[name], sort: change(state.tables[name].sort) }
  const column = listColumns(state)[table.sort.column] ?? ''
  const order = table.sort.descending ? ', reversed' : ''
  const ordered = { ...state, tables: { ...state.tables, [name]: table } }
  return withMessage(ordered, `Ordered by ${column.toLowerCase()}${order}.`, 'plain')
}

function sortNext(state: State): State {
  const count = listColumns(state).length
  if (count === 0) return state
  return withListTable(state, sort => ({ column: (sort.column + 1) % count, descending: false }))
}

function focusNext(state: State): State {
  if (state.screen.kind !== 'job') return state
  return {
    ...state,
    screen: { ...state.screen, focus: state.screen.focus === 'passes' ? 'steps' : 'passes' },
  }
}

const refresh = (state: State): State =>
  pollSoon({ ...state, polling: { ...state.polling, inventoryWanted: true } })

/** Why nothing can be asked of the agent now; null: it can. */
export function whyOff(state: State): string | null {
  if (state.link.kind !== 'up') return 'The agent does not answer: actions are off.'
  return state.deed === null ? null : 'The last action has not been answered yet.'
}

function askStartReplication(state: State): State {
  const off = whyOff(state)
  if (off !== null) return withMessage(state, off, 'warn')
  if (state.screen.kind !== 'vm') return state
  const vm = vmById(state, state.screen.vmId)
  if (vm === null) return withMessage(state, 'The VM is not in the inventory (any more).', 'warn')
  if (jobOfVm(state, vm.id) !== null || vm.jobId !== null) {
    return withMessage(state, 'This VM already has a replication job: p starts a pass of it.', 'warn')
  }
  const deed: Deed = { kind: 'start-replication', vmId: vm.id, vmName: vm.name }
  return { ...state, overlay: { kind: 'confirm', deed, button: 0, typed: null } }
}

function startPass(state: State): Step {
  const off = whyOff(state)
  if (off !== null) return quiet(withMessage(state, off, 'warn'))
  const job = shownJob(state)
  if (job === null) return quiet(withMessage(state, 'There is no replication job yet: s creates it.', 'warn'))
  if (job.stoppedAt !== null)
    return quiet(withMessage(state, 'The job is stopped: X lets it start passes again.', 'warn'))
  if (job.pausedAt !== null) return quiet(withMessage(state, 'The job is paused: Z lets it go on.', 'warn'))
  if (job.currentPass !== null) {
    return quiet(withMessage(state, 'A pass is running: wait for its end, or cancel it with c.', 'warn'))
  }
  return perform(state, { kind: 'start-pass', jobId: job.id, vmName: job.vmName })
}

/** Nothing is lost by holding a job back, and it is taken back as easily: nobody is asked. */
function holdBack(state: State, what: 'pause' | 'stop', isOn: boolean): Step {
  const off = whyOff(state)
  if (off !== null) return quiet(withMessage(state, off, 'warn'))
  const job = shownJob(state)
  if (job === null) return quiet(withMessage(state, 'There is no replication job yet: s creates it.', 'warn'))
  return perform(state, { kind: 'hold-back', jobId: job.id, vmName: job.vmName, what, isOn })
}

/** A pass can stand for a day of copying: no slip of a finger ends it. */
const cancelWord = 'CANCEL'

function askCancelPass(state: State): State {
  const off = whyOff(state)
  if (off !== null) return withMessage(state, off, 'warn')
  const job = shownJob(state)
  const pass = job?.currentPass ?? null
  if (job === null || pass === null) return withMessage(state, 'No pass is running.', 'warn')
  const deed: Deed = { kind: 'cancel-pass', passId: pass.id, number: pass.number, vmName: job.vmName }
  const typed = { wanted: cancelWord, line: lineOf('') }
  return { ...state, overlay: { kind: 'confirm', deed, button: 0, typed } }
}

function otherButton(state: State): State {
  if (state.overlay?.kind !== 'confirm' && state.overlay?.kind !== 'question') return state
  return { ...state, overlay: { ...state.overlay, button: state.overlay.button === 0 ? 1 : 0 } }
}

function pressButton(state: State): Step {
  const { overlay } = state
  const closed: State = { ...state, overlay: null }
  if (overlay?.kind !== 'confirm' && overlay?.kind !== 'question') return quiet(closed)
  if (overlay.button === 0) return quiet(withMessage(closed, 'Nothing was changed.', 'plain'))
  if (!isTyped(overlay.typed)) {
    const word = overlay.typed?.wanted ?? ''
    return quiet(withMessage(state, `Type ${word} first; Esc closes and changes nothing.`, 'warn'))
  }
  if (overlay.kind === 'question') return startTask(closed, overlay.question.task)
  const off = whyOff(state)
  return off === null ? perform(closed, overlay.deed) : quiet(withMessage(closed, off, 'warn'))
}

const perform = (state: State, deed: Deed): Step => ({
  state: withMessage({ ...state, deed }, 'Asking the agent ...', 'plain'),
  actions: [{ kind: 'do', deed }],
})
