import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { at } from '../setup/paths.mjs'

/** docs/errors.md is written from the error table; `node build/check/errors-document.mjs` writes it. */
async function expected() {
  const { errorTable } = await import(at('dist/agent/errors.js'))
  const rows = Object.entries(errorTable).map(
    ([code, row]) => `| \`${code}\` | ${row.status} | ${row.retry} | ${row.sentence} | ${row.next} |`,
  )
  return [
    '# Errors',
    '',
    'Written from `agent/errors.ts` by `npm run docs`. `after-delay`: the same request can succeed later by itself;',
    '`after-operator`: only after somebody changed something.',
    '',
    '| Code | HTTP | Retry | What happened | What to do |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

export async function errorsDocument() {
  const path = at('docs/errors.md')
  const current = existsSync(path) ? readFileSync(path, 'utf8') : ''
  return current === (await expected())
    ? []
    : ['docs/errors.md is not what the table says: run `npm run docs`']
}

if (process.argv[1] === at('build/check/errors-document.mjs'))
  writeFileSync(at('docs/errors.md'), await expected())
