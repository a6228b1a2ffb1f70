/** The part of blessed's screen that is used. Its entry point would load every widget before the first line is drawn. */
declare module 'blessed/lib/widgets/screen.js' {
  import type { Duplex, PassThrough } from 'node:stream'

  /** Blessed's buffer: an attribute and a character per cell, and a mark on each line that has to be looked at. */
  export type BlessedLine = [attribute: number, char: string][] & { dirty: boolean }

  interface BlessedScreen {
    readonly program: { cols: number; rows: number; csr(top: number, bottom: number): unknown; flush(): void }
    readonly lines: BlessedLine[]
    alloc(): void
    draw(start: number, end: number): void
    destroy(): void
  }

  export default function screen(options: {
    readonly input: PassThrough
    readonly output: Duplex
    readonly terminal: string
    readonly forceUnicode: boolean
    readonly fullUnicode: boolean
    readonly autoPadding: boolean
  }): BlessedScreen
}
