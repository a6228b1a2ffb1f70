import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

const mainPath = join(import.meta.dirname, '../../dist/lab/main.js')

interface Result {
  readonly scenario: string
  readonly ok: boolean
  readonly error: string | null
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly found: string }[]
}

/** Without the environment of the test runner, which would load itself into every Node process of the lab. */
const run = (argv: readonly string[]) =>
  new Promise<{ readonly status: number | string; readonly stdout: string; readonly stderr: string }>(
    resolve => {
      execFile(
        '/usr/bin/env',
        ['-i', 'PATH=/usr/bin:/bin', process.execPath, mainPath, ...argv],
        { maxBuffer: 2 ** 26 },
        (error, stdout, stderr) =>
          resolve({ status: error === null ? 0 : (error.code ?? 'killed'), stdout, stderr }),
      )
    },
  )

for (const name of ['replicate', 'faults', 'inventory-1000']) {
  void t.test(`scenario ${name}`, async t => {
    const { status, stdout, stderr } = await run(['--scenario', name, '--json'])
    t.equal(stdout.trimEnd().split('\n').length, 1, 'one line on standard output')
    const result = JSON.parse(stdout) as Result
    t.equal(result.error, null)
    t.equal(result.scenario, name)
    for (const check of result.checks) t.ok(check.ok, check.name, { found: check.found })
    t.equal(status, 0, stderr.slice(-2000))
  })
}

void t.test('a scenario nobody knows, an option nobody knows', async t => {
  for (const argv of [['--scenario', 'no-such'], ['--nonsense']]) {
    const { status, stdout, stderr } = await run(argv)
    t.equal(status, 2)
    t.equal(stdout, '')
    t.match(stderr, /scenarios:\n {2}replicate/)
  }
})
