import type { Action, Event, Step } from './event.js'
import { formKey, formPaste, formState } from './form.js'
import { lineOf } from './line-edit.js'
import { withMessage } from './message.js'
import { isPageSection } from './sections.js'
import { chosenRow, linksHere, pageContext, pageNamed, pageRows, shownOf, shownPage } from './page-lookup.js'
import { noParams, type FormPage, type Next, type PageParams, type Task } from './page.js'
import { emptyPart } from './part.js'
import type { Overlay, Screen, State } from './state.js'
import { tableState } from './table.js'

const quiet = (state: State): Step => ({ state, actions: [] })

export function andThen(step: Step, next: (state: State) => Step): Step {
  const { state, actions } = next(step.state)
  return { state, actions: [...step.actions, ...actions] }
}

/** Opens a page, and asks at once for what it reads. */
export function openPage(state: State, name: string, params: PageParams = noParams): Step {
  const page = pageNamed(state, name)
  if (page === null) return quiet(withMessage(state, 'Still starting: try again in a second.', 'warn'))
  // A section is a place of its own; every other page goes back to where it was opened.
  const from: Screen =
    isPageSection(page.section) && page.name === page.section ? { kind: 'home' } : state.screen
  const opened: State = {
    ...state,
    overlay: null,
    marks: [],
    screen: { kind: 'page', page: name, params, from, fromTable: state.tables.page },
    tables: { ...state.tables, page: tableState(page.table?.orderedBy ?? -1) },
  }
  return askAgain(opened)
}

/** One page up. */
export function leavePage(state: State): State {
  if (state.screen.kind !== 'page') return state
  const { from, fromTable } = state.screen
  const readings = from.kind === 'page' ? state.readings : {}
  return {
    ...state,
    screen: from,
    overlay: null,
    marks: [],
    readings,
    tables: { ...state.tables, page: fromTable },
  }
}

/** Asks for everything the page reads, except for what is on its way. */
export const askAgain = (state: State): Step => ask(state, () => true)

/** Asks for what is due. Each reading is on its own: a slow one holds up no other, and no poll. */
export const askWhenDue = (state: State): Step =>
  ask(state, (okMs, everyMs, failed) =>
    okMs === null && !failed ? true : everyMs !== null && state.nowMs - (okMs ?? 0) >= everyMs,
  )

function ask(
  state: State,
  isDue: (okMs: number | null, everyMs: number | null, failed: boolean) => boolean,
): Step {
  const page = shownPage(state)
  if (page === null || state.screen.kind !== 'page') return quiet(state)
  const due = page.reads(state.screen.params).filter(({ key, everyMs }) => {
    const part = state.readings[key]
    return !state.asking.includes(key) && isDue(part?.okMs ?? null, everyMs, (part?.failure ?? null) !== null)
  })
  const actions: readonly Action[] = due.map(read => ({ kind: 'ask', read }))
  return { state: { ...state, asking: [...state.asking, ...due.map(read => read.key)] }, actions }
}

export function onAsked(state: State, { key, nowMs, reading }: Extract<Event, { kind: 'asked' }>): State {
  const before = state.readings[key] ?? emptyPart(key)
  const part = reading.ok
    ? { key, value: reading.value, okMs: nowMs, failure: null }
    : { ...before, failure: reading.failure }
  return {
    ...state,
    asking: state.asking.filter(each => each !== key),
    readings: { ...state.readings, [key]: part },
  }
}

/** What a key means to the page, or to a screen that links to one; null: nothing. */
export function pageKeyStep(state: State, key: string): Step | null {
  if (state.overlay !== null) return null
  const page = shownPage(state)
  if (page === null || state.screen.kind !== 'page') {
    const link = linksHere(state).find(each => each.key === key)
    return link === undefined ? null : withNext(state, link.run(shownOf(state)))
  }
  const action = page.actions.find(each => each.key === key)
  if (action === undefined) return null
  return withNext(state, action.run(pageContext(state, state.screen), chosenRow(state, pageRows(state))))
}

/** Goes on with what a key, a form or a task said. */
export function withNext(state: State, next: Next): Step {
  switch (next.kind) {
    case 'open':
      return openPage(
        next.text === undefined ? state : withMessage(readAllSoon(state), next.text, 'good'),
        next.page,
        next.params,
      )
    case 'form':
      return quiet({ ...state, overlay: formOverlay(next.form) })
    case 'question': {
      const { question } = next
      const typed = question.typedWord === null ? null : { wanted: question.typedWord, line: lineOf('') }
      return quiet({ ...state, overlay: { kind: 'question', question, button: 0, typed } })
    }
    case 'task':
      return startTask(state, next.task)
    case 'report':
      return askAgain({ ...state, overlay: { kind: 'report', title: next.title, body: next.body } })
    case 'done':
      return askAgain(withMessage({ ...readAllSoon(state), overlay: null, marks: [] }, next.text, 'good'))
    case 'gone':
      return quiet(withMessage({ ...leaveAll(readAllSoon(state)), overlay: null }, next.text, 'good'))
    case 'refused':
      return quiet(withMessage(state, next.why, 'warn'))
  }
}

/** A task may have changed what the inventory says of a VM. */
const readAllSoon = (state: State): State => ({
  ...state,
  polling: { ...state.polling, inventoryWanted: true, nextAtMs: state.nowMs },
})

function leaveAll(state: State): State {
  if (state.screen.kind === 'page') return leaveAll(leavePage(state))
  return state.screen.kind === 'job' ? { ...state, screen: { kind: 'jobs' } } : state
}

const formOverlay = (page: FormPage): Overlay => ({
  kind: 'form',
  page,
  form: formState(page.spec, page.values),
  failure: null,
})

export function startTask(state: State, task: Task): Step {
  if (state.link.kind !== 'up')
    return quiet(withMessage(state, 'The agent does not answer: actions are off.', 'warn'))
  if (state.deed !== null)
    return quiet(withMessage(state, 'The last action has not been answered yet.', 'warn'))
  const deed = { kind: 'task', task } as const
  return {
    state: withMessage({ ...state, deed }, 'Asking the agent ...', 'plain'),
    actions: [{ kind: 'do', deed }],
  }
}

/** A form that was left while its task ran is not opened again by what came of it. */
export function onTaskDone(state: State, next: Next): Step {
  if (next.kind === 'form' && state.overlay?.kind !== 'form')
    return quiet(withMessage(state, 'The form was closed; nothing was changed.', 'plain'))
  return withNext({ ...state, message: null }, next)
}

export function formKeyStep(state: State, key: string): Step {
  const { overlay } = state
  if (overlay?.kind !== 'form') return quiet(state)
  const { page } = overlay
  const { form, outcome } = formKey(page.spec, overlay.form, key)
  switch (outcome) {
    case 'stay':
      return quiet({ ...state, overlay: { ...overlay, form } })
    case 'back':
      return quiet({ ...state, overlay: page.back === null ? null : formOverlay(page.back(form.values)) })
    case 'submit':
      return withNext({ ...state, overlay: { ...overlay, form, failure: null } }, page.submit(form.values))
  }
}

export function formPasteState(state: State, text: string): State {
  const { overlay } = state
  if (overlay?.kind !== 'form') return state
  return { ...state, overlay: { ...overlay, form: formPaste(overlay.page.spec, overlay.form, text) } }
}

/** Marks or unmarks the selected row; all of the rows shown with `all`. */
export function toggleMarks(state: State, all: boolean): State {
  if (shownPage(state)?.table?.canMark !== true) return state
  const rows = pageRows(state)
  const ids = rows.map(row => row.id)
  if (all) {
    const marked = new Set(state.marks)
    return { ...state, marks: ids.every(id => marked.has(id)) ? [] : ids }
  }
  const id = chosenRow(state, rows)?.id
  if (id === undefined) return state
  const marks = state.marks.includes(id) ? state.marks.filter(each => each !== id) : [...state.marks, id]
  return { ...state, marks }
}
