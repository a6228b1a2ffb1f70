import type { Event } from '../event.js'
import { formProblems } from '../form.js'
import type { Overlay } from '../state.js'
import type { QuestionView } from '../view.js'
import { drawableText } from './drawable.js'

/** What a typed line asks for: events, or why it is none of the choices. */
export type Answer =
  { readonly ok: true; readonly events: readonly Event[] } | { readonly ok: false; readonly problem: string }

type FormOverlay = Extract<Overlay, { kind: 'form' }>

const key = (name: string): Event => ({ kind: 'key', key: name })
const keys = (...names: readonly string[]): Answer => ({ ok: true, events: names.map(key) })

/** The field with the keyboard as a question, the buttons as the last one. */
export function questionFor({ page: { spec }, form, failure }: FormOverlay): QuestionView {
  const field = spec.fields[form.place]
  const isFirst = form.place === 0 || failure !== null
  if (field === undefined)
    return {
      prompt: `1 ${drawableText(spec.submit)}, 2 Back, 3 from the first field again: `,
      isFirst,
      secret: false,
    }
  const problem = form.left.has(field.id) ? formProblems(spec, form.values)[field.id] : undefined
  const said = problem === undefined ? '' : `Error: ${drawableText(problem)}\n`
  const label = drawableText(field.label)
  const value = form.values[field.id] ?? ''
  if (field.kind === 'choice') {
    const options = field.options.map((option, at) => `  ${at + 1} ${drawableText(option.label)}\n`).join('')
    const chosen = field.options.findIndex(option => option.value === value) + 1
    return {
      prompt: `${said}${label}:\n${options}Number, Enter keeps ${chosen}, < goes back: `,
      isFirst,
      secret: false,
    }
  }
  const now = field.secret || value === '' ? '' : `${label}: ${drawableText(value)}\n`
  const ask = now === '' ? label : 'Enter keeps it, a dot empties it'
  return { prompt: `${said}${now}${ask}, < goes back: `, isFirst, secret: field.secret }
}

/** A typed line as an answer to it. */
export function formAnswer({ page: { spec }, form }: FormOverlay, typed: string): Answer {
  const line = typed.trim()
  const field = spec.fields[form.place]
  if (line === '<') return keys('escape')
  if (field === undefined) {
    if (line === '1') return keys('f10')
    if (line === '2') return keys('escape')
    if (line === '3') return keys(...Array.from({ length: form.place }, () => 'backtab'))
    return { ok: false, problem: 'type 1, 2 or 3.' }
  }
  // Past Back, which is the last question's business.
  const on = form.place + 1 === spec.fields.length ? ['tab', 'tab'] : ['tab']
  if (line === '') return keys(...on)
  if (field.kind === 'choice') {
    const at = field.options.findIndex(option => option.value === form.values[field.id])
    const wanted = Number(line) - 1
    if (!Number.isInteger(wanted) || field.options[wanted] === undefined)
      return { ok: false, problem: `type a number from 1 to ${field.options.length}.` }
    const steps = (wanted - at + field.options.length) % field.options.length
    return keys(...Array.from({ length: steps }, () => 'right'), ...on)
  }
  // A secret may begin or end with a blank.
  const text = field.secret ? typed : line === '.' ? '' : line
  const problem = field.check(text)
  if (problem !== null) return { ok: false, problem }
  return { ok: true, events: [key('end'), key('ctrl-u'), { kind: 'paste', text }, ...on.map(key)] }
}
