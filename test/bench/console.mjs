// What an operator feels of the console, on a pseudo-terminal against an agent with 5,000 VMs: first paint, key to screen,
// idle processor, memory. `--json` leaves out the words, `--rounds N` and `--vms N` change the run. The limits are those of
// an idle machine; a bare `node -e 0` is timed between the starts to show how idle it was.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pty from 'node-pty'
import { at } from '../../build/setup/paths.mjs'
import { median } from './copy/report.mjs'
import { openSite } from './console/site.mjs'

const limits = { firstPaintMs: 150, keyMs: 20, idlePercent: 1, residentMib: 90 }
const idleSeconds = 15
const keyPresses = 100
/** The last words a frame of the home screen draws: its key line. */
const lastOfFrame = 'Leave'

function start(args) {
  const child = pty.spawn(process.execPath, args, {
    name: 'xterm-256color',
    cols: 80,
    rows: 24,
    env: { PATH: '/usr/bin:/bin', TERM: 'xterm-256color', LANG: 'C.UTF-8' },
  })
  const listeners = new Set()
  child.onData(data => {
    for (const listener of listeners) listener(data)
  })
  const ended = new Promise(resolve => child.onExit(resolve))
  /** Settles with the first output since now that makes `holds` true of all of it. */
  const output = holds =>
    new Promise(resolve => {
      let text = ''
      const listener = data => {
        text += data
        if (!holds(text)) return
        listeners.delete(listener)
        resolve()
      }
      listeners.add(listener)
    })
  return { child, ended, output }
}

const timed = async work => {
  const from = performance.now()
  await work()
  return performance.now() - from
}

async function startTimes(args, rounds) {
  const paints = []
  const bare = []
  for (let round = 0; round < rounds; round += 1) {
    paints.push(
      await timed(async () => {
        const { child, ended, output } = start(args)
        await output(text => text.includes(lastOfFrame))
        child.kill('SIGKILL')
        void ended
      }),
    )
    bare.push(await timed(() => start(['-e', '0']).ended))
  }
  return { paints, bare }
}

/** Seconds of processor time of a process so far (proc(5): fields 14 and 15, in hundredths). */
function processorSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const residentMib = pid =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

async function running(args) {
  const { child, ended, output } = start(args)
  await output(text => text.includes('with a job'))
  child.write('2')
  await output(text => text.includes('VMs, read'))
  const keys = []
  for (let press = 0; press < keyPresses; press += 1) {
    const shown = output(text => text.length > 0)
    keys.push(await timed(() => (child.write(press % 20 < 10 ? '\u001b[6~' : '\u001b[B'), shown)))
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const resident = residentMib(child.pid)
  child.write('1')
  const before = processorSeconds(child.pid)
  const seconds = (await timed(() => new Promise(resolve => setTimeout(resolve, idleSeconds * 1000)))) / 1000
  const idlePercent = ((processorSeconds(child.pid) - before) / seconds) * 100
  child.kill('SIGTERM')
  await ended
  return { keys, idlePercent, resident }
}

export async function main() {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '15' },
      vms: { type: 'string', default: '5000' },
    },
  })
  const directory = mkdtempSync(join(tmpdir(), 'console-bench-'))
  const socketPath = join(directory, 'agent.sock')
  const server = await openSite(socketPath, Number(values.vms))
  try {
    const args = [at('dist/console/main.js'), '--socket', socketPath]
    const { paints, bare } = await startTimes(args, Number(values.rounds))
    const { keys, idlePercent, resident } = await running(args)
    const rows = [
      ['first paint, ms', median(paints), Math.min(...paints), Math.max(...paints), limits.firstPaintMs],
      ['bare node start and end, ms', median(bare), Math.min(...bare), Math.max(...bare), null],
      ['key to screen, ms', median(keys), Math.min(...keys), Math.max(...keys), limits.keyMs],
      ['idle processor, %', idlePercent, null, null, limits.idlePercent],
      ['resident, MiB', resident, null, null, limits.residentMib],
    ].map(([what, middle, least, most, limit]) => ({ what, median: middle, least, most, limit }))
    if (values.json) process.stdout.write(`${JSON.stringify({ vms: Number(values.vms), rows })}\n`)
    else for (const row of rows) process.stdout.write(`${sentence(row)}\n`)
  } finally {
    server.close()
    server.closeAllConnections()
    rmSync(directory, { recursive: true, force: true })
  }
}

function sentence({ what, median: middle, least, most, limit }) {
  const range = least === null ? '' : ` (${least.toFixed(1)} to ${most.toFixed(1)})`
  const wanted = limit === null ? '' : `, ${middle < limit ? 'within' : 'OVER'} the limit of ${limit}`
  return `${what.padEnd(28)} ${middle.toFixed(1).padStart(7)}${range}${wanted}`
}
