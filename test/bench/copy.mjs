// The copy engine against nbdcopy, qemu-img and a plain loop on the same servers: interleaved rounds, the order turned
// and reversed by turns, the same target before every run, the data compared after every run. A ratio is the peer's time by ours, round by round, then the median;
// above 1 the engine is faster. `--json` leaves out the table, `--loads a,b`, `--rounds N`, `--sizes 2,8` (GiB), `--peers a,b`
// and `--options JSON` (for copy()) narrow or change the run.
import { mkdtempSync, rmSync } from 'node:fs'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEngine, startPeers } from './copy/contenders.mjs'
import { identical } from './copy/images.mjs'
import { loads, openLoad } from './copy/loads.mjs'
import { rowsOf, table } from './copy/report.mjs'

/** 8 GiB runs on the loads that hold little enough of it in memory. */
const largeLoads = new Set(['sparse'])
const gib = 1024 ** 3

function settings() {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      loads: { type: 'string', default: Object.keys(loads).join(',') },
      peers: { type: 'string', default: 'nbdcopy,qemu-img,plain-loop' },
      rounds: { type: 'string', default: '7' },
      sizes: { type: 'string', default: '2,8' },
      options: { type: 'string', default: '{}' },
      dir: { type: 'string', default: '/dev/shm' },
    },
  })
  return {
    json: values.json,
    loads: values.loads.split(',').filter(name => name in loads),
    peers: values.peers.split(','),
    rounds: Math.max(1, Number(values.rounds)),
    sizesGib: values.sizes.split(',').map(Number),
    options: JSON.parse(values.options),
    dir: values.dir,
  }
}

async function runOnce(opened, contender, request, round) {
  opened.prepare(round)
  const serversBefore = opened.serversCpuSeconds()
  const taken = await contender.run(request)
  const serversCpuSeconds = opened.serversCpuSeconds() - serversBefore
  return { ...taken, serversCpuSeconds, identical: identical(opened.source, opened.target) }
}

async function runLoad(name, sizeGib, { dir, peers, engine, chosen }) {
  const load = loads[name]
  const opened = await openLoad(dir, load, Math.round(sizeGib * 1024))
  const request = { ...opened.request, options: chosen.options }
  const contenders = [
    engine,
    ...load.peers.filter(peer => chosen.peers.includes(peer)).map(peer => peers[peer]),
  ]
  const runs = Object.fromEntries(contenders.map(({ name: who }) => [who, []]))
  try {
    // The first copy fills the target and warms both servers; it is not counted.
    await peers.nbdcopy.run(request)
    for (let round = 0; round < chosen.rounds; round += 1) {
      const turn = round % contenders.length
      const order = [...contenders.slice(turn), ...contenders.slice(0, turn)]
      for (const contender of round % 2 === 0 ? order : order.reverse())
        runs[contender.name].push(await runOnce(opened, contender, request, round))
    }
  } finally {
    await opened.close()
  }
  const rows = rowsOf(sizeGib === 2 ? name : `${name}-${sizeGib}g`, runs, opened.movedBytes)
  for (const row of rows) process.stderr.write(`${row.load} against ${row.peer}: ${row.ratio.toFixed(2)}\n`)
  return rows
}

export async function main() {
  const chosen = settings()
  const dir = mkdtempSync(join(chosen.dir, 'ossea-bench-'))
  const rows = []
  try {
    const context = { dir, chosen, peers: startPeers(dir), engine: await startEngine() }
    for (const sizeGib of chosen.sizesGib) {
      for (const name of chosen.loads) {
        if (sizeGib > 2 && !largeLoads.has(name)) continue
        // A source, a target and what the machine needs besides.
        if (sizeGib > 2 && freemem() < sizeGib * gib) process.stderr.write(`${name}: too little memory\n`)
        else rows.push(...(await runLoad(name, sizeGib, context)))
      }
    }
    await context.engine.stop()
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  if (!chosen.json) process.stdout.write(`${table(rows)}\n`)
  process.stdout.write(`${JSON.stringify({ rows })}\n`)
}
