import { codePoints } from './clean-text.js'
import { chooseRow, listName, runCommand } from './command.js'
import type { DeedOutcome, Event, PartReply, Reading, Step } from './event.js'
import { commandFor, keyContext } from './keymap.js'
import { editLine, insertText, type LineEdit } from './line-edit.js'
import { withMessage } from './message.js'
import {
  andThen,
  askWhenDue,
  formKeyStep,
  formPasteState,
  onAsked,
  onTaskDone,
  pageKeyStep,
} from './page-command.js'
import { lacksSomething, pollIntervalMs, pollSoon, pollWhenDue, retryDelayMs } from './polling.js'
import type { Part } from './part.js'
import type { Data, Deed, Overlay, State } from './state.js'

/** A message leaves the screen after this long, so that it is not taken for the present. */
const messageMs = 30_000

/** The whole behaviour of the console: what an event makes of the state, and what is to be done about it. Pure. */
export function update(state: State, event: Event): Step {
  switch (event.kind) {
    case 'key':
      return onKey(state, event.key)
    case 'choose':
      return chooseRow(state, event.index)
    case 'features':
      return askWhenDue({ ...state, features: event.features })
    case 'asked':
      return { state: onAsked(state, event), actions: [] }
    case 'addresses':
      return { state: { ...state, addresses: event.addresses }, actions: [] }
    case 'paste':
      return { state: onPaste(state, event.text), actions: [] }
    case 'resized':
      return { state: { ...state, size: { cols: event.cols, rows: event.rows } }, actions: [] }
    case 'tick':
      return andThen(pollWhenDue(onTick(state, event.nowMs)), askWhenDue)
    case 'polled':
      return pollWhenDue(onPolled(state, event))
    case 'agent-away':
      return { state: onAgentAway(state, event), actions: [] }
    case 'deed-ended':
      return onDeedEnded({ ...state, nowMs: event.nowMs }, event.deed, event.outcome)
  }
}

function onKey(state: State, key: string): Step {
  const context = keyContext(state)
  const command = commandFor(context, key)
  if (command !== null) return runCommand(state, command)
  if (state.overlay?.kind === 'form') return formKeyStep(state, key)
  const ofPage = pageKeyStep(state, key)
  if (ofPage !== null) return ofPage
  const line = typedLine(state)
  if (line === null) return { state, actions: [] }
  const edited = codePoints(key).length === 1 ? insertText(line, key) : editLine(line, key)
  return { state: edited === null ? state : withTypedLine(state, edited), actions: [] }
}

/** The line that letters go to; null: letters are commands. */
function typedLine({ overlay }: State): LineEdit | null {
  if (overlay?.kind === 'filter') return overlay.line
  return overlay?.kind === 'confirm' || overlay?.kind === 'question' ? (overlay.typed?.line ?? null) : null
}

function withTypedLine(state: State, line: LineEdit): State {
  const { overlay } = state
  if ((overlay?.kind === 'confirm' || overlay?.kind === 'question') && overlay.typed !== null)
    return { ...state, overlay: { ...overlay, typed: { ...overlay.typed, line } } }
  return overlay?.kind === 'filter' ? withFilterLine(state, overlay, line) : state
}

/** A paste is text where text is typed, and nothing anywhere else: it never becomes commands. */
function onPaste(state: State, text: string): State {
  if (state.overlay?.kind === 'filter') return withTypedLine(state, insertText(state.overlay.line, text))
  if (state.overlay?.kind === 'form') return formPasteState(state, text)
  if (
    (state.overlay?.kind === 'confirm' || state.overlay?.kind === 'question') &&
    state.overlay.typed !== null
  )
    return withMessage(state, 'Pasted text was ignored: the word has to be typed.', 'warn')
  return withMessage(state, 'Pasted text was ignored: there is no field to type into.', 'warn')
}

function withFilterLine(state: State, overlay: Extract<Overlay, { kind: 'filter' }>, line: LineEdit): State {
  const name = listName(state)
  const table = { ...state.tables[name], filter: line.text }
  return { ...state, overlay: { ...overlay, line }, tables: { ...state.tables, [name]: table } }
}

function onTick(state: State, nowMs: number): State {
  const old = state.message !== null && nowMs - state.message.atMs > messageMs
  return { ...state, nowMs, message: old ? null : state.message }
}

function onPolled(state: State, event: Extract<Event, { kind: 'polled' }>): State {
  if (state.polling.inFlight !== event.number) return state
  const status = event.parts.find(part => part.name === 'status')
  const agentMs = status?.reading.ok === true ? Date.parse(status.reading.value.now) : Number.NaN
  const read: State = {
    ...state,
    nowMs: event.nowMs,
    // Half a second of network and rounding is not a difference between clocks.
    skewMs: Number.isNaN(agentMs) || Math.abs(agentMs - event.nowMs) < 500 ? 0 : agentMs - event.nowMs,
    link: { kind: 'up' },
    data: event.parts.reduce((data, part) => withReply(data, part, event.nowMs), state.data),
    rates: withRate(state, event),
    polling: { ...state.polling, inFlight: null },
  }
  const next: State = {
    ...read,
    polling: { ...read.polling, nextAtMs: event.nowMs + pollIntervalMs(read) },
  }
  return state.link.kind === 'away'
    ? withMessage(followUp(next), 'The agent answers again.', 'good')
    : followUp(next)
}

/** Samples shown: a minute while something runs. */
const keptRates = 60

function withRate(state: State, event: Extract<Event, { kind: 'polled' }>): State['rates'] {
  const jobs = event.parts.find(part => part.name === 'jobs')
  if (jobs?.reading.ok !== true) return state.rates
  const passes = jobs.reading.value.flatMap(job => (job.currentPass === null ? [] : [job.currentPass]))
  const known = passes.flatMap(pass => (pass.rateBytesPerSec === null ? [] : [BigInt(pass.rateBytesPerSec)]))
  const bytesPerSec =
    passes.length > 0 && known.length === 0 ? null : known.reduce((sum, rate) => sum + rate, 0n)
  return [...state.rates.slice(1 - keptRates), { atMs: event.nowMs, bytesPerSec }]
}

/** What an answer shows to be missing (the pass of a job just learnt of) is asked for at once. */
const followUp = (state: State): State => (lacksSomething(state) ? pollSoon(state) : state)

function withReply(data: Data, reply: PartReply, nowMs: number): Data {
  const { name, key } = reply
  const merged = mergePart(data[name], key, reply.reading, nowMs)
  return { ...data, [name]: merged }
}

/** A failed reading keeps what was known of the same object. */
function mergePart(
  part: Part<unknown>,
  key: string,
  reading: Reading<unknown>,
  nowMs: number,
): Part<unknown> {
  if (reading.ok) return { key, value: reading.value, okMs: nowMs, failure: null }
  return part.key === key
    ? { ...part, failure: reading.failure }
    : { key, value: null, okMs: null, failure: reading.failure }
}

function onAgentAway(state: State, event: Extract<Event, { kind: 'agent-away' }>): State {
  if (state.polling.inFlight !== event.number) return state
  const before = state.link.kind === 'away' ? state.link : null
  const attempts = (before?.attempts ?? 0) + 1
  const retryAtMs = event.nowMs + retryDelayMs(attempts)
  return {
    ...state,
    nowMs: event.nowMs,
    link: {
      kind: 'away',
      sinceMs: before?.sinceMs ?? event.nowMs,
      retryAtMs,
      attempts,
      reason: event.reason,
    },
    polling: { ...state.polling, inFlight: null, nextAtMs: retryAtMs },
  }
}

function onDeedEnded(state: State, deed: Deed, outcome: DeedOutcome): Step {
  const settled = pollSoon({ ...state, deed: null })
  switch (outcome.kind) {
    case 'done':
      return pollWhenDue(withMessage(settled, deedDone(deed), 'good'))
    case 'job-created': {
      const name = deed.kind === 'start-replication' ? deed.vmName : ''
      const next: Deed = { kind: 'start-pass', jobId: outcome.jobId, vmName: name }
      const told = withMessage(settled, `The replication job of ${name} was created.`, 'good')
      const polled = pollWhenDue({ ...told, deed: next })
      return { state: polled.state, actions: [{ kind: 'do', deed: next }, ...polled.actions] }
    }
    case 'next':
      return andThen(onTaskDone(settled, outcome.next), pollWhenDue)
    case 'refused':
      if (state.overlay?.kind === 'form')
        return pollWhenDue({
          ...withMessage(settled, `${deedFailed(deed)}: ${outcome.failure.code}`, 'bad'),
          overlay: { ...state.overlay, failure: outcome.failure },
        })
      return pollWhenDue(
        withMessage(
          {
            ...settled,
            overlay: { kind: 'failure', title: deedFailed(deed), failure: outcome.failure },
          },
          `${deedFailed(deed)}: ${outcome.failure.code}`,
          'bad',
        ),
      )
    case 'unknown':
      return pollWhenDue(
        withMessage(
          settled,
          `${deedFailed(deed)}: the agent did not answer (${outcome.reason}). It may still have happened: look before trying again.`,
          'bad',
        ),
      )
  }
}

function deedDone(deed: Deed): string {
  switch (deed.kind) {
    case 'task':
      return `${deed.task.what}: done.`
    case 'start-replication':
      return `Replication of ${deed.vmName} was started.`
    case 'start-pass':
      return `A pass of ${deed.vmName} was started.`
    case 'cancel-pass':
      return `Pass ${deed.number} of ${deed.vmName} is being cancelled.`
    case 'hold-back':
      return heldBackWords(deed.vmName, deed.what, deed.isOn)
  }
}

function deedFailed(deed: Deed): string {
  switch (deed.kind) {
    case 'task':
      return `${deed.task.what} failed`
    case 'start-replication':
      return `Replication of ${deed.vmName} was not started`
    case 'start-pass':
      return `The pass of ${deed.vmName} was not started`
    case 'cancel-pass':
      return `Pass ${deed.number} of ${deed.vmName} was not cancelled`
    case 'hold-back':
      return `Replication of ${deed.vmName} is held back as before`
  }
}

function heldBackWords(vmName: string, what: 'pause' | 'stop', isOn: boolean): string {
  if (what === 'pause')
    return isOn ? `Replication of ${vmName} is paused.` : `Replication of ${vmName} goes on.`
  return isOn ? `${vmName} starts no further pass.` : `${vmName} may start passes again.`
}
