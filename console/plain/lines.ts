import type { Readable, Writable } from 'node:stream'
import { codePoints } from '../clean-text.js'
import type { Event } from '../event.js'
import { lacksSomething } from '../polling.js'
import type { State } from '../state.js'
import type { View } from '../view.js'
import { answerFor } from './answer.js'
import { readLines } from './line-reader.js'
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
  let hidden = false
  const say = (text: string): void => {
    if (!closed) output.write(text)
  }
  const onLine = (line: string): void => {
    if (shown === null) return
    lines.hide(false)
    if (hidden) say('\n')
    hidden = false
    const long = codePoints(line).length > maxLineLength
    const answer = long ? null : answerFor(shown, line)
    if (answer === null || !answer.ok) {
      say(`Error: ${answer === null ? 'the line is too long.' : answer.problem}\n`)
      prompt(view)
      return
    }
    asked = true
    const before = shown
    for (const event of answer.events) events.event(event)
    // A line that changed nothing was still a question: the screen is said again.
    if (before === shown && view !== null) tell(shown, view)
  }
  const lines = readLines(input, {
    line: onLine,
    gone: () => {
      if (!closed) events.gone()
    },
  })

  const prompt = (next: View | null): void => {
    if (next === null) return
    say(plainPrompt(next))
    hidden = next.question?.secret ?? false
    lines.hide(hidden)
  }

  const tell = (state: State, next: View): void => {
    if (!asked) {
      const { message } = state
      if (message !== null && message.atMs > messageAtMs && state.link.kind !== 'starting') {
        say(`\nMessage: ${drawableText(message.text)}\n`)
        prompt(next)
      }
      messageAtMs = message?.atMs ?? messageAtMs
      return
    }
    if (!isReady(state)) return
    asked = false
    messageAtMs = state.message?.atMs ?? messageAtMs
    say(
      plainText(next)
        .map(each => `${each}\n`)
        .join(''),
    )
    prompt(next)
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

/** A screen is said when what it is about is known, or when nobody can be asked. */
const isReady = (state: State): boolean =>
  state.link.kind === 'away' ||
  (state.link.kind === 'up' &&
    state.deed === null &&
    state.polling.inFlight === null &&
    state.asking.length === 0 &&
    !lacksSomething(state))

/** What the operator is looking at; figures are no part of it. */
const placeOf = (state: State): string =>
  JSON.stringify([
    state.screen,
    state.overlay?.kind ?? null,
    state.overlay?.kind === 'form' ? state.overlay.page.title : '',
    state.link.kind === 'away',
  ])
