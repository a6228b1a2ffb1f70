import type { View } from '../view.js'
import type { DrawnTier } from '../tier.js'
import type { Caps } from './caps.js'
import { drawView, type Size } from './draw.js'
import { InputDecoder, type Input } from './input.js'
import { openPainter } from './painter.js'
import { openSequence, restoreSequence, writeNow } from './terminal.js'

export interface ScreenEvents {
  readonly input: (input: Input) => void
  readonly resized: (size: Size) => void
  /** The terminal was hung up: nothing more can be shown or read. */
  readonly gone: () => void
}

export interface TerminalScreen {
  readonly size: Size
  show(view: View, size: Size, tier: DrawnTier): void
  wipe(): void
  /** Takes the terminal back after the process was stopped and continued. */
  resume(): void
  /** Leaves the terminal as it should be for whoever comes next. Safe to call twice, and from an exit handler. */
  close(): void
}

/** Window managers report a drag as a storm of sizes; one redraw at its end is enough. */
const resizeQuietMs = 50

const clampSize = (size: { columns?: number; rows?: number }): Size => ({
  cols: Math.min(500, Math.max(1, size.columns ?? 80)),
  rows: Math.min(300, Math.max(1, size.rows ?? 24)),
})

/** Takes over the terminal on `stdin` and `stdout`, which both have to be TTYs, until `close`. Their errors are the caller's. */
export function openScreen(
  caps: Caps,
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream & { readonly fd: number },
  events: ScreenEvents,
): TerminalScreen {
  const decoder = new InputDecoder(caps.escapeWaitMs, caps.bracketedPaste)
  let expiry: NodeJS.Timeout | undefined
  let resizing: NodeJS.Timeout | undefined
  let closed = false

  const take = (inputs: readonly Input[]): void => {
    clearTimeout(expiry)
    const { waitMs } = decoder
    if (waitMs !== null) expiry = setTimeout(() => take(decoder.expire(performance.now())), waitMs)
    for (const input of inputs) events.input(input)
  }
  const onData = (bytes: Buffer): void => take(decoder.feed(bytes, performance.now()))
  const onResize = (): void => {
    clearTimeout(resizing)
    resizing = setTimeout(() => events.resized(clampSize(stdout)), resizeQuietMs)
  }
  const size = clampSize(stdout)
  const painter = openPainter(caps, size.cols, size.rows, text => {
    stdout.write(text)
  })
  stdout.write(openSequence(caps))
  stdin.setRawMode(true)
  stdin.on('data', onData).on('end', events.gone).resume()
  stdout.on('resize', onResize)

  return {
    size,
    show: (view, shown, tier) => {
      if (!closed) painter.paint(drawView(view, shown, tier))
    },
    wipe: () => painter.wipe(),
    resume: () => {
      if (closed) return
      stdin.setRawMode(false)
      stdin.setRawMode(true)
      stdout.write(openSequence(caps))
      painter.wipe()
    },
    close: () => {
      if (closed) return
      closed = true
      clearTimeout(expiry)
      clearTimeout(resizing)
      painter.close()
      writeNow(stdout.fd, restoreSequence(caps))
      stdin.off('data', onData).off('end', events.gone)
      stdout.off('resize', onResize)
      if (!stdin.destroyed) stdin.setRawMode(false)
      stdin.pause()
    },
  }
}
