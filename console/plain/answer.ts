import { codePoints } from '../clean-text.js'
import type { Event } from '../event.js'
import { commandFor, keyContext } from '../keymap.js'
import { focusedTable } from '../lists.js'
import type { Section, State } from '../state.js'
import { pageRows } from './text.js'

/** What a typed line asks for: events, or why it is none of the choices. */
export type Answer =
  { readonly ok: true; readonly events: readonly Event[] } | { readonly ok: false; readonly problem: string }

const key = (name: string): Event => ({ kind: 'key', key: name })
const keys = (...names: readonly string[]): Answer => ({ ok: true, events: names.map(key) })
const wrong = (problem: string): Answer => ({ ok: false, problem })

/** Where the words of the sections lead; the key of each is the one of the drawn console. */
const sectionKeys: Readonly<Record<Section, string>> = {
  home: '1',
  vms: '2',
  jobs: '3',
  messages: '4',
  about: '5',
}
const isSection = (word: string): word is Section => Object.hasOwn(sectionKeys, word)

/** A line of the plain tier in the events of the drawn one, so that there is one behaviour. */
export function answerFor(state: State, typed: string): Answer {
  const line = typed.trim()
  switch (state.overlay?.kind) {
    case 'confirm':
      return state.overlay.typed === null
        ? button(line, state.overlay.button)
        : word(line, state.overlay.typed.wanted, state.overlay.button)
    case 'failure':
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
  if (isSection(word)) return keys(sectionKeys[word])
  if (line.startsWith('/') && line.length > 1 && commandFor(keyContext(state), '/') !== null)
    return { ok: true, events: [key('/'), ...filterEvents(line.slice(1))] }
  if (line === '+' || line === '-') return { ok: true, events: pageEvents(line === '+') }
  if (/^\d+$/.test(line)) return row(state, Number(line))
  if (codePoints(line).length === 1 && commandFor(keyContext(state), line) !== null) return keys(line)
  return wrong('that is none of the choices. h explains them.')
}

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
