import type { PassDiskView, PassView } from '../../agent/api/schemas.js'
import type { Block, Tone } from '../view.js'
import { bytesWords, durationWords, fractionDone, percentWords } from '../words.js'

const planned = (text: string | null): bigint | null => (text === null ? null : BigInt(text))

/** How far a pass is, from the bytes that have to move. */
export const passFraction = (pass: PassView): number | null =>
  pass.state === 'committed' || pass.state === 'applied'
    ? 1
    : fractionDone(BigInt(pass.movedBytes), planned(pass.plannedBytes))

/** How far a disk is: what was read or needed no reading, of what was planned. */
export const diskFraction = (disk: PassDiskView): number | null =>
  fractionDone(BigInt(disk.readBytes), planned(disk.plannedBytes))

/** `1.20 of 2.80 GiB`, or with `unknown` for a plan that is not made yet. */
export function movedWords(moved: string, plan: string | null): string {
  const done = bytesWords(BigInt(moved))
  return plan === null ? `${done} of unknown` : `${done} of ${bytesWords(BigInt(plan))}`
}

export const rateWords = (rate: string | null): string =>
  rate === null ? 'rate unknown' : `${bytesWords(BigInt(rate))}/s`

export const etaWords = (seconds: number | null): string =>
  seconds === null ? 'ETA unknown' : `ETA ${durationWords(seconds)}`

/** The running pass as one line. */
export function passMeter(pass: PassView): Block {
  const fraction = passFraction(pass)
  const text = [
    percentWords(fraction),
    movedWords(pass.movedBytes, pass.plannedBytes),
    rateWords(pass.rateBytesPerSec),
    etaWords(pass.etaSeconds),
  ].join('  ')
  return { kind: 'meter', fraction, text, tone: 'accent' }
}

/** A pass in a few words: what it is doing, or how it ended. */
export function passWords(pass: PassView): { readonly words: string; readonly tone: Tone } {
  if (pass.sagaState === 'needs-operator') return { words: '!! needs operator', tone: 'bad' }
  if (pass.sagaState === 'unwinding') return { words: '> cleaning up', tone: 'warn' }
  switch (pass.state) {
    case 'committed':
    case 'applied':
      return { words: 'ok committed', tone: 'good' }
    case 'failed':
      return { words: '!! failed', tone: 'bad' }
    case 'intent':
      return { words: '> starting', tone: 'accent' }
    case 'snapped':
      return { words: '> snapshot taken', tone: 'accent' }
    case 'copying':
      return pass.held ? { words: '-- paused', tone: 'warn' } : { words: '> copying', tone: 'accent' }
    case 'flushed':
    case 'verified':
      return { words: '> flushed', tone: 'accent' }
  }
}

/** Seconds from start to end, or to now. */
export function passSeconds(pass: PassView, nowMs: number): number {
  const end = pass.endedAt === null ? nowMs : Date.parse(pass.endedAt)
  return Math.max(0, (end - Date.parse(pass.startedAt)) / 1000)
}
