import { cleanText, codePoints } from './clean-text.js'

/** One line of text being typed; `cursor` counts code points before it. */
export interface LineEdit {
  readonly text: string
  readonly cursor: number
}

export const lineOf = (text: string): LineEdit => ({ text, cursor: codePoints(text).length })

const maxLength = 200

/** Puts `text` in at the cursor, cleaned and cut to the longest line allowed. */
export function insertText(line: LineEdit, text: string): LineEdit {
  const chars = codePoints(line.text)
  const fresh = codePoints(cleanText(text.replaceAll(/[\r\n\t]+/g, ' '))).slice(0, maxLength - chars.length)
  chars.splice(line.cursor, 0, ...fresh)
  return { text: chars.join(''), cursor: line.cursor + fresh.length }
}

/** The line after an editing key; null when the key edits nothing. */
export function editLine(line: LineEdit, key: string): LineEdit | null {
  const chars = codePoints(line.text)
  const at = line.cursor
  const without = (from: number, to: number): LineEdit => ({
    text: [...chars.slice(0, from), ...chars.slice(to)].join(''),
    cursor: from,
  })
  switch (key) {
    case 'left':
    case 'ctrl-b':
      return { ...line, cursor: Math.max(0, at - 1) }
    case 'right':
    case 'ctrl-f':
      return { ...line, cursor: Math.min(chars.length, at + 1) }
    case 'home':
    case 'ctrl-a':
      return { ...line, cursor: 0 }
    case 'end':
    case 'ctrl-e':
      return { ...line, cursor: chars.length }
    case 'backspace':
      return at === 0 ? line : without(at - 1, at)
    case 'delete':
      return at === chars.length ? line : without(at, at + 1)
    case 'ctrl-u':
      return without(0, at)
    case 'ctrl-k':
      return without(at, chars.length)
    default:
      return null
  }
}
