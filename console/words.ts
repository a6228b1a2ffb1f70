import type { PowerState, StepState, PassState, SyncType } from '../agent/api/schemas.js'

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const

/** A byte count in binary units with three significant digits: `1.25 GiB`, `12.5 GiB`, `125 GiB`, `1000 MiB`. */
export function bytesWords(bytes: bigint): string {
  if (bytes < 1024n) return `${bytes} B`
  let unit = 0
  let hundredths = bytes * 100n
  while (hundredths >= 102_400n && unit < units.length - 1) {
    unit += 1
    hundredths = (bytes * 100n) / 1024n ** BigInt(unit)
  }
  const name = units[unit] ?? 'B'
  const value = Number(hundredths) / 100
  if (value < 10) return `${value.toFixed(2)} ${name}`
  // Cut, not rounded: 99.99 must not become 100.0.
  if (value < 100) return `${(Math.floor(value * 10 + 1e-6) / 10).toFixed(1)} ${name}`
  return `${Math.floor(value)} ${name}`
}

/** A duration in its two largest units: `8s`, `4m 12s`, `13h 05m`, `3d 04h`. Negative counts as 0. */
export function durationWords(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (part: number): string => String(part).padStart(2, '0')
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`
  return `${Math.floor(whole / 86_400)}d ${two(Math.floor((whole % 86_400) / 3600))}h`
}

/** `2026-11-24 01:50:04`, UTC. An instant that cannot be read is shown as it came. */
export function instantWords(instant: string): string {
  const ms = Date.parse(instant)
  return Number.isNaN(ms) ? instant : new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** `01:50:04`, UTC. */
export const clockWords = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

/** How long ago `instant` was at `nowMs`; null when it cannot be read. */
export function ageSeconds(instant: string, nowMs: number): number | null {
  const ms = Date.parse(instant)
  return Number.isNaN(ms) ? null : Math.max(0, (nowMs - ms) / 1000)
}

export const ageWords = (instant: string, nowMs: number): string => {
  const seconds = ageSeconds(instant, nowMs)
  return seconds === null ? 'unknown' : durationWords(seconds)
}

/** How much of the plan is done, 0 to 1; null while the plan is unknown. An empty plan is done. */
export function fractionDone(done: bigint, planned: bigint | null): number | null {
  if (planned === null) return null
  if (planned <= 0n) return 1
  return done >= planned ? 1 : Number((done * 10_000n) / planned) / 10_000
}

/** Rounded down, so that 100 % is said only of what is complete. */
export const percentWords = (fraction: number | null): string =>
  fraction === null ? 'unknown' : `${Math.floor(fraction * 100 + 1e-9)} %`

export const syncWords = (sync: SyncType | 'mixed' | null): string => sync ?? 'unknown'

export const powerWords = (power: PowerState): string => power

export function passStateWords(state: PassState): string {
  switch (state) {
    case 'intent':
      return 'starting'
    case 'snapped':
      return 'snapshot taken'
    case 'copying':
      return 'copying'
    case 'flushed':
      return 'flushed'
    case 'verified':
      return 'read back'
    case 'committed':
      return 'committed'
    case 'applied':
      return 'applied'
    case 'failed':
      return 'failed'
  }
}

/** The word in front of a step: colours carry no meaning alone. */
export function stepMark(state: StepState): string {
  switch (state) {
    case 'waiting':
      return '..'
    case 'running':
    case 'undoing':
      return '>'
    case 'done':
      return 'ok'
    case 'failed':
    case 'undo-failed':
      return '!!'
    case 'undone':
      return '<-'
  }
}
