import type { DrawnTier } from '../tier.js'

/** What is known of the terminal before a byte is written to it. */
export interface Caps {
  readonly tier: DrawnTier
  /** One of the few terminal types whose descriptions were proved with the painter; never the user's own TERM. */
  readonly terminal: 'xterm' | 'linux' | 'vt100'
  readonly colour: boolean
  /** Leaving the alternate screen brings back what was there before; without one the screen has to be cleared. */
  readonly alternateScreen: boolean
  /** Pastes come in brackets when they are asked for. GNU screen, which shares its TERM with tmux, drops them. */
  readonly bracketedPaste: boolean
  /** How long the rest of a split escape sequence may take. */
  readonly escapeWaitMs: number
}

export interface TerminalEnvironment {
  readonly term: string
  /** The first of LC_ALL, LC_CTYPE, LANG that is set. */
  readonly locale: string
  readonly noColour: boolean
  readonly wantedTier: DrawnTier | null
}

const utf8 = /utf-?8$/i
const emulators = /^(xterm|screen|tmux|rxvt|alacritty|kitty|konsole|foot|gnome|vte|putty|wezterm|iterm|st-)/i

/** Null: a terminal whose cursor cannot be placed (TERM empty or `dumb`). */
export function capsFor(environment: TerminalEnvironment): Caps | null {
  const { term, locale } = environment
  if (term === '' || term === 'dumb') return null
  const emulator = emulators.test(term)
  const vt = term === 'linux' || term.startsWith('linux-')
  const natural: DrawnTier = !utf8.test(locale.split('@')[0] ?? '')
    ? 'ascii'
    : emulator
      ? 'rich'
      : vt
        ? 'vt'
        : 'ascii'
  const terminal = emulator ? 'xterm' : vt ? 'linux' : 'vt100'
  return {
    tier: environment.wantedTier ?? natural,
    terminal,
    colour: terminal !== 'vt100' && !environment.noColour,
    alternateScreen: emulator,
    bracketedPaste: emulator && !term.startsWith('screen'),
    escapeWaitMs: terminal === 'vt100' ? 100 : 50,
  }
}
