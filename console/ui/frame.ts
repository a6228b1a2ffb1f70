import type { DrawnTier } from '../tier.js'
import type { Tone } from '../view.js'
import { glyphsOf } from './cells.js'

export interface Style {
  readonly tone: Tone
  readonly inverse: boolean
}

export interface FrameCell {
  /** Empty: the right half of the wide character before it. */
  readonly char: string
  readonly style: Style
}

const plain: Style = { tone: 'plain', inverse: false }
const blank: FrameCell = { char: ' ', style: plain }

/** A screenful of cells. Text goes in through `put` only, which makes it safe. */
export class Frame {
  readonly cols: number
  readonly rows: number
  readonly tier: DrawnTier
  readonly #cells: FrameCell[][]

  constructor(cols: number, rows: number, tier: DrawnTier) {
    this.cols = cols
    this.rows = rows
    this.tier = tier
    this.#cells = Array.from({ length: rows }, () => Array.from({ length: cols }, () => blank))
  }

  /**
   * Draws `text` from column `x` of row `y`, at most `width` cells, and gives the column after it. Text that is cut ends
   * in a mark. Outside of the frame nothing happens.
   */
  put(x: number, y: number, text: string, style: Style = plain, width = this.cols - x): number {
    const room = Math.min(width, this.cols - x)
    if (room <= 0 || x < 0) return x
    const glyphs = glyphsOf(text, this.tier)
    const total = glyphs.reduce((sum, glyph) => sum + glyph.width, 0)
    const cut = total > room
    const end = x + (cut ? room - 1 : room)
    let at = x
    for (const { char, width: cells } of glyphs) {
      if (at + cells > end) break
      this.#set(at, y, { char, style })
      if (cells === 2) this.#set(at + 1, y, { char: '', style })
      at += cells
    }
    if (!cut) return at
    while (at < end) this.#set(at++, y, { char: ' ', style })
    this.#set(at, y, { char: this.tier === 'rich' ? '…' : '~', style })
    return at + 1
  }

  /** Fills `width` cells with blanks of a style. */
  fill(x: number, y: number, width: number, style: Style = plain): void {
    for (let at = x; at < Math.min(this.cols, x + width); at += 1) this.#set(at, y, { char: ' ', style })
  }

  #set(x: number, y: number, cell: FrameCell): void {
    const row = this.#cells[y]
    if (row === undefined || x < 0 || x >= this.cols) return
    // A wide character loses its other half with either half.
    if (row[x]?.char === '' && x > 0) row[x - 1] = { char: ' ', style: row[x - 1]?.style ?? plain }
    if (row[x + 1]?.char === '') row[x + 1] = { char: ' ', style: row[x + 1]?.style ?? plain }
    row[x] = cell
  }

  row(y: number): readonly FrameCell[] {
    return this.#cells[y] ?? []
  }

  /** The frame as text, for comparing; trailing blanks are dropped. */
  text(): string {
    return this.#cells
      .map(row =>
        row
          .map(cell => cell.char)
          .join('')
          .trimEnd(),
      )
      .join('\n')
  }
}
