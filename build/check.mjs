// All static gates, one line each; every gate runs, and one failure fails the check.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { checkDependencies } from './check/dependencies.mjs'
import { errorsDocument } from './check/errors-document.mjs'
import { openapiDocument } from './check/openapi-document.mjs'
import { routesDocument } from './check/routes-document.mjs'
import { screensDocument } from './check/screens-document.mjs'
import { checkTree } from './check/tree.mjs'
import { at, root } from './setup/paths.mjs'

const bin = name => at('node_modules/.bin', name)
const tool = (program, argv) => () => {
  const { status, stdout, stderr, error } = spawnSync(program, argv, { cwd: root, encoding: 'utf8' })
  if (error !== undefined) return [`${program}: ${error.message}`]
  return status === 0 ? [] : [`${stdout}${stderr}`.trimEnd()]
}
// What a file was found to be is kept by its content; a clean clone starts without, so the gate there sees every file.
const kept = name => at('node_modules/.cache/check', name)
const cached = name => ['--cache', '--cache-strategy=content', `--cache-location=${kept(name)}`]
const nativeSources = readdirSync(at('native/src')).map(name => `native/src/${name}`)

const gates = [
  ['types', tool(bin('tsc'), ['-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', kept('types')])],
  ['lint', tool(bin('eslint'), ['--max-warnings=0', ...cached('lint'), '.'])],
  ['format', tool(bin('prettier'), ['--check', '--log-level=warn', ...cached('format'), '.'])],
  [
    'imports',
    tool(bin('depcruise'), [
      '--config',
      '.dependency-cruiser.cjs',
      'agent',
      'console',
      'native',
      'lab',
      'wizard',
      'test',
    ]),
  ],
  ['format of C++', tool('/usr/bin/clang-format', ['--dry-run', '--Werror', ...nativeSources])],
  ['shell', tool('/usr/bin/shellcheck', ['.ci/run'])],
  ['tree', checkTree],
  ['dependencies', checkDependencies],
  ['errors document', errorsDocument],
  ['screens', screensDocument],
  ['OpenAPI', openapiDocument],
  ['routes', routesDocument],
]

let failed = 0
for (const [name, gate] of gates) {
  const started = performance.now()
  const complaints = await gate()
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`${complaints.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)\n`)
  for (const complaint of complaints) process.stdout.write(`${complaint}\n`)
  if (complaints.length > 0) failed += 1
}
process.exitCode = failed === 0 ? 0 : 1
