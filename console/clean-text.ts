/**
 * What a character may do to a terminal. `plain` takes one cell, `wide` two. `hidden` takes none or moves the cursor
 * (controls, ESC, C1, bidirectional marks, zero-width, combining, separators): such a one must never be drawn. `odd` is
 * visible, but terminals disagree about its width (emoji, scripts that join, private use).
 */
export type CharKind = 'plain' | 'wide' | 'hidden' | 'odd'

type Range = readonly [number, number]

const plainRanges: readonly Range[] = [
  [0x20, 0x7e],
  [0xa0, 0xac],
  [0xae, 0x2ff], // Latin-1 without the soft hyphen, Latin Extended, IPA, spacing modifiers
  [0x370, 0x482],
  [0x48a, 0x52f], // Greek and Cyrillic without combining titlo and friends
  [0x1e00, 0x1fff], // Latin Extended Additional, Greek Extended
  [0x2010, 0x2027],
  [0x2030, 0x205e],
  [0x20a0, 0x20bf],
  [0x2100, 0x214f],
  [0x2190, 0x2193],
  [0x2500, 0x25ff], // box drawing, blocks, shapes
]

/** Only blocks that every width table calls wide. */
const wideRanges: readonly Range[] = [
  [0x3001, 0x3029],
  [0x3041, 0x3096],
  [0x30a1, 0x30ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xff01, 0xff60],
]

const hiddenRanges: readonly Range[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202f],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffb],
  [0xe0000, 0xe0fff],
]

const within = (ranges: readonly Range[], code: number): boolean =>
  ranges.some(([first, last]) => code >= first && code <= last)

const mark = /^\p{M}$/u
const ambiguousShape = /^\p{Extended_Pictographic}$/u

/** `char` is one code point. */
export function charKind(char: string): CharKind {
  const code = char.codePointAt(0) ?? 0
  if (code >= 0x20 && code <= 0x7e) return 'plain'
  if (within(hiddenRanges, code) || mark.test(char)) return 'hidden'
  if (within(plainRanges, code)) return code > 0xff && ambiguousShape.test(char) ? 'odd' : 'plain'
  return within(wideRanges, code) ? 'wide' : 'odd'
}

/** The characters of a text, not its UTF-16 halves. */
export const codePoints = (text: string): string[] => Array.from(text)

/** What is shown in the place of something that must not be drawn. */
export const replacement = '?'

/** Names and messages end here; vCenter allows 80 characters in a name, error texts need more. */
export const maxTextLength = 2000

const onlyAscii = /^[\x20-\x7e]*$/

/**
 * Text that cannot act on a terminal or hide what it says. A run of hidden characters becomes one `?`, so that two names
 * that differ only by them still look different; composed forms are used where they exist. Text longer than
 * `maxTextLength` is cut and ends in `...`.
 */
export function cleanText(text: string): string {
  const cut = text.length > maxTextLength ? `${text.slice(0, maxTextLength - 3)}...` : text
  if (onlyAscii.test(cut)) return cut
  let clean = ''
  let inHidden = false
  for (const char of cut.normalize('NFC')) {
    const hidden = charKind(char) === 'hidden'
    if (!hidden) clean += char
    else if (!inHidden) clean += replacement
    inHidden = hidden
  }
  return clean
}

/** Nesting deeper than the contract ever has is cut off. */
const maxDepth = 12

/** A parsed JSON value with every string in it cleaned, the keys of objects too. What was clean is given back as it is. */
export function cleanJson(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= maxDepth) return null
  if (Array.isArray(value)) {
    const items = value.map(item => cleanJson(item, depth + 1))
    return items.some((item, at) => item !== value[at]) ? items : value
  }
  const entries = Object.entries(value)
  const cleaned = entries.map(([key, item]) => [cleanText(key), cleanJson(item, depth + 1)] as const)
  const isClean = entries.every(([key, item], at) => cleaned[at]?.[0] === key && cleaned[at][1] === item)
  return isClean ? value : Object.fromEntries(cleaned)
}
