import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { codePoints } from '../clean-text.js'
import type { Event } from '../event.js'
import { lacksSomething } from '../polling.js'
import type { State } from '../state.js'
import type { View } from '../view.js'
import { answerFor } from './answer.js'
import { drawableText } from './drawable.js'
import { plainPrompt, plainText } from './text.js'

export interface LinesEvents {
  readonly event: (event: Event) => void
  /** The other end is gone. */
  readonly gone: () => void
}

export interface PlainLines {
  /** Says what is new. A screen is said once, when it was asked for; figures that move do not repeat it. */
  show(state: State, view: View): void
  close(): void
}

/** Longest line taken; what is longer is refused. */
const maxLineLength = 500

/** The plain tier: says a screen, asks a question, reads one line. */
export function openLines(input: Readable, output: Writable, events: LinesEvents): PlainLines {
  let shown: State | null = null
  let view: View | null = null
  let asked = true
  let messageAtMs = -Infinity
  let closed = false
  const say = (text: string): void => {
    if (!closed) output.write(text)
  }
  const lines = createInterface({ input, terminal: false })
  lines.on('line', line => {
    if (shown === null) return
    const long = codePoints(line).length > maxLineLength
    const answer = long ? null : answerFor(shown, line)
    if (answer === null || !answer.ok) {
      say(`Error: ${answer === null ? 'the line is too long.' : answer.problem}\n${promptOf(view)}`)
      return
    }
    asked = true
    const before = shown
    for (const event of answer.events) events.event(event)
    // A line that changed nothing was still a question: the screen is said again.
    if (before === shown && view !== null) tell(shown, view)
  })
  lines.on('close', () => {
    if (!closed) events.gone()
  })

  const tell = (state: State, next: View): void => {
    if (!asked) {
      const { message } = state
      if (message !== null && message.atMs > messageAtMs && state.link.kind !== 'starting')
        say(`\nMessage: ${drawableText(message.text)}\n${promptOf(next)}`)
      messageAtMs = message?.atMs ?? messageAtMs
      return
    }
    if (!isReady(state)) return
    asked = false
    messageAtMs = state.message?.atMs ?? messageAtMs
    say(`${plainText(next).join('\n')}\n${promptOf(next)}`)
  }

  return {
    show: (state, next) => {
      const other = shown === null || placeOf(shown) !== placeOf(state)
      shown = state
      view = next
      asked ||= other
      tell(state, next)
    },
    close: () => {
      closed = true
      lines.close()
    },
  }
}

const promptOf = (view: View | null): string => (view === null ? '' : plainPrompt(view))

/** A screen is said when what it is about is known, or when nobody can be asked. */
const isReady = (state: State): boolean =>
  state.link.kind === 'away' ||
  (state.link.kind === 'up' &&
    state.deed === null &&
    state.polling.inFlight === null &&
    !lacksSomething(state))

/** What the operator is looking at; figures are no part of it. */
const placeOf = (state: State): string =>
  JSON.stringify([state.screen, state.overlay?.kind ?? null, state.link.kind === 'away'])
