import { codePoints } from './clean-text.js'
import { editLine, insertText } from './line-edit.js'
import { paragraph, span, type Block, type KeyHint } from './view.js'

export type Field =
  | {
      readonly kind: 'text'
      readonly id: string
      readonly label: string
      /** Never shown unless asked for while it is typed, never kept in the state of a form that was left. */
      readonly secret: boolean
      /** Why the text cannot stay, with what is allowed; null: it can. */
      readonly check: (text: string) => string | null
    }
  | {
      readonly kind: 'choice'
      readonly id: string
      readonly label: string
      readonly options: readonly { readonly value: string; readonly label: string }[]
    }

export type Values = Readonly<Record<string, string>>

/** A form as data: drawn by `formBlocks`, asked line by line by the plain tier, filled from a file. */
export interface FormSpec {
  readonly notes: readonly string[]
  readonly fields: readonly Field[]
  /** What only several fields together can say, by the id of the field to correct. */
  readonly problems: (values: Values) => Values
  readonly submit: string
}

export interface FormState {
  readonly values: Values
  /** Of the fields, then Back, then the other button. */
  readonly place: number
  /** Code points before the cursor in the focused text. */
  readonly cursor: number
  /** Fields that were left: only what was finished is complained about. */
  readonly left: ReadonlySet<string>
  readonly reveal: boolean
}

export interface FormStep {
  readonly form: FormState
  readonly outcome: 'stay' | 'back' | 'submit'
}

export const formState = (spec: FormSpec, values: Values): FormState =>
  focus(spec, { values: defaults(spec, values), place: 0, cursor: 0, left: new Set(), reveal: false }, 0)

/** A choice always has a value: its first option unless another was made. */
function defaults(spec: FormSpec, values: Values): Values {
  const filled: Record<string, string> = {}
  for (const field of spec.fields) {
    const given = values[field.id]
    if (field.kind === 'text') filled[field.id] = given ?? ''
    else
      filled[field.id] = field.options.some(option => option.value === given)
        ? (given ?? '')
        : (field.options[0]?.value ?? '')
  }
  return filled
}

/** All that is wrong with the values, by field. */
export function formProblems(spec: FormSpec, values: Values): Values {
  const problems: Record<string, string> = { ...spec.problems(values) }
  for (const field of spec.fields) {
    if (field.kind !== 'text') continue
    const problem = field.check(values[field.id] ?? '')
    if (problem !== null) problems[field.id] = problem
  }
  return problems
}

export const setValue = (form: FormState, id: string, text: string): FormState => ({
  ...form,
  values: { ...form.values, [id]: text },
})

const stay = (form: FormState): FormStep => ({ form, outcome: 'stay' })

export function formKey(spec: FormSpec, form: FormState, key: string): FormStep {
  const field = spec.fields[form.place]
  switch (key) {
    case 'escape':
      return { form, outcome: 'back' }
    case 'f10':
      return submitForm(spec, form)
    case 'tab':
    case 'down':
      return stay(focus(spec, form, form.place + 1))
    case 'backtab':
    case 'up':
      return stay(focus(spec, form, form.place - 1))
    case 'enter':
      if (form.place === spec.fields.length) return { form, outcome: 'back' }
      if (form.place > spec.fields.length) return submitForm(spec, form)
      return stay(focus(spec, form, nextPlace(spec, form.place)))
    case 'ctrl-r':
      return stay({ ...form, reveal: !form.reveal })
    default:
      if (field === undefined) return stay(onButtons(spec, form, key))
      return stay(field.kind === 'choice' ? choose(form, field, key) : typeInto(form, field.id, key))
  }
}

export function formPaste(spec: FormSpec, form: FormState, text: string): FormState {
  const field = spec.fields[form.place]
  if (field?.kind !== 'text') return form
  const line = insertText({ text: form.values[field.id] ?? '', cursor: form.cursor }, text)
  return { ...setValue(form, field.id, line.text), cursor: line.cursor }
}

/** Enter on the last field goes past Back. */
const nextPlace = (spec: FormSpec, place: number): number =>
  place + 1 === spec.fields.length ? place + 2 : place + 1

function focus(spec: FormSpec, form: FormState, wanted: number): FormState {
  const count = spec.fields.length + 2
  const place = ((wanted % count) + count) % count
  const before = spec.fields[form.place]
  const left =
    before === undefined || before.id === spec.fields[place]?.id
      ? form.left
      : new Set([...form.left, before.id])
  const text = form.values[spec.fields[place]?.id ?? ''] ?? ''
  return { ...form, place, left, cursor: codePoints(text).length, reveal: false }
}

/** Everything has to be right first: the first field that is not gets the keyboard. */
export function submitForm(spec: FormSpec, form: FormState): FormStep {
  const problems = formProblems(spec, form.values)
  const first = spec.fields.findIndex(field => problems[field.id] !== undefined)
  const all = { ...form, left: new Set(spec.fields.map(field => field.id)) }
  return first === -1 ? { form: all, outcome: 'submit' } : stay(focus(spec, all, first))
}

function onButtons(spec: FormSpec, form: FormState, key: string): FormState {
  if (key !== 'left' && key !== 'right') return form
  return { ...form, place: form.place === spec.fields.length ? form.place + 1 : spec.fields.length }
}

function choose(form: FormState, field: Extract<Field, { kind: 'choice' }>, key: string): FormState {
  const step = key === 'right' || key === ' ' ? 1 : key === 'left' ? -1 : 0
  const at = field.options.findIndex(option => option.value === form.values[field.id])
  const option = field.options[(at + step + field.options.length) % field.options.length]
  return option === undefined ? form : setValue(form, field.id, option.value)
}

function typeInto(form: FormState, id: string, key: string): FormState {
  const line = { text: form.values[id] ?? '', cursor: form.cursor }
  const edited = codePoints(key).length === 1 ? insertText(line, key) : editLine(line, key)
  return edited === null ? form : { ...setValue(form, id, edited.text), cursor: edited.cursor }
}

const labelCells = 22

export function formBlocks(spec: FormSpec, form: FormState): readonly Block[] {
  const problems = formProblems(spec, form.values)
  const back = form.place === spec.fields.length
  const go = form.place > spec.fields.length
  return [
    ...spec.notes.map(note => paragraph([span(note)])),
    { kind: 'gap' },
    ...spec.fields.map((field, at) => fieldBlock(field, form, at, problems[field.id] ?? null)),
    { kind: 'gap' },
    {
      kind: 'line',
      left: [],
      right: [
        span(back ? '[ Back ]' : '  Back  ', back ? 'accent' : 'strong'),
        span('  '),
        span(go ? `[ ${spec.submit} ]` : `  ${spec.submit}  `, go ? 'accent' : 'strong'),
      ],
    },
  ]
}

function fieldBlock(field: Field, form: FormState, at: number, problem: string | null): Block {
  const focused = form.place === at
  const value = form.values[field.id] ?? ''
  const label = field.label.padEnd(labelCells)
  // What is being typed is not wrong yet, only unfinished.
  const said = form.left.has(field.id) ? problem : null
  if (field.kind === 'choice') {
    const place = field.options.findIndex(option => option.value === value)
    const entry = {
      kind: 'choice',
      label: field.options[place]?.label ?? '',
      place,
      of: field.options.length,
    } as const
    return { kind: 'field', label, entry, focused, problem: said }
  }
  const text = field.secret && !(focused && form.reveal) ? '*'.repeat(codePoints(value).length) : value
  const entry = { kind: 'text', text, cursor: focused ? form.cursor : null, width: 44 } as const
  return { kind: 'field', label, entry, focused, problem: said }
}

export const formKeys: readonly KeyHint[] = [
  { key: 'Tab', letter: null, label: 'Next field' },
  { key: 'Left/Right', letter: null, label: 'Change' },
  { key: 'F10', letter: null, label: 'Go on' },
  { key: '^R', letter: null, label: 'Show secret' },
  { key: '^T', letter: null, label: 'Draw' },
  { key: 'Esc', letter: null, label: 'Back' },
]
