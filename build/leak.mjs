// `npm run test:leak`: the addon under valgrind. Node itself is not free of complaints, so those count that name the addon
// or libnbd in their stack: invalid reads and writes, uses of what was never set, memory that nobody can free any more.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { at } from './setup/paths.mjs'

const ours = /nbd\.node|libnbd/

/** The complaints of a valgrind log: blocks of lines between empty ones. */
function complaintsOf(log) {
  const lines = log.split('\n').map(line => line.replace(/^==\d+== ?/, ''))
  const blocks = lines.join('\n').split(/\n\s*\n/)
  return blocks.filter(block => /^\s+(at|by) 0x/m.test(block) && ours.test(block))
}

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '20' } } })
const dir = mkdtempSync(join(tmpdir(), 'ossea-leak-'))
try {
  const log = join(dir, 'valgrind.log')
  const argv = [
    `--log-file=${log}`,
    '--leak-check=full',
    '--show-leak-kinds=definite,indirect',
    '--num-callers=30',
    `--suppressions=${at('test/leak/valgrind.supp')}`,
    process.execPath,
    // Code made at run time is what valgrind cannot follow.
    '--jitless',
    '--expose-gc',
    at('test/leak/exercise.mjs'),
    dir,
    values.seeds,
  ]
  const child = spawn('/usr/bin/valgrind', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', text => (said += text.toString()))
  const code = await new Promise(resolve => child.on('close', resolve))
  const text = readFileSync(log, 'utf8')
  const complaints = complaintsOf(text)
  for (const complaint of complaints) process.stdout.write(`${complaint}\n\n`)
  const ran = code === 0 && said === 'exercised\n' && /ERROR SUMMARY/.test(text)
  if (!ran)
    process.stdout.write(`${text.split('\n').slice(-30).join('\n')}\nthe run ended with ${code}: ${said}\n`)
  process.stdout.write(`${complaints.length} complaints of valgrind about the addon\n`)
  process.exitCode = ran && complaints.length === 0 ? 0 : 1
} finally {
  rmSync(dir, { recursive: true, force: true })
}
