import { createRequire } from 'node:module'
import { Duplex, PassThrough } from 'node:stream'
import type { Caps } from './caps.js'
import type { Frame } from './frame.js'
import { attributeFor } from './theme.js'

/**
 * Blessed as a painter and nothing more: its screen compares cells and sends what differs. Its widgets, its key parser,
 * its tags and its terminal detection are not used (they leak, take data for markup, and let TERM choose files to read).
 */
export interface Painter {
  /** Draws what differs from the last frame; a frame of another size than the last starts anew. */
  paint(frame: Frame): void
  /** The next frame is drawn in full, whatever somebody else wrote over the screen. */
  wipe(): void
  /** Leaves the alternate screen, shows the cursor. A second call does nothing. */
  close(): void
}

/** Blessed's buffer: an attribute and a character per cell, and a mark on each line that has to be looked at. */
type Line = [attribute: number, char: string][] & { dirty: boolean }

interface BlessedScreen {
  readonly program: { cols: number; rows: number; csr(top: number, bottom: number): unknown; flush(): void }
  readonly lines: Line[]
  alloc(): void
  draw(start: number, end: number): void
  destroy(): void
}

type BlessedOptions = Readonly<Record<'input' | 'output' | 'terminal', unknown>> &
  Readonly<Record<'forceUnicode' | 'fullUnicode' | 'autoPadding', boolean>>

/** Its entry point would load every widget, and an import would first search all of it for names: 40 ms of a start. */
const loadBlessed = (): ((options: BlessedOptions) => BlessedScreen) =>
  createRequire(import.meta.url)('blessed/lib/widgets/screen') as (options: BlessedOptions) => BlessedScreen

/** Blessed's output: the size is told to it, so that it never asks and never redraws by itself. */
class PaintOutput extends Duplex {
  readonly isTTY = true
  columns: number
  rows: number
  readonly #write: (text: string) => void

  constructor(cols: number, rows: number, write: (text: string) => void) {
    super({ decodeStrings: false })
    this.columns = cols
    this.rows = rows
    this.#write = write
  }

  override _read(): void {
    this.push(null)
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: () => void): void {
    this.#write(typeof chunk === 'string' ? chunk : chunk.toString('utf8'))
    done()
  }
}

/** Takes the terminal over (alternate screen, hidden cursor) and gives the painter for it. */
export function openPainter(caps: Caps, cols: number, rows: number, write: (text: string) => void): Painter {
  const screen = loadBlessed()({
    // Never gets a byte: the console decodes its keys itself.
    input: new PassThrough(),
    output: new PaintOutput(cols, rows, write),
    terminal: caps.terminal,
    forceUnicode: true,
    fullUnicode: true,
    autoPadding: false,
  })
  let closed = false
  return {
    paint: frame => {
      if (closed) return
      const { program } = screen
      if (program.cols !== frame.cols || program.rows !== frame.rows) {
        program.cols = frame.cols
        program.rows = frame.rows
        program.csr(0, frame.rows - 1)
        screen.alloc()
      }
      for (let y = 0; y < frame.rows; y += 1) copyRow(frame, y, screen.lines[y], caps.colour)
      screen.draw(0, frame.rows - 1)
      program.flush()
    },
    wipe: () => {
      if (!closed) screen.alloc()
    },
    close: () => {
      if (closed) return
      closed = true
      screen.destroy()
    },
  }
}

function copyRow(frame: Frame, y: number, line: Line | undefined, colour: boolean): void {
  if (line === undefined) return
  const withColour = colour && frame.tier !== 'ascii'
  frame.row(y).forEach((cell, x) => {
    const attribute = attributeFor(cell.style, withColour)
    // The right half of a wide character is a blank that blessed skips.
    const char = cell.char === '' ? ' ' : cell.char
    const target = line[x]
    if (target === undefined || (target[0] === attribute && target[1] === char)) return
    target[0] = attribute
    target[1] = char
    line.dirty = true
  })
}
