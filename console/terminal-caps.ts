import process from 'node:process'
import type { Tier } from './tier.js'
import { capsFor, type Caps } from './ui/caps.js'

/**
 * Blessed reads these when it is loaded: where to look for terminal descriptions (the user's own must not be parsed),
 * whether to start tmux to ask its version, whether to draw lines with the VT100's graphic set.
 */
export function cleanEnvironment(env: NodeJS.ProcessEnv): void {
  delete env['TERMINFO']
  delete env['TERMINFO_DIRS']
  delete env['TERMCAP']
  delete env['HOME']
  delete env['TMUX']
  env['NCURSES_NO_UTF8_ACS'] = '1'
}

/** What this terminal can do; null: its cursor cannot be placed, or there is none. */
export function terminalCaps(wantedTier: Tier | null): Caps | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return null
  const { env } = process
  return capsFor({
    term: env['TERM'] ?? '',
    locale:
      [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(value => value !== undefined && value !== '') ?? '',
    noColour: (env['NO_COLOR'] ?? '') !== '',
    wantedTier: wantedTier === 'plain' ? null : wantedTier,
  })
}
