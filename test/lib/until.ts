import { setTimeout as after } from 'node:timers/promises'

/** Waits until the condition holds; fails with its name after `limitMs`. An error thrown by the condition ends the wait. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await after(10)
  }
}
