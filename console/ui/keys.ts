/** Names of the keys that terminals send as sequences. What is not in here is swallowed, never taken for letters. */
const finals: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
  Z: 'backtab',
}

const tildes: Readonly<Record<string, string>> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
}

/** The kernel's console sends F1 to F5 as `ESC [ [ A` to `E`. */
const linuxFunctionKeys = 'ABCDE'

/** The key of a CSI sequence; null: a reply, a mouse report, a modified key, or nothing known. */
export function csiKey(parameters: string, final: string): string | null {
  if (parameters === '[') {
    const number = linuxFunctionKeys.indexOf(final)
    return number === -1 ? null : `f${number + 1}`
  }
  if (final === '~') return tildes[parameters] ?? null
  // A cursor position report ends in R like F3 does; F3 has no parameters.
  return parameters === '' || (parameters === '1' && final !== 'R') ? (finals[final] ?? null) : null
}

/** The key of an SS3 sequence (application mode). */
export const ss3Key = (final: string): string | null => (final === 'Z' ? null : (finals[final] ?? null))

/** The key of a control character. */
export function controlKey(code: number): string | null {
  switch (code) {
    case 0x00:
    case 0x1b:
      return null
    case 0x08:
    case 0x7f:
      return 'backspace'
    case 0x09:
      return 'tab'
    case 0x0a:
    case 0x0d:
      return 'enter'
    default:
      return code <= 0x1a ? `ctrl-${String.fromCharCode(code + 0x60)}` : null
  }
}
