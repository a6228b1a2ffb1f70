import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Where this machine's apt takes a suite of Debian from: `{ uri, signedBy }`, signedBy undefined when apt's own keyrings
 * serve. Undefined: no enabled source names the suite. The suite matches exactly: `bookworm` is not `bookworm-security`.
 */
export function aptSourceOf(suite, etc = '/etc/apt') {
  const parts = join(etc, 'sources.list.d')
  const files = [
    join(etc, 'sources.list'),
    ...(existsSync(parts) ? readdirSync(parts).sort() : []).map(name => join(parts, name)),
  ]
  for (const file of files.filter(path => existsSync(path))) {
    const text = readFileSync(file, 'utf8')
    const found = file.endsWith('.sources')
      ? fromStanzas(text, suite)
      : file.endsWith('.list')
        ? fromLines(text, suite)
        : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** deb822: stanzas of `Name: value` lines; a value goes on in indented lines. */
function fromStanzas(text, suite) {
  const lines = text.split('\n').filter(line => !line.startsWith('#'))
  for (const stanza of lines.join('\n').split(/\n\s*\n/)) {
    const fields = new Map()
    for (const [, name, value] of stanza.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t].*)*)/gm))
      fields.set(name.toLowerCase(), value)
    const words = name => (fields.get(name) ?? '').split(/\s+/).filter(word => word !== '')
    if (/^\s*(no|false)\s*$/i.test(fields.get('enabled') ?? '')) continue
    if (!words('types').includes('deb') || !words('suites').includes(suite)) continue
    const [uri] = words('uris')
    if (uri !== undefined) return { uri, signedBy: fields.get('signed-by')?.replace(/^ /, '') }
  }
  return undefined
}

/** One line each: `deb [signed-by=… arch=…] uri suite component…`. */
function fromLines(text, suite) {
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)(?:\s|$)/.exec(line)
    if (match === null || match[3] !== suite) continue
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? '')?.[1]
    return { uri: match[2], signedBy: signedBy?.replaceAll(',', ' ') }
  }
  return undefined
}
