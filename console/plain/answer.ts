import { codePoints } from '../clean-text.js'
import type { Event } from '../event.js'
import { commandFor, keyContext } from '../keymap.js'
import { focusedTable } from '../lists.js'
import { pageKeys } from '../page-lookup.js'
import { sections } from '../sections.js'
import type { State } from '../state.js'
import { formAnswer, type Answer } from './question.js'
import { pageRows } from './text.js'

const key = (name: string): Event => ({ kind: 'key', key: name })
const keys = (...names: readonly string[]): Answer => ({ ok: true, events: names.map(key) })
const wrong = (problem: string): Answer => ({ ok: false, problem })

/** Where the words of the sections lead; the key of each is the one of the drawn console. */
const sectionKey = (word: string): string | null =>
  sections.find(section => section.name === word)?.keys[0] ?? null

/** A line of the plain tier in the events of the drawn one, so that there is one behaviour. */
export function answerFor(state: State, typed: string): Answer {
  const line = typed.trim()
  switch (state.overlay?.kind) {
    case 'confirm':
      return state.overlay.typed === null
        ? button(line, state.overlay.button)
        : word(line, state.overlay.typed.wanted, state.overlay.button)
    case 'question':
      return state.overlay.typed === null
        ? button(line, state.overlay.button)
        : word(line, state.overlay.typed.wanted, state.overlay.button)
    case 'form':
      return formAnswer(state.overlay, typed)
    case 'failure':
    case 'report':
      return keys('enter')
    case 'help':
      return keys('escape')
    case 'filter':
      return { ok: true, events: filterEvents(line) }
    case undefined:
      return onScreen(state, line)
  }
}

function onScreen(state: State, line: string): Answer {
  const word = line.toLowerCase()
  if (line === '') return { ok: true, events: [] }
  if (line === '0' || word === 'back') return keys('escape')
  if (word === 'h' || word === 'help') return keys('?')
  const section = sectionKey(word)
  if (section !== null) return keys(section)
  if (line.startsWith('/') && line.length > 1 && commandFor(keyContext(state), '/') !== null)
    return { ok: true, events: [key('/'), ...filterEvents(line.slice(1))] }
  if (line === '+' || line === '-') return { ok: true, events: pageEvents(line === '+') }
  if (/^\d+$/.test(line)) return row(state, Number(line))
  if (codePoints(line).length === 1 && isKey(state, line)) return keys(line)
  return wrong('that is none of the choices. h explains them.')
}

const isKey = (state: State, name: string): boolean =>
  commandFor(keyContext(state), name) !== null || pageKeys(state).some(({ key: each }) => each === name)

/** The console moves rows by one; a page of the plain tier is so many. */
const pageEvents = (forward: boolean): readonly Event[] =>
  Array.from({ length: pageRows }, () => key(forward ? 'down' : 'up'))

function row(state: State, number: number): Answer {
  const count = focusedTable(state).ids.length
  if (count === 0) return wrong('there are no rows to choose from here.')
  if (number > count) return wrong(`there are ${count} rows. Type 1 to ${count}.`)
  return { ok: true, events: [{ kind: 'choose', index: number - 1 }] }
}

function button(line: string, chosen: 0 | 1): Answer {
  if (line !== '1' && line !== '2') return line === '' ? keys('escape') : wrong('type 1 or 2.')
  return Number(line) - 1 === chosen ? keys('enter') : keys('tab', 'enter')
}

/** Anything but the word changes nothing: a near miss is not taken for it. */
function word(line: string, wanted: string, chosen: 0 | 1): Answer {
  if (line !== wanted) return keys('escape')
  return keys(...codePoints(wanted), ...(chosen === 1 ? [] : ['tab']), 'enter')
}

const filterEvents = (text: string): readonly Event[] => [
  key('ctrl-u'),
  { kind: 'paste', text },
  key('enter'),
]
