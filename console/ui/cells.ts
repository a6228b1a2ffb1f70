import { charKind, codePoints, replacement } from '../clean-text.js'
import type { DrawnTier } from '../tier.js'

/** One thing to draw: `width` cells wide. */
export interface Glyph {
  readonly char: string
  readonly width: 1 | 2
}

/** Glyphs that the kernel's built-in font and all of Debian's console fonts have. */
const vtExtra = new Set(codePoints('°±«»·…•■▲▼←↑→↓░▒█─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬'))

const letterOnly = /^[A-Za-z]$/

/** The letter under an accent, for tiers that cannot draw it. */
function withoutAccent(char: string): string {
  const base = codePoints(char.normalize('NFD'))[0] ?? replacement
  return letterOnly.test(base) ? base : replacement
}

const asciiFor: Readonly<Record<string, string>> = {
  '─': '-',
  '│': '|',
  '┌': '+',
  '┐': '+',
  '└': '+',
  '┘': '+',
  '█': '#',
  '▒': ':',
  '░': '.',
  '▲': '^',
  '▼': 'v',
  '…': '.',
  '·': '.',
  '•': '*',
  '–': '-',
  '—': '-',
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
}

function drawable(char: string, tier: DrawnTier): string {
  const code = char.codePointAt(0) ?? 0
  if (code <= 0x7e) return char
  if (code === 0xa0) return ' '
  switch (tier) {
    case 'rich':
      return char
    case 'vt':
      if (code >= 0xc0 && code <= 0xff) return char
      return vtExtra.has(char) ? char : (asciiFor[char] ?? withoutAccent(char))
    case 'ascii':
      return asciiFor[char] ?? withoutAccent(char)
  }
}

/**
 * The glyphs of a text, and the only way from text to the screen: whatever a pane hands over, nothing that moves the
 * cursor, hides text or has a doubtful width comes out of here. A run of hidden characters becomes one `?`.
 */
export function glyphsOf(text: string, tier: DrawnTier): readonly Glyph[] {
  const glyphs: Glyph[] = []
  let inHidden = false
  for (const char of text) {
    const kind = charKind(char)
    if (kind === 'hidden') {
      if (!inHidden) glyphs.push({ char: replacement, width: 1 })
    } else if (kind === 'wide') {
      // Two question marks keep the columns where a terminal that can draw the character has them.
      if (tier === 'rich') glyphs.push({ char, width: 2 })
      else glyphs.push({ char: replacement, width: 1 }, { char: replacement, width: 1 })
    } else {
      glyphs.push({ char: kind === 'odd' ? replacement : drawable(char, tier), width: 1 })
    }
    inHidden = kind === 'hidden'
  }
  return glyphs
}

export const widthOf = (text: string, tier: DrawnTier): number =>
  glyphsOf(text, tier).reduce((sum, glyph) => sum + glyph.width, 0)
