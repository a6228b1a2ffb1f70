import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const at = (...parts) => join(root, ...parts)

/** Folders whose `build` is made, not written. */
const made = new Set(['native', 'lab/vddk', 'lab/guest'])

/** One hash over the contents of files and folders, for "did anything change since". */
export function fingerprint(paths) {
  const hash = createHash('sha256').update(process.version)
  const add = path => {
    hash.update(path)
    hash.update(readFileSync(at(path)))
  }
  const walk = path => {
    if (!existsSync(at(path))) return
    const entries = readdirSync(at(path), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      if (entry.name === 'build' && made.has(path)) continue
      if (entry.isDirectory()) walk(join(path, entry.name))
      else add(join(path, entry.name))
    }
  }
  for (const path of paths) {
    if (/\.[a-z]+$/.test(path)) add(path)
    else walk(path)
  }
  return hash.digest('hex')
}

export const stampIs = (path, value) => existsSync(at(path)) && readFileSync(at(path), 'utf8') === value

export function stamp(path, value) {
  mkdirSync(dirname(at(path)), { recursive: true })
  writeFileSync(at(path), value)
}
