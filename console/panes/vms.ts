import { codePoints } from '../clean-text.js'
import type { JobView } from '../../agent/api/schemas.js'
import {
  jobColumns,
  jobRows,
  jobStateWords,
  vmColumns,
  vmRows,
  type StateWords,
  type VmRow,
} from '../lists.js'
import { agentNowMs, type State, type TableName } from '../state.js'
import { selectedIndex } from '../table.js'
import {
  column,
  lazyRows,
  span,
  textCell,
  type Block,
  type Column,
  type Rows,
  type Span,
  type TableCell,
} from '../view.js'
import { ageWords, bytesWords, durationWords, percentWords } from '../words.js'
import { chosenBlocks } from './chosen.js'
import { etaWords, passFraction } from './progress.js'

const progressColumns: readonly Column[] = [
  column('Progress', 10),
  column('', 7, { align: 'right' }),
  column('ETA', 11, { align: 'right', fromCols: 100 }),
]

const vmListColumns: readonly Column[] = [
  column(vmColumns[0], 16, { grow: 1 }),
  column(vmColumns[1], 9),
  column(vmColumns[2], 17),
  column(vmColumns[3], 11, { align: 'right' }),
  ...progressColumns,
  column('Disks', 5, { align: 'right', fromCols: 110 }),
  column('Capacity', 9, { align: 'right', fromCols: 120 }),
]

const jobListColumns: readonly Column[] = [
  column(jobColumns[0], 20, { grow: 1 }),
  column(jobColumns[1], 17),
  column(jobColumns[2], 11, { align: 'right' }),
  ...progressColumns,
  column('Last pass', 12, { fromCols: 120 }),
]

/** `none` is a fact: nothing to fail over to. `unknown` is not one. */
function pointCell(job: JobView | null, jobsRead: boolean, nowMs: number): TableCell {
  const at = job?.recoveryPointAt ?? null
  if (at === null) return textCell(job === null && !jobsRead ? 'unknown' : 'none', 'dim')
  return textCell(ageWords(at, nowMs))
}

function progressCells(job: JobView | null): readonly TableCell[] {
  const pass = job?.currentPass ?? null
  if (pass === null) return [textCell(''), textCell(''), textCell('')]
  const fraction = passFraction(pass)
  return [
    { kind: 'bar', fraction, tone: 'accent' },
    textCell(percentWords(fraction)),
    textCell(etaWords(pass.etaSeconds).replace('ETA ', '')),
  ]
}

const stateCell = (state: StateWords): TableCell =>
  textCell(`${state.mark.padEnd(2)} ${state.words}`, state.tone)

/** Section 1: every VM of the source, replicated or not. */
export function vmsBody(state: State): readonly Block[] {
  const rows = vmRows(state)
  const nowMs = agentNowMs(state)
  const jobsRead = state.data.jobs.value !== null
  const drawn = lazyRows(rows, ({ vm, job, state: words }: VmRow) => ({
    id: vm.id,
    cells: [
      textCell(vm.name),
      textCell(vm.power, vm.power === 'unknown' ? 'warn' : 'plain'),
      stateCell(words),
      pointCell(job, jobsRead, nowMs),
      ...progressCells(job),
      textCell(String(vm.diskCount)),
      textCell(bytesWords(BigInt(vm.capacityBytes))),
    ],
  }))
  const ids = rows.map(row => row.vm.id)
  const chosen = rows[selectedIndex(ids, state.tables.vms)]
  return [
    ...listBody(state, 'vms', vmListColumns, drawn, ids, 'VMs'),
    ...(chosen === undefined ? [] : chosenBlocks(chosen.vm.name, chosen.job, chosen.state, nowMs)),
  ]
}

/** Section 2: every replication job, also of VMs that are not in the inventory any more. */
export function jobsBody(state: State): readonly Block[] {
  const rows = jobRows(state)
  const nowMs = agentNowMs(state)
  const drawn = lazyRows(rows, job => ({
    id: job.id,
    cells: [
      textCell(job.vmName),
      stateCell(jobStateWords(job)),
      pointCell(job, true, nowMs),
      ...progressCells(job),
      textCell(job.lastPass === null ? 'none' : `#${job.lastPass.number} ${job.lastPass.state}`),
    ],
  }))
  const ids = rows.map(job => job.id)
  const chosen = rows[selectedIndex(ids, state.tables.jobs)]
  return [
    ...listBody(state, 'jobs', jobListColumns, drawn, ids, 'jobs'),
    ...(chosen === undefined ? [] : chosenBlocks(chosen.vmName, chosen, jobStateWords(chosen), nowMs)),
  ]
}

function listBody(
  state: State,
  name: Extract<TableName, 'vms' | 'jobs'>,
  columns: readonly Column[],
  rows: Rows,
  ids: readonly string[],
  noun: string,
): readonly Block[] {
  const table = state.tables[name]
  const all = state.data[name].value
  return [
    {
      kind: 'line',
      left: filterSpans(state, table.filter),
      right: [span(countWords(state, name, ids.length, noun))],
    },
    {
      kind: 'table',
      columns,
      rows,
      selected: selectedIndex(ids, table),
      focused: true,
      marked: true,
      empty: emptyWords(all, table.filter, noun),
      maxRows: null,
      sort: table.sort,
    },
  ]
}

function filterSpans(state: State, filter: string): readonly Span[] {
  if (state.overlay?.kind !== 'filter') {
    return filter === '' ? [span('No filter', 'dim')] : [span('Filter: '), span(filter, 'strong')]
  }
  const { line } = state.overlay
  const chars = codePoints(line.text)
  return [
    span('Filter: '),
    span(chars.slice(0, line.cursor).join(''), 'strong'),
    span('_', 'accent'),
    span(chars.slice(line.cursor).join(''), 'strong'),
  ]
}

function countWords(state: State, name: 'vms' | 'jobs', shown: number, noun: string): string {
  const part = state.data[name]
  if (part.value === null || part.okMs === null) return ''
  const count = shown === part.value.length ? `${shown} ${noun}` : `${shown} of ${part.value.length} ${noun}`
  return `${count}, read ${durationWords((state.nowMs - part.okMs) / 1000)} ago`
}

function emptyWords(all: readonly unknown[] | null, filter: string, noun: string): string {
  if (all === null) return `Reading the ${noun} ...`
  if (all.length > 0 && filter !== '')
    return `None of the ${all.length} ${noun} matches the filter. Esc takes it away.`
  return noun === 'jobs'
    ? 'No VM is replicated yet. Open one in section 1.'
    : 'vCenter shows no VM to this appliance.'
}
