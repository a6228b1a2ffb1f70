import { charKind, replacement } from '../clean-text.js'

/** Only 7-bit text, so that it reads the same in a log, through a speech synthesiser and on any line. */
export function drawableText(text: string): string {
  let out = ''
  let inHidden = false
  for (const char of text) {
    const hidden = charKind(char) === 'hidden'
    if (!hidden) out += char <= '~' ? char : letter(char)
    else if (!inHidden) out += replacement
    inHidden = hidden
  }
  return out
}

/** The letter under an accent; a speech synthesiser reads `Groesse` and `Grosse` better than `Gr??e`. */
function letter(char: string): string {
  const [base = replacement] = char.normalize('NFD')
  return base <= '~' ? base : (words[char] ?? replacement)
}

const words: Readonly<Record<string, string>> = {
  ß: 'ss',
  '–': '-',
  '—': '-',
  '‘': "'",
  '’': "'",
  '“': '"',
  '”': '"',
  '…': '...',
}
