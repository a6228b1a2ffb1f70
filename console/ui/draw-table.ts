import { windowTop } from '../table.js'
import type { Block, Column, TableCell } from '../view.js'
import { barText } from './bar.js'
import { widthOf } from './cells.js'
import type { Frame, Style } from './frame.js'
import { columnWidths } from './layout.js'

type TableBlock = Extract<Block, { kind: 'table' }>

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The mark of the selected row, and the space for it in the others. */
const markCells = 2

/** Draws the heading and the rows that are visible; no other row is made. */
export function drawTable(frame: Frame, block: TableBlock, area: Area): void {
  const widths = columnWidths(block.columns, area.width - markCells, frame.cols)
  drawHeading(frame, block, area, widths)
  const height = area.height - 1
  if (block.rows.length === 0) {
    frame.put(
      area.x + markCells,
      area.y + 1,
      block.empty,
      { tone: 'dim', inverse: false },
      area.width - markCells,
    )
    return
  }
  const top = windowTop(block.rows.length, block.selected, height)
  for (let at = 0; at < height; at += 1) {
    const row = block.rows.at(top + at)
    if (row === undefined) return
    const selected = top + at === block.selected
    const y = area.y + 1 + at
    const inverse = selected && block.focused
    if (inverse) frame.fill(area.x, y, area.width, { tone: 'plain', inverse })
    if (selected && block.marked) frame.put(area.x, y, '>', { tone: 'strong', inverse })
    let x = area.x + markCells
    row.cells.forEach((cell, index) => {
      const width = widths[index] ?? 0
      if (width === 0) return
      drawCell(frame, cell, block.columns[index], { x, y, width, height: 1 }, inverse)
      x += width + 1
    })
  }
}

function drawHeading(frame: Frame, block: TableBlock, area: Area, widths: readonly number[]): void {
  let x = area.x + markCells
  block.columns.forEach((column, index) => {
    const width = widths[index] ?? 0
    if (width === 0) return
    const sorted = block.sort?.column === index ? (block.sort.descending ? ' ▼' : ' ▲') : ''
    const style: Style = { tone: 'strong', inverse: false }
    drawAligned(frame, `${column.title}${sorted}`, column, { ...area, x, width }, style)
    x += width + 1
  })
}

function drawCell(
  frame: Frame,
  cell: TableCell,
  column: Column | undefined,
  area: Area,
  inverse: boolean,
): void {
  const style: Style = { tone: inverse ? 'plain' : cell.tone, inverse }
  switch (cell.kind) {
    case 'text':
      drawAligned(frame, cell.text, column, area, style)
      return
    case 'bar': {
      frame.put(area.x, area.y, barText(cell.fraction, area.width), style, area.width)
    }
  }
}

function drawAligned(frame: Frame, text: string, column: Column | undefined, area: Area, style: Style): void {
  const shift = column?.align === 'right' ? Math.max(0, area.width - widthOf(text, frame.tier)) : 0
  frame.put(area.x + shift, area.y, text, style, area.width - shift)
}
