import type { PassDetailView, PassView, StepView } from '../../agent/api/schemas.js'
import { jobStateWords, passRows } from '../lists.js'
import { agentNowMs, jobById, partFor, shownPassId, type Screen, type State } from '../state.js'
import { selectedIndex } from '../table.js'
import {
  column,
  lazyRows,
  paragraph,
  span,
  textCell,
  type Block,
  type Column,
  type TableRow,
  type Tone,
} from '../view.js'
import { bytesWords, clockWords, durationWords, instantWords, stepMark, syncWords } from '../words.js'
import { failureBlock, knownFailure } from './alarms.js'
import { passMeter, passSeconds, passWords } from './progress.js'

const passColumns: readonly Column[] = [
  column('Pass', 5, { align: 'right' }),
  column('State', 18, { grow: 1 }),
  column('Sync', 11),
  column('Started (UTC)', 19),
  column('Took', 8, { align: 'right' }),
  column('Moved', 9, { align: 'right' }),
]

const stepColumns: readonly Column[] = [
  column('', 2),
  column('Step', 30, { grow: 1 }),
  column('State', 11),
  column('Started', 8),
  column('Ended', 8),
  column('Took', 8, { align: 'right' }),
]

/** Heading and five passes: the steps need the rest. */
const passTableRows = 6

/** One job: its passes, and the steps of the selected one. */
export function jobBody(state: State, screen: Extract<Screen, { kind: 'job' }>): readonly Block[] {
  const job = jobById(state, screen.jobId)
  const words = job === null ? null : jobStateWords(job)
  const passes = passRows(state)
  const part = partFor(state.data.passes, screen.jobId)
  const passId = shownPassId(state)
  const pass = passes.find(each => each.id === passId) ?? null
  return [
    {
      kind: 'line',
      left: [
        span('Jobs > ', 'dim'),
        span(job?.vmName ?? 'unknown VM', 'strong'),
        span(` > ${screen.jobId}`, 'dim'),
      ],
      right: words === null ? [] : [span(`${words.mark} ${words.words}`, words.tone)],
    },
    ...(part.failure === null ? [] : [failureBlock(part.failure)]),
    {
      kind: 'table',
      columns: passColumns,
      rows: lazyRows(passes, each => passRow(each, agentNowMs(state))),
      selected: selectedIndex(
        passes.map(each => each.id),
        state.tables.passes,
      ),
      focused: screen.focus === 'passes',
      marked: true,
      empty: part.value === null ? 'Reading the passes ...' : 'No pass has run yet. p starts one.',
      maxRows: passTableRows,
      sort: null,
    },
    ...(pass === null ? [] : stepBlocks(state, screen, pass)),
  ]
}

function passRow(pass: PassView, nowMs: number): TableRow {
  const { words, tone } = passWords(pass)
  return {
    id: pass.id,
    cells: [
      textCell(String(pass.number)),
      textCell(words, tone),
      textCell(syncWords(pass.syncType)),
      textCell(instantWords(pass.startedAt)),
      textCell(durationWords(passSeconds(pass, nowMs))),
      textCell(bytesWords(BigInt(pass.movedBytes))),
    ],
  }
}

function stepBlocks(
  state: State,
  screen: Extract<Screen, { kind: 'job' }>,
  pass: PassView,
): readonly Block[] {
  const part = partFor(state.data.pass, pass.id)
  const steps = part.value?.steps ?? []
  const failedStep = steps.find(step => step.failure !== null)
  const failure = pass.failure ?? failedStep?.failure ?? null
  const done = steps.filter(step => step.state === 'done').length
  const running = pass.endedAt === null
  const resumed = pass.resumedCount === 0 ? '' : `, resumed ${pass.resumedCount}x after a restart`
  return [
    { kind: 'rule', title: `Steps of pass ${pass.number}, ${done} of ${steps.length} done${resumed}` },
    ...(running ? [passMeter(pass)] : []),
    {
      kind: 'table',
      columns: stepColumns,
      rows: lazyRows(steps, step => stepRow(step, agentNowMs(state))),
      selected:
        screen.focus === 'steps'
          ? selectedIndex(
              steps.map(step => step.name),
              state.tables.steps,
            )
          : steps.findIndex(step => step.state === 'running' || step.state === 'undoing'),
      focused: screen.focus === 'steps',
      marked: screen.focus === 'steps',
      empty: part.value === null ? 'Reading the steps ...' : 'The pass has no steps yet.',
      maxRows: null,
      sort: null,
    },
    ...(part.failure === null ? [] : [failureBlock(part.failure)]),
    ...noteBlocks(part.value),
    ...brokenBlocks(part.value?.brokenCopies ?? []),
    ...(failure === null ? [] : [failureBlock(knownFailure(failure), failedAt(failedStep))]),
  ]
}

/** How the pass read, and what did not go as it should without breaking it; the newest of more. */
function noteBlocks(pass: PassDetailView | null): readonly Block[] {
  if (pass === null || pass.notes.length === 0) return []
  const more = pass.notes.length > 1 ? ` (and ${pass.notes.length - 1} more)` : ''
  return [paragraph([span('Note  ', 'dim'), span(`${pass.notes.at(-1) ?? ''}${more}`, 'warn')], 6, 2)]
}

/** Copies that broke and were taken up again, by their newest. */
function brokenBlocks(broken: PassDetailView['brokenCopies']): readonly Block[] {
  const last = broken.at(-1)
  if (last === undefined) return []
  const { code, message } = last.failure
  const words = `broke ${broken.length}x and went on from what was durable; the last time ${code}, ${message}`
  return [paragraph([span('Copy  ', 'dim'), span(words, 'warn')], 6, 2)]
}

const failedAt = (step: StepView | undefined): string => (step === undefined ? '' : `${step.title}: `)

function stepTone(step: StepView): Tone {
  switch (step.state) {
    case 'done':
      return 'good'
    case 'failed':
    case 'undo-failed':
      return 'bad'
    case 'running':
      return 'accent'
    case 'undoing':
    case 'undone':
      return 'warn'
    case 'waiting':
      return 'dim'
  }
}

function stepRow(step: StepView, nowMs: number): TableRow {
  const tone = stepTone(step)
  const start = step.startedAt === null ? null : Date.parse(step.startedAt)
  const end = step.endedAt === null ? null : Date.parse(step.endedAt)
  const took =
    start === null
      ? ''
      : stepDuration(start, end, nowMs, step.state === 'running' || step.state === 'undoing')
  return {
    id: step.name,
    cells: [
      textCell(stepMark(step.state), tone),
      textCell(step.title),
      textCell(step.state, tone),
      textCell(start === null ? '' : clockWords(start)),
      textCell(end === null ? '' : clockWords(end)),
      textCell(took),
    ],
  }
}

/** A step without an end that is not running either was broken off: how long it took is not known. */
function stepDuration(startMs: number, endMs: number | null, nowMs: number, running: boolean): string {
  if (endMs !== null) return durationWords((endMs - startMs) / 1000)
  return running ? durationWords((nowMs - startMs) / 1000) : 'unknown'
}
