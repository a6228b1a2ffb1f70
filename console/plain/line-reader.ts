import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import type { ReadStream } from 'node:tty'

export interface LineReader {
  /** While set, nothing that is typed shows on a terminal. */
  hide(on: boolean): void
  close(): void
}

const interrupt = '\u0003'
const endOfInput = '\u0004'
/** More than any answer. */
const maxLength = 4096

/** Reads lines from a pipe or a terminal; `gone` says that there will be no more. */
export function readLines(
  input: Readable | ReadStream,
  events: { readonly line: (line: string) => void; readonly gone: () => void },
): LineReader {
  const decoder = new StringDecoder('utf8')
  const terminal = 'setRawMode' in input && input.isTTY ? input : null
  let typed: string[] = []
  let hiding = false

  const take = (char: string): void => {
    if (char === '\n' || (hiding && char === '\r')) {
      const line = typed.join('').replace(/\r$/, '')
      typed = []
      events.line(line)
    } else if (hiding && (char === interrupt || char === endOfInput)) events.gone()
    else if (hiding && (char === '\u007f' || char === '\b')) typed.pop()
    else if (hiding && char === '\u0015') typed = []
    else if (typed.length < maxLength) typed.push(char)
  }
  const onData = (bytes: Buffer): void => {
    for (const char of decoder.write(bytes)) take(char)
  }
  input.on('data', onData).on('end', events.gone)
  input.resume()
  return {
    hide: on => {
      if (terminal === null || hiding === on) return
      hiding = on
      terminal.setRawMode(on)
    },
    close: () => {
      input.off('data', onData).off('end', events.gone)
      if (hiding) terminal?.setRawMode(false)
      input.pause()
    },
  }
}
