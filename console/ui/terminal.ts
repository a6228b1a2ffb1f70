import fs from 'node:fs'
import type { Caps } from './caps.js'

/** Pastes arrive in brackets, so that they can be told from keys. */
const pasteOn = '\u001b[?2004h'

/**
 * Everything that this program, or one before it, can have left switched on: character set, colours, scroll region,
 * application keys, line wrap, mouse reports, bracketed paste, hidden cursor, alternate screen. A soft reset does not do
 * it: it leaves the mouse and the alternate screen on.
 */
export function restoreSequence(caps: Caps): string {
  const modes = ['1', '1000', '1002', '1003', '1005', '1006', '2004'].map(mode => `\u001b[?${mode}l`).join('')
  const common = `${modes}\u001b>\u001b(B\u000f\u001b[0m\u001b[?7h\u001b[?25h`
  return caps.alternateScreen ? `${common}\u001b[?1049l` : `${common}\u001b[r\u001b[H\u001b[2J`
}

export const openSequence = (caps: Caps): string => (caps.bracketedPaste ? pasteOn : '')

/** Writes at once, from an exit handler too. A terminal that is gone cannot be restored: that is no error. */
export function writeNow(fd: number, text: string): void {
  try {
    fs.writeSync(fd, text)
  } catch (error) {
    if (!terminalGone(error)) throw error
  }
}

/** True for what a read or write says when the line was hung up, or is full of unread output at the very end. */
export function terminalGone(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  return ['EIO', 'EPIPE', 'EBADF', 'ENXIO', 'EAGAIN', 'ENOTCONN'].includes(String(error.code))
}
