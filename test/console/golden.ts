import fs from 'node:fs'
import path from 'node:path'

const directory = path.join(import.meta.dirname, 'golden')

interface Tap {
  equal(found: string, wanted: string, message: string): unknown
}

/**
 * Compares a text with the file of that name beside the tests. `GOLDEN=write` writes the files instead: read the
 * difference before it is committed.
 */
export function golden(t: Tap, name: string, text: string): void {
  const file = path.join(directory, `${name}.txt`)
  if (process.env['GOLDEN'] === 'write') {
    fs.mkdirSync(directory, { recursive: true })
    fs.writeFileSync(file, text)
  }
  t.equal(text, fs.readFileSync(file, 'utf8'), `${name} looks as recorded`)
}
