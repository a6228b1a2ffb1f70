import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as after } from 'node:timers/promises'
import { at } from './paths.mjs'

const path = at('.setup.lock')

/** One set-up at a time in one clone; a lock left by a dead process is taken over. Gives the release. */
export async function holdLock() {
  let told = false
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isHeld()) {
      rmSync(path, { force: true })
      continue
    }
    if (!told) process.stderr.write('waiting for another set-up of this clone to end\n')
    told = true
    await after(500)
  }
}

function isHeld() {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
