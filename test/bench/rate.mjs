// How well a copy holds its rate limit: the bytes of each second on the wire by the limit, smallest and largest. The first second is
// left out, because a copy connects in it. `--mib-per-second a,b`, `--seconds N`, `--json`.
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCopy } from '../../dist/native/copy.js'
import { loads, openLoad } from './copy/loads.mjs'
import { mib } from './copy/images.mjs'

function settings() {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      'mib-per-second': { type: 'string', default: '10,100,400' },
      seconds: { type: 'string', default: '5' },
      dir: { type: 'string', default: '/dev/shm' },
    },
  })
  const rates = values['mib-per-second'].split(',').map(Number)
  return { json: values.json, rates, seconds: Math.max(2, Number(values.seconds)), dir: values.dir }
}

/** Reads the counter as often as the engine reports it and takes each second between the two nearest reports. */
async function sharesOfLimit(opened, mibPerSecond, seconds) {
  const target = ({ socket }) => ({ kind: 'unix', path: socket, exportName: '' })
  const reports = []
  const running = startCopy({
    source: target(opened.request.source),
    target: target(opened.request.target),
    extents: [{ offset: 0n, length: BigInt(opened.sizeMib * mib) }],
    targetIsZero: false,
    bytesPerSecond: BigInt(mibPerSecond * mib),
    progressIntervalMs: 20,
    onProgress: ({ readBytes }) => reports.push({ atMs: performance.now(), bytes: Number(readBytes) }),
  })
  await running.result
  const shares = []
  for (let n = 1; n < seconds; n += 1) {
    const from = reports.find(({ atMs }) => atMs >= reports[0].atMs + n * 1000)
    const until = reports.find(({ atMs }) => from !== undefined && atMs >= from.atMs + 1000)
    if (until === undefined) break
    const rate = (until.bytes - from.bytes) / ((until.atMs - from.atMs) / 1000)
    shares.push(rate / (mibPerSecond * mib))
  }
  return shares
}

export async function main() {
  const chosen = settings()
  const dir = mkdtempSync(join(chosen.dir, 'ossea-bench-'))
  const rows = []
  try {
    for (const rate of chosen.rates) {
      const opened = await openLoad(dir, loads.dense, rate * chosen.seconds)
      try {
        const shares = await sharesOfLimit(opened, rate, chosen.seconds)
        rows.push({
          mib_per_second: rate,
          seconds: shares.length,
          least: Math.min(...shares),
          most: Math.max(...shares),
        })
      } finally {
        await opened.close()
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  if (!chosen.json)
    for (const { mib_per_second: limit, seconds, least, most } of rows)
      process.stdout.write(
        `limit ${limit} MiB/s, ${seconds} seconds: ${(least * 100).toFixed(1)} % to ${(most * 100).toFixed(1)} %\n`,
      )
  process.stdout.write(`${JSON.stringify({ rows })}\n`)
}
