import { wrapSpans } from '../ui/layout.js'
import { span, type Block, type FieldEntry, type Span, type TableCell, type View } from '../view.js'
import { drawableText } from './drawable.js'

/** No line is longer: it is what a terminal has, and what a braille display pans through. */
export const lineCells = 80
/** Rows of a table said at once. */
export const pageRows = 20

type TableBlock = Extract<Block, { kind: 'table' }>

/**
 * A view as sentences, one after the other: nothing is drawn, nothing is placed, no byte acts on a terminal. Tables are
 * numbered, so that a row is chosen by its number.
 */
export function plainText(view: View): readonly string[] {
  const lines = [
    '',
    sentence(joined(view.identity.left), `State: ${joined(view.identity.right)}`),
    `Sections: ${view.sections.map(({ label, active }) => `${sectionWord(label)}${active ? ' (here)' : ''}`).join(', ')}.`,
  ]
  if (view.question !== null && !view.question.isFirst) {
    const { message } = view
    return message.length === 0 ? [] : wrapped(drawableText(`Message: ${joined(message)}`))
  }
  if (view.dialog === null) {
    lines.push(...view.body.flatMap(blockLines))
  } else {
    lines.push(`Question: ${view.dialog.title}`, ...view.dialog.body.flatMap(blockLines))
  }
  const message = joined(view.message)
  if (message !== '') lines.push(`Message: ${message}`)
  return lines.flatMap(line => wrapped(drawableText(line)))
}

/** Blocks alone, for a screen that has no place among sections. */
export const plainBlocks = (blocks: readonly Block[]): readonly string[] =>
  blocks.flatMap(blockLines).flatMap(line => wrapped(drawableText(line)))

/** The line that asks; it always ends in a colon. */
export function plainPrompt(view: View): string {
  const { dialog } = view
  if (view.question !== null) return `${view.question.prompt.split('\n').flatMap(wrapped).join('\n')} `
  if (dialog !== null) {
    const choices = dialog.buttons.map(({ label }, at) => `${at + 1} ${label}`).join(', ')
    return dialog.typedWord === null
      ? `Choice (${choices}): `
      : `Type ${dialog.typedWord} to go on, Enter changes nothing: `
  }
  const named = view.keys.flatMap(({ letter, label }) => (letter === null ? [] : [`${letter} ${label}`]))
  const hasRows = view.body.some(block => block.kind === 'table' && block.focused && block.rows.length > 0)
  const all = [...(hasRows ? ['number of a row'] : []), ...named, '0 Back']
  return `${wrapped(drawableText(`Choices: ${all.join(', ')}.`)).join('\n')}\nChoice: `
}

/** What a section is called when it is typed. */
export const sectionWord = (label: string): string => label.replace(/^\d+ /, '').toLowerCase()

const joined = (spans: readonly Span[]): string =>
  spans
    .map(span => span.text)
    .join('')
    .replaceAll(/ {2,}/g, '  ')
    .trim()

const sentence = (...parts: readonly string[]): string => `${parts.filter(part => part !== '').join('. ')}.`

function blockLines(block: Block): readonly string[] {
  switch (block.kind) {
    case 'gap':
      return []
    case 'line': {
      const parts = [joined(block.left), joined(block.right)].filter(part => part !== '')
      return parts.length === 0 ? [] : [parts.join('. ')]
    }
    case 'rule':
      return block.title === '' ? [] : [`${block.title}:`]
    case 'paragraph':
      return [joined(block.spans)]
    case 'meter':
      return [`Progress: ${block.text}`]
    // The title above it says the newest and the highest value.
    case 'chart':
      return []
    case 'field':
      return fieldLines(block.label, block.entry, block.problem)
    case 'table':
      return tableLines(block)
  }
}

function fieldLines(label: string, entry: FieldEntry, problem: string | null): readonly string[] {
  const value = entry.kind === 'choice' ? entry.label : entry.text
  const said = `${label} ${value === '' ? '(empty)' : value}`
  return problem === null ? [said] : [said, `Error: ${problem}`]
}

/** One row a line: `3. Name: fin-share, State: !! failed`. Columns that only draw are left out. */
function tableLines(block: TableBlock): readonly string[] {
  if (block.rows.length === 0) return [block.empty]
  const first = Math.floor(Math.max(0, block.selected) / pageRows) * pageRows
  const last = Math.min(block.rows.length, first + pageRows)
  const lines: string[] = []
  for (let at = first; at < last; at += 1) {
    const cells = block.rows.at(at)?.cells ?? []
    const said = cells.flatMap((cell, column) => cellWords(block.columns[column]?.title ?? '', cell))
    lines.push(`${block.focused ? `${at + 1}.` : '-'} ${said.join(', ')}`)
  }
  if (block.rows.length > pageRows)
    lines.push(`Rows ${first + 1} to ${last} of ${block.rows.length}; + next page, - page before.`)
  return lines
}

function cellWords(title: string, cell: TableCell): readonly string[] {
  if (cell.kind === 'bar' || cell.text.trim() === '') return []
  const text = cell.text.replaceAll(/ {2,}/g, ' ').trim()
  return [title === '' ? text : `${title}: ${text}`]
}

/** At blanks; a word longer than a line is cut. Lines after the first are indented. */
const wrapped = (line: string): readonly string[] =>
  wrapSpans([span(line)], lineCells, 2).map(
    (spans, at) => `${at === 0 ? '' : '  '}${joinedAsIs(spans).trimEnd()}`,
  )

const joinedAsIs = (spans: readonly Span[]): string => spans.map(each => each.text).join('')
