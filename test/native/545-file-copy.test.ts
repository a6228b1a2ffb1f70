import { randomBytes } from 'node:crypto'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { attachLoop, detachLoop } from '../../lab/cloudstack/loop-device.js'
import { copy } from '../../native/copy.js'
import { copyFromFile, sumOfFile, type FilePart } from '../../native/file-copy.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'

const kib = 1024
const size = 3 * 1024 * kib + 512
const never = new AbortController().signal
const quiet = { signal: never, onProgress: () => undefined }
const at = (offset: number, length: number): FilePart => ({
  offset: BigInt(offset),
  length: BigInt(length),
  fileOffset: BigInt(offset),
})

/** Data, a hole of a megabyte and a half, data that ends inside a page. */
async function source(t: Test) {
  const dir = await temporaryDir(t)
  const path = join(dir, 'source.img')
  const content = randomBytes(size)
  content.fill(0, 1024 * kib, 2560 * kib)
  await writeFile(path, content)
  return { dir, path, content }
}

void t.test('a sum does not depend on order, on parts, nor on what lies nowhere', async t => {
  const { path } = await source(t)
  const sum = (parts: readonly FilePart[]) => sumOfFile({ source: path, parts, ...quiet })
  const whole = await sum([at(0, size)])
  t.not(whole, 0n)
  const pieces = [at(2560 * kib, size - 2560 * kib), at(4 * kib, 1020 * kib), at(0, 4 * kib)]
  t.equal(await sum(pieces), whole)
  const nowhere = { offset: BigInt(1024 * kib), length: BigInt(1536 * kib), fileOffset: null }
  t.equal(await sum([...pieces, nowhere]), whole)
  t.equal(await sum([nowhere]), 0n)
  t.equal(await sum([at(1024 * kib, 1536 * kib)]), 0n, 'pages of zeroes count nothing')
})

void t.test('the copy engine sums the same, whatever its requests, and from a mark on', async t => {
  const { dir, path } = await source(t)
  const target = join(dir, 'target.img')
  await writeFile(target, Buffer.alloc(size, 0xee))
  const ends = {
    source: unixTarget(await startNbdkit(t, ['-r', 'file', path])),
    target: unixTarget(await startNbdkit(t, ['file', target])),
    targetIsZero: false,
    sumsPages: true,
  }
  const whole = await sumOfFile({ source: path, parts: [at(0, size)], ...quiet })
  const extents = [{ offset: 0n, length: BigInt(size) }]
  for (const settings of [
    {},
    { requestBytes: 64 * kib, connections: 2 },
    { allocationMap: 'never' as const },
  ]) {
    const result = await copy({ ...ends, ...settings, extents })
    t.equal(result.pageSum, whole, JSON.stringify(settings))
    t.equal(result.durableSum, whole, 'all of it is durable at the end')
  }
  // Extents that meet inside a page are one.
  const cut = [
    { offset: 0n, length: 512n },
    { offset: 512n, length: BigInt(size) - 512n },
  ]
  t.equal((await copy({ ...ends, extents: cut })).pageSum, whole)
  const resumeFrom = BigInt(512 * kib)
  const resumeSum = await sumOfFile({ source: path, parts: [at(0, 512 * kib)], ...quiet })
  t.equal((await copy({ ...ends, extents, resumeFrom, resumeSum })).pageSum, whole)
  t.equal((await copy({ ...ends, extents, sumsPages: false })).pageSum, undefined)
  const spoilt = await readFile(target)
  spoilt[2600 * kib] = (spoilt[2600 * kib] ?? 0) ^ 1
  await writeFile(target, spoilt)
  t.not(await sumOfFile({ source: target, parts: [at(0, size)], ...quiet }), whole, 'one bit is seen')
})

void t.test('parts are written to their places, and nothing else is', async t => {
  const { dir, path, content } = await source(t)
  const target = join(dir, 'target.img')
  await writeFile(target, Buffer.alloc(size, 0xee))
  const parts: readonly FilePart[] = [
    { offset: 64n, length: 100_000n, fileOffset: 7n },
    { offset: BigInt(1024 * kib), length: 4096n, fileOffset: null },
    { offset: BigInt(2048 * kib), length: BigInt(1024 * kib + 512), fileOffset: 0n },
  ]
  const seen: bigint[] = []
  const sum = await copyFromFile({
    source: path,
    target,
    parts,
    signal: never,
    onProgress: bytes => seen.push(bytes),
  })
  const expected = Buffer.alloc(size, 0xee)
  content.copy(expected, 64, 7, 100_007)
  expected.fill(0, 1024 * kib, 1028 * kib)
  content.copy(expected, 2048 * kib, 0, 1024 * kib + 512)
  t.ok((await readFile(target)).equals(expected))
  t.equal(seen.at(-1), 100_000n + BigInt(1024 * kib + 512), 'what lies nowhere is not read')
  const where = parts.map(part => ({ ...part, fileOffset: part.offset }))
  t.equal(await sumOfFile({ source: target, parts: where, ...quiet }), sum)
})

void t.test('a sum is of what lies there, not of what is in memory', async t => {
  const { path, content } = await source(t)
  const device = await attachLoop(path)
  t.teardown(() => detachLoop(device))
  const parts = [at(4 * kib, 1024 * kib), at(2600 * kib + 7, 400 * kib)]
  const sum = () => sumOfFile({ source: device, parts, ...quiet })
  const before = await sum()
  // Into the device's own pages, where what is changed below it does not show; they go when nobody has it open.
  const held = await open(device)
  await held.readFile()
  content[2700 * kib] = (content[2700 * kib] ?? 0) ^ 1
  await writeFile(path, content, { flag: 'r+' })
  t.not(await sum(), before)
  await held.close()
})

void t.test('what cannot be read or written says which side and where', async t => {
  const { dir, path } = await source(t)
  const parts = [at(0, size)]
  const none = join(dir, 'none')
  const failureOf = (work: Promise<bigint>): Promise<unknown> =>
    work.then(
      () => 'it succeeded',
      (error: unknown) => error,
    )
  const missing = await failureOf(sumOfFile({ source: none, parts, ...quiet }))
  t.match(missing, { errno: 'ENOENT', side: 'source' })
  const onto = (where: string) => failureOf(copyFromFile({ source: path, parts, ...quiet, target: where }))
  t.match(await onto(none), { errno: 'ENOENT', side: 'target' })
  t.match(await onto('/dev/full'), { errno: 'ENOSPC', side: 'target' })
  await truncate(path, 1024 * kib)
  const short = await failureOf(sumOfFile({ source: path, parts, ...quiet }))
  t.match(short, { errno: 'EIO', side: 'source', offset: BigInt(1024 * kib) })
  await t.rejects(sumOfFile({ source: path, parts: [at(-1, 2)], ...quiet }), RangeError)
})

void t.test('a signal ends it with its reason', async t => {
  const { dir } = await source(t)
  const long = join(dir, 'long.img')
  await writeFile(long, '')
  await truncate(long, 1 << 30)
  const cancel = new AbortController()
  const parts = Array.from({ length: 64 }, () => at(0, 1 << 30))
  const running = sumOfFile({
    source: long,
    parts,
    signal: cancel.signal,
    onProgress: () => cancel.abort(reason),
  })
  const reason = new Error('enough')
  await t.rejects(running, reason)
  await t.rejects(sumOfFile({ source: long, parts, ...quiet, signal: cancel.signal }), reason)
})

void t.test('a failed write ends the reading too', async t => {
  const { dir } = await source(t)
  const long = join(dir, 'long.img')
  await writeFile(long, '')
  await truncate(long, 1 << 30)
  let readBytes = 0n
  const onProgress = (bytes: bigint): void => {
    readBytes = bytes
  }
  const parts = [at(0, 1 << 30)]
  const failure = await copyFromFile({
    source: long,
    target: '/dev/full',
    parts,
    signal: never,
    onProgress,
  }).then(
    () => 'it succeeded',
    (error: unknown) => error,
  )
  t.match(failure, { errno: 'ENOSPC', side: 'target' })
  t.ok(readBytes < BigInt(16 * 1024 * kib), `${readBytes} bytes`)
})
