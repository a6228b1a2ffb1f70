// What the addon does for the product, once through, for valgrind to watch: copies between servers that misbehave, hashes,
// handles that are closed, lost and forgotten, an abort, misuse, and an environment that ends in mid-copy.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { hashDisk, startCopy } from '../../dist/native/copy.js'
import { openNbd } from '../../dist/native/handle.js'
import { runChaos } from '../../dist/lab/mover/chaos.js'
import { MisbehavingServer } from '../../dist/lab/mover/misbehaving-server.js'

const [dir, seeds] = process.argv.slice(2)
const mib = 1024 * 1024

const serve = async (path, faults = []) => {
  const server = new MisbehavingServer({
    content: Buffer.alloc(mib, 0x21),
    holes: [],
    offers: { zero: true, fastZero: true, map: true, multi: true },
    fault: () => faults.shift(),
    delayMs: () => 0,
    fakeSizeBytes: () => undefined,
  })
  await server.listen(path)
  return { server, end: { kind: 'unix', path, exportName: '' } }
}
const source = await serve(join(dir, 'source'))
const target = await serve(join(dir, 'target'))
const breaking = await serve(join(dir, 'breaking'), ['EIO', 'drop'])
const extents = [{ offset: 0n, length: BigInt(mib) }]
const ends = { source: source.end, target: target.end, extents, targetIsZero: false }

const { complaints } = await runChaos({ dir, seeds: Number(seeds) })
if (complaints.length > 0) throw new Error(complaints.join('\n'))

await hashDisk({ source: source.end, extents, hash: { algorithm: 'xxh3-128', blockBytes: 65536 } })

const aborted = startCopy({ ...ends, bytesPerSecond: 65536n, signal: AbortSignal.timeout(100) })
aborted.pause()
aborted.setRate(131072n)
aborted.resume()
await aborted.result.then(
  () => Promise.reject(new Error('an aborted copy succeeded')),
  () => undefined,
)

const disk = await openNbd(source.end)
await disk.blockStatus(0n, disk.info.sizeBytes)
await disk.pread(0n, 4096n)
disk.close()
const broken = await openNbd(breaking.end)
await broken.pread(0n, 512n).catch(() => undefined)
await broken.pread(0n, 512n).catch(() => undefined)
await openNbd({ kind: 'unix', path: join(dir, 'nowhere'), exportName: '' }).catch(() => undefined)

const addonPath = createRequire(import.meta.url).resolve('#nbd.node')
const worker = new Worker(
  `const { parentPort, workerData } = require('node:worker_threads')
   const request = { ...workerData.request, extents: new BigUint64Array([0n, ${mib}n]), mode: 'copy', bytesPerSecond: 65536n }
   require(workerData.addonPath).startCopy(request, () => parentPort.postMessage('moving')).promise.catch(() => undefined)
   parentPort.postMessage('started')`,
  {
    eval: true,
    workerData: { addonPath, request: { source: source.end, target: target.end, targetIsZero: false } },
  },
)
await once(worker, 'message')
await worker.terminate()

// A handle that nobody closed goes with its collection.
await openNbd(source.end)
for (let i = 0; i < 3; i += 1) {
  globalThis.gc()
  await new Promise(resolve => setImmediate(resolve))
}
for (const { server } of [source, target, breaking]) await server.close()
process.stdout.write('exercised\n')
