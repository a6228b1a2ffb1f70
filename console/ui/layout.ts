import { codePoints } from '../clean-text.js'
import type { Block, Column, Span } from '../view.js'

/** Splits spans into lines of at most `width` characters, at blanks; words longer than a line are cut. */
export function wrapSpans(
  spans: readonly Span[],
  width: number,
  indent: number,
): readonly (readonly Span[])[] {
  const lines: Span[][] = [[]]
  let used = 0
  const room = (): number => (lines.length === 1 ? width : width - indent)
  const push = (text: string, tone: Span['tone']): void => {
    lines.at(-1)?.push({ text, tone })
    used += codePoints(text).length
  }
  const breakLine = (): void => {
    lines.push([])
    used = 0
  }
  for (const { text, tone } of spans) {
    for (const word of text.split(/( +)/).filter(part => part !== '')) {
      let rest = codePoints(word)
      const isBlank = word.startsWith(' ')
      if (used + rest.length > room() && used > 0) {
        breakLine()
        if (isBlank) continue
      }
      if (isBlank && used === 0 && lines.length > 1) continue
      while (rest.length > room() && room() > 0) {
        push(rest.slice(0, room()).join(''), tone)
        rest = rest.slice(room())
        breakLine()
      }
      push(rest.join(''), tone)
    }
  }
  if (lines.length > 1 && lines.at(-1)?.length === 0) lines.pop()
  return lines
}

/** Rows a block wants; null: what is left. */
export function wantedRows(block: Block, width: number): number | null {
  switch (block.kind) {
    case 'line':
    case 'meter':
    case 'rule':
    case 'gap':
      return 1
    case 'chart':
      return block.rows
    case 'field':
      return block.problem === null
        ? 1
        : 1 + wrapSpans([{ text: `! ${block.problem}`, tone: 'bad' }], width - 4, 2).length
    case 'paragraph':
      return Math.max(
        block.minRows,
        Math.min(block.maxRows, wrapSpans(block.spans, width, block.indent).length),
      )
    case 'table': {
      const all = 1 + Math.max(1, block.rows.length)
      return block.maxRows === null ? null : Math.min(block.maxRows, all)
    }
  }
}

/** Heights of blocks under one another in `height` rows: what has a fixed height first, tables share what is left. */
export function blockHeights(blocks: readonly Block[], width: number, height: number): readonly number[] {
  const wanted = blocks.map(block => wantedRows(block, width))
  const fixed = wanted.reduce<number>((sum, rows) => sum + (rows ?? 0), 0)
  const open = wanted.filter(rows => rows === null).length
  const left = Math.max(0, height - fixed)
  const share = open === 0 ? 0 : Math.floor(left / open)
  let used = 0
  return wanted.map(rows => {
    const granted = Math.min(rows ?? share, height - used)
    used += granted
    return granted
  })
}

/** Cells of each column; 0 for one that is not shown. One cell of space stands between columns. */
export function columnWidths(columns: readonly Column[], width: number, cols: number): readonly number[] {
  const shown = columns.map(column => column.fromCols <= cols)
  const count = shown.filter(Boolean).length
  const base = columns.reduce((sum, column, at) => sum + (shown[at] === true ? column.width : 0), 0)
  const growth = columns.reduce((sum, column, at) => sum + (shown[at] === true ? column.grow : 0), 0)
  let left = Math.max(0, width - base - Math.max(0, count - 1))
  let growLeft = growth
  return columns.map((column, at) => {
    if (shown[at] !== true) return 0
    if (column.grow === 0 || growLeft === 0) return column.width
    const extra = Math.floor((left * column.grow) / growLeft)
    left -= extra
    growLeft -= column.grow
    return column.width + extra
  })
}
