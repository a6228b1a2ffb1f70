import { codePoints } from '../clean-text.js'
import type { Block } from '../view.js'
import type { Frame, Style } from './frame.js'
import { wrapSpans } from './layout.js'

type FieldBlock = Extract<Block, { kind: 'field' }>

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const plain: Style = { tone: 'plain', inverse: false }

/** `Label   [value   ]`, with what is wrong with it on the lines below. */
export function drawField(frame: Frame, block: FieldBlock, area: Area): void {
  const right = area.x + area.width
  const strong: Style = { tone: block.focused ? 'strong' : 'plain', inverse: false }
  const start = frame.put(area.x, area.y, block.label, strong, area.width) + 1
  drawEntry(frame, block, start, area.y, right - start)
  if (block.problem === null) return
  wrapSpans([{ text: `! ${block.problem}`, tone: 'bad' }], area.width - problemIndent, 2)
    .slice(0, area.height - 1)
    .forEach((spans, at) => {
      let x = area.x + problemIndent + (at === 0 ? 0 : 2)
      for (const { text } of spans)
        x = frame.put(x, area.y + 1 + at, text, { tone: 'bad', inverse: false }, right - x)
    })
}

const problemIndent = 4

function drawEntry(frame: Frame, block: FieldBlock, x: number, y: number, room: number): void {
  const { entry } = block
  if (entry.kind === 'choice') {
    const style: Style = { tone: 'plain', inverse: block.focused }
    const place = entry.of > 1 ? `  (${entry.place + 1} of ${entry.of})` : ''
    const end = frame.put(x, y, `< ${entry.label} >`, style, room)
    frame.put(end, y, place, { tone: 'dim', inverse: false }, x + room - end)
    return
  }
  const width = Math.max(4, Math.min(entry.width, room - 2))
  const chars = codePoints(entry.text)
  const cursor = entry.cursor ?? 0
  // The end of a long text stays in sight while it is typed.
  const first = Math.max(0, Math.min(cursor - width + 1, chars.length - width + 1))
  frame.put(x, y, '[', plain)
  frame.fill(x + 1, y, width, plain)
  frame.put(x + 1, y, chars.slice(first, first + width).join(''), plain, width)
  frame.put(x + 1 + width, y, ']', plain)
  if (entry.cursor === null) return
  frame.put(x + 1 + cursor - first, y, chars[cursor] ?? ' ', { tone: 'strong', inverse: true }, 1)
}
