import { StringDecoder } from 'node:string_decoder'
import { codePoints } from '../clean-text.js'
import { controlKey, csiKey, ss3Key } from './keys.js'

/** What came from the keyboard. `key` is a name (`up`, `enter`, `ctrl-l`) or one printable character. */
export type Input =
  { readonly kind: 'key'; readonly key: string } | { readonly kind: 'paste'; readonly text: string }

/** No key and no reply we ask for is longer; what is longer is swallowed up to its end. */
const maxSequence = 64
/** A paste keeps this much, the rest is swallowed. */
export const maxPaste = 4096
/** Strings (OSC, DCS) and pastes may pause this long before they count as broken. */
const stringWaitMs = 500
const pasteWaitMs = 2000
/** The rest of an arrow key may come this late on a slow line, after its ESC was already taken for the Esc key. */
const lateRestMs = 500
/** A read with this many characters, not all the same, was not typed. */
const typedAtOnce = 2

type Mode =
  | { readonly kind: 'ground' }
  | { readonly kind: 'escape' }
  | { readonly kind: 'csi'; readonly parameters: string; readonly silent: boolean }
  | { readonly kind: 'ss3'; readonly silent: boolean }
  | { readonly kind: 'mouse'; readonly left: number }
  /** OSC, DCS, APC, PM or SOS, up to BEL or ST. */
  | { readonly kind: 'string'; readonly escaped: boolean }
  | { readonly kind: 'paste'; readonly text: string; readonly tail: string }

const ground: Mode = { kind: 'ground' }
const pasteEnd = '\u001b[201~'

/**
 * Turns what a terminal sends into keys. It stands between the terminal and everything else: replies, mouse reports,
 * broken or endless sequences and pastes never come out as keys, and what it holds back is bounded. Time is passed in;
 * the owner calls `expire` when `waitMs` has gone by without input.
 */
export class InputDecoder {
  readonly #utf8 = new StringDecoder('utf8')
  readonly #escapeWaitMs: number
  readonly #bracketedPaste: boolean
  #mode: Mode = ground
  #escapeGivenAtMs = -Infinity
  #pasteSeenAtMs = -Infinity

  /** `bracketedPaste`: the terminal puts pastes in brackets when asked to, so none has to be guessed. */
  constructor(escapeWaitMs: number, bracketedPaste: boolean) {
    this.#escapeWaitMs = escapeWaitMs
    this.#bracketedPaste = bracketedPaste
  }

  /** How long to wait for more before calling `expire`; null: nothing is held back. */
  get waitMs(): number | null {
    switch (this.#mode.kind) {
      case 'ground':
        return null
      case 'paste':
        return pasteWaitMs
      case 'string':
        return stringWaitMs
      case 'escape':
      case 'csi':
      case 'ss3':
      case 'mouse':
        return this.#escapeWaitMs
    }
  }

  /** Bytes as they were read. */
  feed(bytes: Buffer, nowMs: number): readonly Input[] {
    const text = this.#utf8.write(bytes)
    const out: Input[] = []
    for (const char of this.#resumeLate(text, nowMs)) this.#take(char, out)
    return this.#bracketedPaste ? out : this.#withoutPaste(out, nowMs)
  }

  /** Swallows the rest of a sequence whose ESC came too early to be seen as part of it. */
  #resumeLate(text: string, nowMs: number): string {
    const late = nowMs - this.#escapeGivenAtMs < lateRestMs
    this.#escapeGivenAtMs = -Infinity
    if (!late || text.length < 2 || !(text.startsWith('[') || text.startsWith('O'))) return text
    this.#mode = text.startsWith('[')
      ? { kind: 'csi', parameters: '', silent: true }
      : { kind: 'ss3', silent: true }
    return text.slice(1)
  }

  /** Ends what was held back: a lone ESC was the Esc key, anything else was broken and is dropped. */
  expire(nowMs: number): readonly Input[] {
    const mode = this.#mode
    this.#mode = ground
    switch (mode.kind) {
      case 'escape':
        this.#escapeGivenAtMs = nowMs
        return [{ kind: 'key', key: 'escape' }]
      case 'paste':
        return [{ kind: 'paste', text: mode.text }]
      case 'ground':
      case 'csi':
      case 'ss3':
      case 'mouse':
      case 'string':
        return []
    }
  }

  #take(char: string, out: Input[]): void {
    const mode = this.#mode
    switch (mode.kind) {
      case 'ground':
        this.#takeGround(char, out)
        return
      case 'escape':
        this.#takeEscape(char)
        return
      case 'csi':
        this.#takeCsi(mode, char, out)
        return
      case 'ss3': {
        this.#mode = ground
        const key = ss3Key(char)
        if (key !== null && !mode.silent) out.push({ kind: 'key', key })
        return
      }
      case 'mouse':
        this.#mode = mode.left > 1 ? { kind: 'mouse', left: mode.left - 1 } : ground
        return
      case 'string':
        if (char === '\u0007' || char === '\u009c' || (mode.escaped && char === '\\')) this.#mode = ground
        else if (mode.escaped && char !== '\u001b') this.#takeEscape(char)
        else this.#mode = { kind: 'string', escaped: char === '\u001b' }
        return
      case 'paste':
        this.#takePaste(mode, char, out)
    }
  }

  #takeGround(char: string, out: Input[]): void {
    const code = char.codePointAt(0) ?? 0
    if (code === 0x1b) this.#mode = { kind: 'escape' }
    else if (code === 0x9b) this.#mode = { kind: 'csi', parameters: '', silent: false }
    else if (code === 0x90 || code === 0x98 || (code >= 0x9d && code <= 0x9f)) {
      this.#mode = { kind: 'string', escaped: false }
    } else if (code < 0x20 || code === 0x7f) {
      const key = controlKey(code)
      if (key !== null) out.push({ kind: 'key', key })
    } else if (code > 0x9f ? code !== 0xfffd : code < 0x7f) {
      out.push({ kind: 'key', key: char })
    }
  }

  #takeEscape(char: string): void {
    if (char === '[') this.#mode = { kind: 'csi', parameters: '', silent: false }
    else if (char === 'O') this.#mode = { kind: 'ss3', silent: false }
    else if ('PX]^_'.includes(char)) this.#mode = { kind: 'string', escaped: false }
    // ESC with any other character is Alt with a key: not used, and not that key without Alt.
    else this.#mode = char === '\u001b' ? { kind: 'escape' } : ground
  }

  #takeCsi(mode: Extract<Mode, { kind: 'csi' }>, char: string, out: Input[]): void {
    const code = char.codePointAt(0) ?? 0
    if (code === 0x1b) {
      this.#mode = { kind: 'escape' }
      return
    }
    const isParameter = (code >= 0x20 && code <= 0x3f) || (char === '[' && mode.parameters === '')
    if (isParameter) {
      const long = mode.parameters.length >= maxSequence
      this.#mode = {
        ...mode,
        parameters: long ? mode.parameters : mode.parameters + char,
        silent: mode.silent || long,
      }
      return
    }
    this.#mode = ground
    if (code < 0x40 || code > 0x7e || mode.silent) return
    if (char === 'M' && mode.parameters === '') this.#mode = { kind: 'mouse', left: 3 }
    else if (char === '~' && mode.parameters === '200') this.#mode = { kind: 'paste', text: '', tail: '' }
    else {
      const key = csiKey(mode.parameters, char)
      if (key !== null) out.push({ kind: 'key', key })
    }
  }

  #takePaste(mode: Extract<Mode, { kind: 'paste' }>, char: string, out: Input[]): void {
    const tail = (mode.tail + char).slice(-pasteEnd.length)
    if (tail === pasteEnd) {
      this.#mode = ground
      const kept = mode.text.length < maxPaste ? mode.text.slice(0, 1 - pasteEnd.length) : mode.text
      out.push({ kind: 'paste', text: kept })
      return
    }
    this.#mode = { kind: 'paste', text: mode.text.length < maxPaste ? mode.text + char : mode.text, tail }
  }

  /**
   * Terminals without brackets send a paste as keys, in one read. So many characters at once, and not one key held down,
   * were not typed; what follows at once belongs to the same paste.
   */
  #withoutPaste(inputs: readonly Input[], nowMs: number): readonly Input[] {
    const typed = inputs.flatMap(input =>
      input.kind === 'key' && (isPrintable(input.key) || input.key === 'enter' || input.key === 'tab')
        ? [input.key]
        : [],
    )
    const held = typed.every(key => key === typed[0]) && typed[0] !== 'enter'
    const going = nowMs - this.#pasteSeenAtMs < this.#escapeWaitMs && typed.length > 0
    if ((typed.length <= typedAtOnce || held) && !going) return inputs
    this.#pasteSeenAtMs = nowMs
    const text = typed.map(key => (key === 'enter' ? '\n' : key === 'tab' ? '\t' : key)).join('')
    return [
      ...inputs.filter(input => input.kind === 'paste'),
      { kind: 'paste', text: text.slice(0, maxPaste) },
    ]
  }
}

const isPrintable = (key: string): boolean => codePoints(key).length === 1
