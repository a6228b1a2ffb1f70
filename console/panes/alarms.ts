import { errorTable } from '../../agent/errors.js'
import { screenStaleSeconds } from '../polling.js'
import type { Failure } from '../part.js'
import { agentNowMs, type State } from '../state.js'
import { paragraph, span, type Block, type Span, type Tone } from '../view.js'
import { ageWords, durationWords } from '../words.js'

const alarmSpans = (mark: string, tone: Tone, text: string, next: string): readonly Span[] => [
  span(`${mark} `, tone),
  span(text, tone),
  ...(next === '' ? [] : [span(' Next: ', 'strong'), span(next)]),
]

const alarm = (mark: string, tone: Tone, text: string, next: string): Block =>
  paragraph(alarmSpans(mark, tone, text, next), 3, 4)

/** A failure in one go: code, what happened, on what, and what to do. */
export function failureSpans(failure: Failure, prefix = ''): readonly Span[] {
  const about = failure.message === '' ? '' : ` (${failure.message})`
  return alarmSpans('!!', 'bad', `${prefix}${failure.code}: ${failure.sentence}${about}`, failure.next)
}

export const failureBlock = (failure: Failure, prefix = ''): Block =>
  paragraph(failureSpans(failure, prefix), 3, 4)

/** What the API says of a failure carries no sentence: it is in the table by code. */
export const knownFailure = (view: {
  readonly code: keyof typeof errorTable
  readonly message: string
  readonly next: string
}): Failure => ({
  code: view.code,
  sentence: errorTable[view.code].sentence,
  message: view.message,
  next: view.next,
})

/** What is wrong with the whole, worst first; empty when nothing is. Shown on every screen. */
export function alarmBlocks(state: State): readonly Block[] {
  const { link, data } = state
  if (link.kind === 'away') {
    const retry = Math.max(0, Math.ceil((link.retryAtMs - state.nowMs) / 1000))
    const known =
      data.jobs.okMs === null
        ? ''
        : ` What is shown is ${durationWords((state.nowMs - data.jobs.okMs) / 1000)} old.`
    const when = state.polling.inFlight === null ? `Trying again in ${retry} s.` : 'Trying now ...'
    return [
      alarm(
        '!!',
        'bad',
        `The agent does not answer: ${link.reason}.${known} Actions are off. ${when}`,
        'if it stays, start the agent and read its log.',
      ),
    ]
  }
  return [...readFailures(state), ...siteAlarms(state)]
}

/** Readings that the agent refused, each failure once. */
function readFailures(state: State): readonly Block[] {
  const stale = screenStaleSeconds(state)
  const age = stale === null ? '' : `stale ${durationWords(stale)}: `
  const { status, vms, jobs } = state.data
  const failures = [status.failure, jobs.failure, vms.failure].filter(failure => failure !== null)
  const first = failures[0]
  if (first !== undefined) return [failureBlock(first, age)]
  if (stale === null) return []
  return [alarm('!', 'warn', `What is shown is stale, ${durationWords(stale)} old: the agent is slow.`, '')]
}

function siteAlarms(state: State): readonly Block[] {
  const status = state.data.status.value
  if (status === null) return []
  const blocks: Block[] = []
  const { vma, source } = status
  if (vma.state === 'lost') {
    const since = vma.lastSeenAt === null ? '' : ` for ${ageWords(vma.lastSeenAt, agentNowMs(state))}`
    blocks.push(
      alarm(
        '!!',
        'bad',
        `VMA lost: it has not been heard${since}; no pass can run. What is replicated stays as it is.`,
        'start the VMA beside vCenter and check its link to this appliance.',
      ),
    )
  }
  if (vma.state === 'refused' && vma.failure !== null)
    blocks.push(failureBlock(knownFailure(vma.failure), 'VMA refused: '))
  if (vma.state === 'unknown') {
    blocks.push(
      alarm(
        '!',
        'warn',
        'VMA unknown: none has reported to this appliance yet.',
        'start the VMA, or wait a moment.',
      ),
    )
  }
  if (source.state === 'failed') {
    blocks.push(
      source.failure === null
        ? alarm('!!', 'bad', 'Source failed: the VMA cannot use vCenter.', 'read the log of the VMA.')
        : failureBlock(knownFailure(source.failure), 'Source failed: '),
    )
  }
  return blocks
}

/** One word for the top line. */
export function healthWords(state: State): { readonly text: string; readonly tone: Tone } {
  if (state.link.kind === 'away') return { text: '!! agent away', tone: 'bad' }
  const status = state.data.status.value
  if (status === null) return { text: '.. starting', tone: 'plain' }
  if (status.vma.state === 'lost') return { text: '!! VMA lost', tone: 'bad' }
  if (status.vma.state === 'refused') return { text: '!! VMA refused', tone: 'bad' }
  if (status.source.state === 'failed') return { text: '!! source failed', tone: 'bad' }
  if (screenStaleSeconds(state) !== null) return { text: '! stale', tone: 'warn' }
  if (status.vma.state === 'unknown') return { text: '! VMA unknown', tone: 'warn' }
  if (state.data.jobs.failure !== null) return { text: '!! no data', tone: 'bad' }
  return { text: 'ok', tone: 'good' }
}
