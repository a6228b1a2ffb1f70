import type { DrawnTier } from '../tier.js'
import type { Block, DialogView, KeyHint, Span, View } from '../view.js'
import { barText } from './bar.js'
import { widthOf } from './cells.js'
import { drawChart } from './draw-chart.js'
import { drawField } from './draw-field.js'
import { drawTable } from './draw-table.js'
import { Frame, type Style } from './frame.js'
import { blockHeights, wrapSpans } from './layout.js'

export const minCols = 80
export const minRows = 24

export interface Size {
  readonly cols: number
  readonly rows: number
}

/** A view as cells. Below 80x24 only the size that is needed is shown; the state stays as it is. */
export function drawView(view: View, size: Size, tier: DrawnTier): Frame {
  const frame = new Frame(size.cols, size.rows, tier)
  if (size.cols < minCols || size.rows < minRows) {
    frame.put(0, 0, `Needs ${minCols}x${minRows}, now ${size.cols}x${size.rows}.`, style('warn'))
    frame.put(0, 1, 'Make the window larger; nothing is lost.')
    return frame
  }
  drawSides(frame, 0, view.identity.left, view.identity.right, true)
  drawSections(frame, 1, view)
  drawBlocks(frame, view.body, { x: 0, y: 2, width: size.cols, height: size.rows - 4 })
  drawSpans(frame, 0, size.rows - 2, view.message, size.cols)
  drawKeys(frame, size.rows - 1, view)
  if (view.dialog !== null) drawDialog(frame, view.dialog)
  return frame
}

const style = (tone: Style['tone'], inverse = false): Style => ({ tone, inverse })

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

function drawSpans(
  frame: Frame,
  x: number,
  y: number,
  spans: readonly Span[],
  width: number,
  inverse = false,
): number {
  let at = x
  for (const { text, tone } of spans) at = frame.put(at, y, text, style(tone, inverse), x + width - at)
  return at
}

/** The right side wins: it holds what must not be cut off (health, clock, state). */
function drawSides(
  frame: Frame,
  y: number,
  left: readonly Span[],
  right: readonly Span[],
  inverse: boolean,
  x = 0,
  width = frame.cols,
): void {
  if (inverse) frame.fill(x, y, width, style('plain', true))
  const rightWidth = Math.min(
    width,
    right.reduce((sum, each) => sum + widthOf(each.text, frame.tier), 0),
  )
  drawSpans(frame, x, y, left, width - rightWidth - (rightWidth > 0 ? 1 : 0), inverse)
  drawSpans(frame, x + width - rightWidth, y, right, rightWidth, inverse)
}

function drawSections(frame: Frame, y: number, view: View): void {
  let x = 0
  for (const { label, active } of view.sections) {
    x = frame.put(x, y, active ? `[${label}]` : ` ${label} `, style(active ? 'strong' : 'plain'))
  }
}

function drawKeys(frame: Frame, y: number, view: View): void {
  const cells = ({ key, label }: KeyHint): number => widthOf(`${key} ${label}`, frame.tier)
  const keptCells = view.keys.reduce((sum, hint) => sum + (hint.stays === true ? cells(hint) + 2 : 0), 0)
  const all = view.keys.reduce((sum, hint) => sum + cells(hint) + 2, -2)
  let free = all <= frame.cols ? frame.cols : frame.cols - keptCells
  let x = 0
  for (const hint of view.keys) {
    const { key, label } = hint
    const needed = cells(hint)
    if (hint.stays === true) free += all <= frame.cols ? 0 : needed + 2
    // The rest comes later on the help page; what stays has its room kept.
    if (x + needed > free) {
      free = x
      continue
    }
    x = frame.put(x, y, key, style('accent', true))
    x = frame.put(x, y, ` ${label}`, style('plain')) + 2
  }
}

function drawBlocks(frame: Frame, blocks: readonly Block[], area: Area): void {
  let y = area.y
  blockHeights(blocks, area.width, area.height).forEach((height, at) => {
    const block = blocks[at]
    if (block !== undefined && height > 0) drawBlock(frame, block, { ...area, y, height })
    y += height
  })
}

function drawBlock(frame: Frame, block: Block, area: Area): void {
  const { x, y, width } = area
  switch (block.kind) {
    case 'gap':
      return
    case 'line':
      drawSides(frame, y, block.left, block.right, false, x, width)
      return
    case 'rule': {
      const title = block.title === '' ? '' : ` ${block.title} `
      frame.put(x, y, '─'.repeat(width), style('dim'))
      if (title !== '') frame.put(x + 2, y, title, style('strong'), width - 4)
      return
    }
    case 'paragraph':
      wrapSpans(block.spans, width, block.indent)
        .slice(0, area.height)
        .forEach((spans, at) => {
          const indent = at === 0 ? 0 : block.indent
          drawSpans(frame, x + indent, y + at, spans, width - indent)
        })
      return
    case 'meter': {
      const bar = frame.put(x, y, barText(block.fraction, meterCells), style(block.tone), width)
      frame.put(bar, y, ` ${block.text}`, style('plain'), x + width - bar)
      return
    }
    case 'chart':
      drawChart(frame, block.values, area)
      return
    case 'field':
      drawField(frame, block, area)
      return
    case 'table':
      drawTable(frame, block, area)
  }
}

/** Leaves room for the longest figures on 80 columns. */
const meterCells = 24

const dialogCols = 68

function drawDialog(frame: Frame, dialog: DialogView): void {
  const width = Math.min(frame.cols - 4, dialogCols)
  const inner = width - 4
  const wanted = dialog.body.reduce(
    (sum, block) => sum + (blockHeights([block], inner, frame.rows)[0] ?? 1),
    0,
  )
  const height = Math.min(frame.rows - 2, wanted + 4)
  const x = Math.floor((frame.cols - width) / 2)
  const y = Math.floor((frame.rows - height) / 2)
  const edge = style(dialog.tone)
  for (let row = 0; row < height; row += 1) {
    frame.fill(x, y + row, width)
    frame.put(x, y + row, '│', edge)
    frame.put(x + width - 1, y + row, '│', edge)
  }
  frame.put(x, y, `┌${'─'.repeat(width - 2)}┐`, edge)
  frame.put(x, y + height - 1, `└${'─'.repeat(width - 2)}┘`, edge)
  frame.put(x + 2, y, ` ${dialog.title} `, style('strong'), width - 4)
  drawBlocks(frame, dialog.body, { x: x + 2, y: y + 1, width: inner, height: height - 4 })
  let at = x + 2
  for (const { label, focused } of dialog.buttons) {
    at =
      frame.put(
        at,
        y + height - 2,
        focused ? `[ ${label} ]` : `  ${label}  `,
        style('strong', focused),
        x + width - 2 - at,
      ) + 2
  }
}
