// Runs tap over all tests, or those named, and ends with `N passed, N failed`, counting assertions as tap does. A file that
// crashes or times out counts as a failure by itself.
import { spawn } from 'node:child_process'
import { at, root } from './setup/paths.mjs'

const files = process.argv.slice(2)
const tap = spawn(at('node_modules/.bin/tap'), ['run', '--reporter=tap', ...files], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
})
const counts = { pass: 0, fail: 0, skip: 0, files: 0 }
let failingFile = []
let rest = ''

tap.stdout.on('data', text => {
  const lines = (rest + text.toString()).split('\n')
  rest = lines.pop() ?? ''
  for (const line of lines) read(line)
})

function read(line) {
  const file = /^(not ok|ok) \d+ - (\S+) # time=([\d.]+)ms/.exec(line)
  const summary = /^# \{ (.*) \}$/.exec(line)
  if (line.startsWith('# Subtest: ')) failingFile = []
  else if (line.startsWith(' ')) failingFile.push(line)
  if (file !== null) {
    counts.files += 1
    process.stdout.write(
      `${file[1] === 'ok' ? 'ok  ' : 'FAIL'} ${file[2]} (${(Number(file[3]) / 1000).toFixed(1)} s)\n`,
    )
    if (file[1] === 'not ok') {
      process.stdout.write(`${failingFile.join('\n')}\n`)
    }
  }
  if (summary !== null) {
    for (const [, name, count] of summary[1].matchAll(/(\w+): (\d+)/g))
      if (name in counts) counts[name] = Number(count)
  }
}

tap.on('close', code => {
  if (rest !== '') read(rest)
  const broken = code !== 0 || counts.files === 0 || counts.pass === 0
  const failed = broken ? Math.max(1, counts.fail) : counts.fail
  const skipped = counts.skip > 0 ? `, ${counts.skip} skipped` : ''
  process.stdout.write(`${counts.pass} passed, ${failed} failed${skipped}\n`)
  process.exitCode = failed > 0 ? 1 : 0
})
