// Engine against nbdcopy on the same pair of nbdkit file servers: interleaved runs, median of the paired ratios, data
// compared at the end. Below 1.00 the engine is faster.
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'

const mib = 1024 * 1024
const pairs = 9

const loads = {
  'dense 1 GiB': path => makeImage(path, 1024, area => [[0, area, 'data']]),
  'sparse 2 GiB, 300 MiB data, 300 MiB zero-filled': path =>
    makeImage(path, 2048, () => [
      [100, 300, 'data'],
      [700, 300, 'zero'],
    ]),
}

function makeImage(path, sizeMib, layout) {
  writeFileSync(path, '')
  truncateSync(path, sizeMib * mib)
  const file = openSync(path, 'r+')
  for (const [fromMib, lengthMib, kind] of layout(sizeMib)) {
    for (let at = fromMib; at < fromMib + lengthMib; at += 4) {
      const block = kind === 'data' ? randomBytes(4 * mib) : Buffer.alloc(4 * mib)
      writeSync(file, block, 0, block.length, at * mib)
    }
  }
  closeSync(file)
  return BigInt(sizeMib * mib)
}

async function serve(socket, argv) {
  const child = spawn('/usr/bin/nbdkit', ['-f', '--exit-with-parent', '--unix', socket, ...argv], {
    stdio: 'inherit',
  })
  while (!existsSync(socket)) await after(5)
  return child
}

async function timed(work) {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

const median = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

export async function main() {
  const { copy } = await import('../../dist/native/copy.js')
  const dir = mkdtempSync(join(tmpdir(), 'ossea-bench-'))
  const results = []
  try {
    for (const [name, make] of Object.entries(loads)) {
      const [source, target] = [join(dir, 'source.img'), join(dir, 'target.img')]
      const [from, to] = [join(dir, 'source.sock'), join(dir, 'target.sock')]
      const size = make(source)
      writeFileSync(target, '')
      truncateSync(target, Number(size))
      const servers = [await serve(from, ['-r', 'file', source]), await serve(to, ['file', target])]
      const unix = path => ({ kind: 'unix', path, exportName: '' })
      const engine = () =>
        copy({
          source: unix(from),
          target: unix(to),
          extents: [{ offset: 0n, length: size }],
          targetIsZero: false,
        })
      const nbdcopy = () =>
        execFileSync('/usr/bin/nbdcopy', [
          '--flush',
          `nbd+unix:///?socket=${from}`,
          `nbd+unix:///?socket=${to}`,
        ])
      const ratios = []
      const seconds = { engine: [], nbdcopy: [] }
      for (let run = 0; run <= pairs; run += 1) {
        const order = run % 2 === 0 ? ['engine', 'nbdcopy'] : ['nbdcopy', 'engine']
        const took = {}
        for (const who of order) took[who] = await timed(who === 'engine' ? engine : nbdcopy)
        // The first pair warms the page cache and allocates the target.
        if (run === 0) continue
        ratios.push(took.engine / took.nbdcopy)
        for (const who of order) seconds[who].push(took[who])
      }
      await engine()
      for (const server of servers) server.kill()
      execFileSync('/usr/bin/cmp', [source, target])
      const result = {
        load: name,
        pairs,
        engineSeconds: median(seconds.engine),
        nbdcopySeconds: median(seconds.nbdcopy),
        medianRatio: median(ratios),
        identical: true,
      }
      results.push(result)
      process.stderr.write(
        `${name}: engine ${result.engineSeconds.toFixed(3)} s, nbdcopy ${result.nbdcopySeconds.toFixed(3)} s, ratio ${result.medianRatio.toFixed(2)}\n`,
      )
      for (const path of [from, to, source, target]) rmSync(path, { force: true })
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  process.stdout.write(`${JSON.stringify({ bench: 'copy', results })}\n`)
}
