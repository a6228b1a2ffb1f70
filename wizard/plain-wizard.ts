import type { Readable, Writable } from 'node:stream'
import { answerTo, questionFor, type Asking } from './ask.js'
import { readLines } from '../console/plain/line-reader.js'
import type { WizardEvent, WizardState } from './wizard.js'

export interface PlainWizard {
  show(state: WizardState): void
  close(): void
}

/** Asks the wizard's questions one at a time. */
export function openPlainWizard(
  input: Readable,
  output: Writable,
  events: { readonly event: (event: WizardEvent) => void; readonly gone: () => void },
): PlainWizard {
  let shown: WizardState | null = null
  let asking: Asking = { place: -1, field: 0 }
  let asked = ''
  let said = ''
  let hidden = false
  let closed = false

  const ask = (problem: string): void => {
    const question = shown === null || closed ? null : questionFor(shown, asking)
    if (shown === null || question === null) return
    const message = shown.message === said || shown.message === '' ? [] : [`Message: ${shown.message}`]
    said = shown.message
    asked = keyOf(shown, asking)
    const text = [...(problem === '' ? [] : [`Error: ${problem}`]), ...message, ...question.say]
    output.write(`${text.map(line => `${line}\n`).join('')}${question.prompt}`)
    hidden = question.secret
    reader.hide(hidden)
  }

  const reader = readLines(input, {
    line: line => {
      if (shown === null || closed) return
      reader.hide(false)
      if (hidden) output.write('\n')
      hidden = false
      const { events: made, asking: next, problem } = answerTo(shown, asking, line)
      asking = next
      asked = ''
      for (const event of made) events.event(event)
      if (made.length === 0) ask(problem)
    },
    gone: events.gone,
  })
  return {
    show: state => {
      if (state.place !== asking.place) asking = { place: state.place, field: 0 }
      shown = state
      if (keyOf(state, asking) !== asked) ask('')
    },
    close: () => {
      closed = true
      reader.close()
    },
  }
}

/** What would be asked; the seconds of a countdown alone do not ask again. */
const keyOf = (state: WizardState, asking: Asking): string =>
  JSON.stringify([
    state.place,
    asking.field,
    state.phase.kind,
    state.message,
    state.checks === null,
    Object.keys(state.facts.certificates).length,
  ])
