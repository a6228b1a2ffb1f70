import { codePoints } from '../console/clean-text.js'
import { drawableText } from '../console/plain/drawable.js'
import { plainBlocks } from '../console/plain/text.js'
import { formProblems, type Field } from '../console/form.js'
import { paragraph, span, type Block } from '../console/view.js'
import { certificateAddress } from './steps/peers.js'
import { wizardView } from './view.js'
import { keepWord, specAt, stepAt, type WizardEvent, type WizardState } from './wizard.js'

/** What the plain tier says and asks next. */
export interface Question {
  readonly say: readonly string[]
  readonly prompt: string
  readonly secret: boolean
}

/** Where in a step the questions are: `field` counts its fields, its end asks whether to go on. */
export interface Asking {
  readonly place: number
  readonly field: number
}

const plainQuestion = (say: readonly string[], prompt: string): Question => ({ say, prompt, secret: false })

/** The buttons are a question of their own here. */
const isSaid = (block: Block): boolean => block.kind !== 'line' || block.left.length > 0

/** The certificate or the checks are on their way. */
function isWaiting(state: WizardState): boolean {
  const step = stepAt(state)
  if (step === null) return state.checks === null
  const url = certificateAddress(state.answers)
  return step.id === 'certificate' && url !== null && state.facts.certificates[url] === undefined
}

/** Null: nothing can be asked now. */
export function questionFor(state: WizardState, asking: Asking): Question | null {
  const view = wizardView({ ...state, form: { ...state.form, left: new Set() } })
  const title = `${view.sections.map(section => drawableText(section.label)).join(' ')}.`
  const intro = [title, ...plainBlocks(view.body.filter(isSaid))]
  switch (state.phase.kind) {
    case 'working':
      return null
    case 'done':
      return plainQuestion(['This appliance is set up.'], 'Enter leaves: ')
    case 'keep':
      return plainQuestion(
        [...intro, `The new settings go back in ${state.phase.secondsLeft} s unless they are kept.`],
        `Type ${keepWord} to keep them, UNDO to go back now: `,
      )
    case 'asking': {
      const spec = specAt(state)
      const field = spec.fields[asking.field]
      if (isWaiting(state)) return null
      if (field === undefined)
        return plainQuestion(
          asking.field === 0 ? intro : [],
          `Enter ${spec.submit === 'Next' ? 'goes on' : 'finishes'}, < goes back: `,
        )
      const notes =
        asking.field === 0 ? [title, ...plainBlocks(spec.notes.map(note => paragraph([span(note)])))] : []
      return {
        say: notes,
        prompt: promptFor(field, state.form.values[field.id] ?? ''),
        secret: field.kind === 'text' && field.secret,
      }
    }
  }
}

function promptFor(field: Field, value: string): string {
  const label = drawableText(field.label)
  if (field.kind === 'choice') {
    const options = field.options.map((option, at) => `${at + 1} ${drawableText(option.label)}`).join(', ')
    const chosen = field.options.findIndex(option => option.value === value) + 1
    return `${label} (${options}), Enter keeps ${chosen}: `
  }
  if (field.secret || value === '') return `${label}: `
  return `${label}, Enter keeps ${drawableText(value)}, a dot empties it: `
}

export interface Answered {
  readonly events: readonly WizardEvent[]
  readonly asking: Asking
  /** Empty: nothing is wrong. */
  readonly problem: string
}

/** A line as an answer to the question at `asking`. */
export function answerTo(state: WizardState, asking: Asking, typed: string): Answered {
  const stay = (problem: string): Answered => ({ events: [], asking, problem })
  const keys = (...names: readonly string[]): Answered => ({
    events: names.map(key => ({ kind: 'key', key })),
    asking,
    problem: '',
  })
  switch (state.phase.kind) {
    case 'working':
      return stay('')
    case 'done':
      return keys('enter')
    case 'keep':
      if (typed === 'UNDO') return keys('escape')
      return typed === keepWord
        ? keys('ctrl-u', ...codePoints(keepWord), 'enter')
        : stay(`that is neither ${keepWord} nor UNDO.`)
    case 'asking':
      return onAnswer(state, asking, typed, stay)
  }
}

function onAnswer(
  state: WizardState,
  asking: Asking,
  typed: string,
  stay: (problem: string) => Answered,
): Answered {
  const line = typed.trim()
  const spec = specAt(state)
  const field = spec.fields[asking.field]
  if (line === '<') return { events: [{ kind: 'back' }], asking: { ...asking, field: 0 }, problem: '' }
  if (field === undefined) {
    const problems = formProblems(spec, state.form.values)
    const first = spec.fields.findIndex(each => problems[each.id] !== undefined)
    if (first === -1) return { events: [{ kind: 'submit' }], asking: { ...asking, field: 0 }, problem: '' }
    return {
      events: [],
      asking: { ...asking, field: first },
      problem: problems[spec.fields[first]?.id ?? ''] ?? '',
    }
  }
  const next = { ...asking, field: asking.field + 1 }
  const before = state.form.values[field.id] ?? ''
  if (field.kind === 'choice') {
    const option = line === '' ? before : field.options[Number(line) - 1]?.value
    if (option === undefined) return stay(`type a number from 1 to ${field.options.length}.`)
    return { events: [{ kind: 'set', id: field.id, text: option }], asking: next, problem: '' }
  }
  // A password may begin or end with a blank.
  const text = field.secret ? typed : line === '' ? before : line === '.' ? '' : line
  const problem = field.check(text)
  if (problem !== null) return stay(problem)
  return { events: [{ kind: 'set', id: field.id, text }], asking: next, problem: '' }
}
