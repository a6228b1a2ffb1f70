import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { copy } from '../../native/copy.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'

const addonPath = createRequire(import.meta.url).resolve('#nbd.node')
const addon = createRequire(import.meta.url)(addonPath) as { startCopy(...args: unknown[]): unknown }

void t.test('startCopy throws on anything that is no request', async t => {
  const end = { kind: 'unix', path: '/nowhere', exportName: '' }
  const good = { source: end, target: end, extents: new BigUint64Array(2), mode: 'copy' }
  const nothing = (): void => undefined
  for (const args of [[], [1], [good], [good, 5], [{}, nothing], [null, nothing]])
    t.throws(() => addon.startCopy(...args), TypeError)
  const broken = [
    { source: { ...end, path: 'a\0b' } },
    { target: undefined },
    { extents: [] },
    { extents: new Float64Array(2) },
    { extents: new BigUint64Array([2n ** 63n, 1n]) },
    { mode: 'move' },
    { hashAlgorithm: 'crc32' },
    { hashBlockBytes: 65537 },
    { depth: -1 },
    { connections: 'two' },
    { bytesPerSecond: 5 },
    { resumeFrom: -1n },
  ]
  for (const part of broken) t.throws(() => addon.startCopy({ ...good, ...part }, nothing))
})

void t.test('an extent list of odd length, no extents and a second abort do no harm', async t => {
  const server = await startNbdkit(t, ['memory', '1M'])
  const end = unixTarget(server)
  const result = await copy({ source: end, target: end, extents: [], targetIsZero: false })
  t.equal(result.readBytes, 0n)
  const job = addon.startCopy(
    { source: end, target: end, extents: new BigUint64Array([0n, 65536n, 1n]), mode: 'copy' },
    () => undefined,
  ) as { promise: Promise<unknown>; abort(): void; setRate(rate: unknown): void }
  t.throws(() => job.setRate('fast'), TypeError)
  await job.promise
  job.abort()
  job.abort()
  job.setRate(5n)
})

void t.test('workers that end in mid-copy take their copies with them', async t => {
  const dir = await temporaryDir(t)
  const path = join(dir, 'source.img')
  await writeFile(path, randomBytes(4 * 1024 * 1024))
  const source = unixTarget(await startNbdkit(t, ['-r', 'file', path]))
  const target = unixTarget(await startNbdkit(t, ['memory', '4M']))
  const request = JSON.stringify({ source, target, mode: 'copy', targetIsZero: false, progressIntervalMs: 5 })
  const script = `
    const { parentPort } = require('node:worker_threads')
    const request = ${request}
    request.extents = new BigUint64Array([0n, 4194304n])
    request.bytesPerSecond = 1048576n
    const job = require(${JSON.stringify(addonPath)}).startCopy(request, ({ readBytes }) => {
      if (readBytes > 0n) parentPort.postMessage('moving')
    })
    job.promise.catch(() => undefined)`
  const workers = [1, 2, 3].map(() => new Worker(script, { eval: true }))
  await Promise.all(workers.map(async worker => once(worker, 'message')))
  const codes = await Promise.all(workers.map(async worker => worker.terminate()))
  t.equal(codes.length, 3)
  const after = await copy({
    source,
    target,
    extents: [{ offset: 0n, length: 4194304n }],
    targetIsZero: false,
  })
  t.equal(after.writtenBytes, 4194304n)
})
