import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { at, root } from '../setup/paths.mjs'

const maxLines = 400
const text = /\.(ts|mjs|cjs|js|cc|h|c|md|json|yml|gyp|sh)$/
const exempt = new Set(['package-lock.json', 'LICENSE'])
/** Written by a program, as long as it has to be. */
const generated = /^docs\/openapi\//

/** Word, advice, and the one file that may have it. Spelt in pieces, so that this file does not find itself. */
const forbidden = [
  ['TO' + 'DO', 'finish it, or open an issue'],
  ['FIX' + 'ME', 'finish it, or open an issue'],
  ['eslint-' + 'disable', 'change the code'],
  ['@ts-' + 'ignore', 'change the types'],
  ['as ' + 'any', 'name the type'],
  ['rejectUnauthorized: ' + 'false', 'pin the certificate', 'agent/tls/connection.ts'],
  ['shell: ' + 'true', 'pass an argument list'],
  ['t.sk' + 'ip(', 'every test runs'],
  ['catch ' + '{}', 'handle the error'],
]

/** Rules no off-the-shelf linter has: file length, words that mean unfinished, lockfile without addresses. */
export function checkTree() {
  const files = execFileSync('/usr/bin/git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  const complaints = []
  for (const file of files
    .split('\n')
    .filter(name => text.test(name) && !exempt.has(name) && !generated.test(name))) {
    const content = readFileSync(at(file), 'utf8')
    const lines = content.split('\n').length
    if (lines > maxLines) complaints.push(`${file}: ${lines} lines; what else is it? (at most ${maxLines})`)
    for (const [word, advice, except] of forbidden)
      if (file !== except && content.includes(word)) complaints.push(`${file}: "${word}": ${advice}`)
  }
  if (readFileSync(at('package-lock.json'), 'utf8').includes('"resolved"')) {
    complaints.push('package-lock.json names addresses; .npmrc has omit-lockfile-registry-resolved for that')
  }
  return complaints
}
