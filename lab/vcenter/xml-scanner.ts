import { invalidRequest, type VimFault } from './fault.js'

/** An element as written: qualified names, no namespaces resolved. */
export interface RawElement {
  readonly name: string
  readonly attributes: readonly (readonly [string, string])[]
  readonly children: RawElement[]
  text: string
}

/** Far above any request of a client, far below what could exhaust the memory. */
const MAX_DEPTH = 60

const NAME = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?/y
const SPACE = /[ \t\r\n]*/y
const ATTRIBUTE_VALUE = /"([^"<]*)"|'([^'<]*)'/y
const ENTITY = /&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));|&/g
const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/**
 * Reads a document strictly: anything that is not well formed is an InvalidRequest fault. A document type declaration is
 * refused, so no entity but the five of XML exists. It shares nothing with the parser of the product's client.
 */
export function scanXml(text: string): RawElement {
  return new Scanner(text).document()
}

class Scanner {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text
    if (/<!doctype/i.test(text)) throw invalidRequest('A document type declaration is not allowed')
    if (hasControlCharacter(text)) throw this.wrong('a character that XML does not allow')
  }

  document(): RawElement {
    if (this.text.startsWith('<?xml')) this.skipTo('?>')
    this.skipMisc()
    const root = this.element(0)
    this.skipMisc()
    if (this.at < this.text.length) throw this.wrong('something behind the root element')
    return root
  }

  private element(depth: number): RawElement {
    if (depth > MAX_DEPTH) throw this.wrong('elements nested too deeply')
    this.expect('<')
    const name = this.match(NAME, 'the name of an element')[0]
    const element: RawElement = { name, attributes: this.attributes(), children: [], text: '' }
    if (this.skip('/>')) return element
    this.expect('>')
    for (;;) {
      const next = this.text.indexOf('<', this.at)
      if (next < 0) throw this.wrong(`no end of the element ${name}`)
      const piece = this.text.slice(this.at, next)
      if (piece.includes(']]>')) throw this.wrong(']]> in text')
      element.text += this.decode(piece)
      this.at = next
      if (this.skip('</')) break
      if (this.skip('<!--')) this.skipTo('-->')
      else if (this.skip('<![CDATA[')) element.text += this.skipTo(']]>')
      else if (this.skip('<?')) this.skipTo('?>')
      else element.children.push(this.element(depth + 1))
    }
    if (this.match(NAME, 'the name of an end tag')[0] !== name)
      throw this.wrong(`another end tag than that of ${name}`)
    this.match(SPACE, 'space')
    this.expect('>')
    return element
  }

  private attributes(): (readonly [string, string])[] {
    const found = new Map<string, string>()
    for (;;) {
      const space = this.match(SPACE, 'space')[0]
      if (this.text.startsWith('>', this.at) || this.text.startsWith('/>', this.at)) return [...found]
      if (space === '') throw this.wrong('no space before an attribute')
      const name = this.match(NAME, 'the name of an attribute')[0]
      this.match(SPACE, 'space')
      this.expect('=')
      this.match(SPACE, 'space')
      const value = this.match(ATTRIBUTE_VALUE, 'the value of an attribute')
      if (found.has(name)) throw this.wrong(`the attribute ${name} twice`)
      found.set(name, this.decode(value[1] ?? value[2] ?? ''))
    }
  }

  private decode(text: string): string {
    return text.replaceAll(ENTITY, (whole, name: string | undefined, decimal?: string, hex?: string) => {
      if (name !== undefined) return named[name] ?? whole
      const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : -1
      const isAllowed = code === 9 || code === 10 || code === 13 || (code >= 32 && code <= 0x10_ff_ff)
      if (!isAllowed || (code >= 0xd8_00 && code <= 0xdf_ff)) throw this.wrong('an entity that is not known')
      return String.fromCodePoint(code)
    })
  }

  private skipMisc(): void {
    for (;;) {
      this.match(SPACE, 'space')
      if (this.skip('<!--')) this.skipTo('-->')
      else if (this.skip('<?')) this.skipTo('?>')
      else return
    }
  }

  private match(pattern: RegExp, what: string): RegExpExecArray {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) throw this.wrong(`something else than ${what}`)
    this.at = pattern.lastIndex
    return found
  }

  private skip(mark: string): boolean {
    if (!this.text.startsWith(mark, this.at)) return false
    this.at += mark.length
    return true
  }

  private skipTo(mark: string): string {
    const end = this.text.indexOf(mark, this.at)
    if (end < 0) throw this.wrong(`no ${mark}`)
    const inside = this.text.slice(this.at, end)
    this.at = end + mark.length
    return inside
  }

  private expect(mark: string): void {
    if (!this.skip(mark)) throw this.wrong(`no ${mark}`)
  }

  private wrong(what: string): VimFault {
    return invalidRequest(`XML document is not well formed: ${what} at position ${this.at}`)
  }
}

/** XML 1.0 knows no control characters but tab and the two line ends. */
function hasControlCharacter(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return true
  }
  return false
}
