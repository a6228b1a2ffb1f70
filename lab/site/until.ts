import { setTimeout as after } from 'node:timers/promises'

/** Waits until the condition gives something; rejects with its name after `limitMs`. An error it throws ends the wait. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined>,
  limitMs: number,
): Promise<T> {
  const end = performance.now() + limitMs
  for (;;) {
    const value = await condition()
    if (value !== undefined) return value
    if (performance.now() > end) throw new Error(`waited ${limitMs / 1000} s in vain: ${what}`)
    await after(50)
  }
}
