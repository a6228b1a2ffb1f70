import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { copy } from '../../native/copy.js'
import { NbdError } from '../../native/errors.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'
import { until } from '../lib/until.js'

const mib = 1024n * 1024n
const whole = (sizeBytes: bigint) => [{ offset: 0n, length: sizeBytes }]

/** A sparse image with data, zero-filled allocated areas and holes. */
async function makeSource(dir: string, sizeBytes: bigint): Promise<string> {
  const path = join(dir, 'source.img')
  await writeFile(path, '')
  await truncate(path, Number(sizeBytes))
  const file = await open(path, 'r+')
  await file.write(randomBytes(3 * 1024 * 1024 + 777), 0, undefined, 1234567)
  await file.write(Buffer.alloc(2 * 1024 * 1024), 0, undefined, 16 * 1024 * 1024)
  await file.write(randomBytes(513), 0, 513, Number(sizeBytes) - 513)
  await file.close()
  return path
}

async function makeDirtyTarget(dir: string, sizeBytes: bigint): Promise<string> {
  const path = join(dir, 'target.img')
  await writeFile(path, Buffer.alloc(Number(sizeBytes), 0xee))
  return path
}

const identical = async (t: Test, a: string, b: string): Promise<void> => {
  const { exitCode } = await execa('/usr/bin/cmp', [a, b], { reject: false })
  t.equal(exitCode, 0, `cmp ${a} ${b}`)
}

const failureOf = async (attempt: Promise<unknown>): Promise<NbdError> => {
  try {
    await attempt
  } catch (error) {
    if (error instanceof NbdError) return error
    throw error
  }
  throw new Error('the copy succeeded')
}

void t.test('a dirty target of odd size becomes identical, holes included', async t => {
  const dir = await temporaryDir(t)
  const size = 64n * mib + 513n
  const source = await makeSource(dir, size)
  const target = await makeDirtyTarget(dir, size)
  const seen: bigint[] = []
  const result = await copy({
    source: unixTarget(await startNbdkit(t, ['-r', 'file', source])),
    target: unixTarget(await startNbdkit(t, ['file', target])),
    extents: whole(size),
    targetIsZero: false,
    onProgress: progress => seen.push(progress.readBytes),
  })
  await identical(t, source, target)
  t.equal(result.writtenBytes + result.zeroedBytes + result.skippedBytes, size)
  t.equal(result.skippedBytes, 0n)
  t.ok(result.readBytes < 8n * mib, 'holes were not read')
  t.ok(result.writtenBytes < 4n * mib, 'zero-filled areas were not sent as data')
  t.equal(result.flushedConnections, result.connections)
  t.strictSame(result.fallbacks, [])
  t.equal(seen.at(-1), result.readBytes, 'the last progress is the end')
})

void t.test('a target known to be zero is only written where there is data', async t => {
  const dir = await temporaryDir(t)
  const source = await makeSource(dir, 64n * mib)
  const target = join(dir, 'target.img')
  await writeFile(target, '')
  await truncate(target, Number(64n * mib))
  const result = await copy({
    source: unixTarget(await startNbdkit(t, ['-r', 'file', source])),
    target: unixTarget(await startNbdkit(t, ['file', target])),
    extents: whole(64n * mib),
    targetIsZero: true,
  })
  await identical(t, source, target)
  t.equal(result.zeroedBytes, 0n)
  t.ok(result.skippedBytes > 58n * mib)
})

void t.test('short extents are read without a map, and holes in them become zeroes all the same', async t => {
  const dir = await temporaryDir(t)
  const size = 64n * mib
  const source = await makeSource(dir, size)
  const target = await makeDirtyTarget(dir, size)
  const ends = {
    source: unixTarget(await startNbdkit(t, ['-r', 'file', source])),
    target: unixTarget(await startNbdkit(t, ['file', target])),
  }
  const grain = 64n * 1024n
  const every = (step: bigint) =>
    Array.from({ length: Number(size / step) }, (_, i) => ({ offset: BigInt(i) * step, length: grain }))
  const short = await copy({ ...ends, extents: every(4n * grain), targetIsZero: false })
  t.equal(short.readMap, false)
  t.equal(short.readBytes, size / 4n, 'holes were read')
  t.equal(short.connections, 1, 'one pair is enough')
  const asked = await copy({
    ...ends,
    extents: every(4n * grain),
    targetIsZero: false,
    allocationMap: 'always',
  })
  t.equal(asked.readMap, true)
  t.ok(asked.readBytes < 8n * mib, 'holes were not read')
  const rest = await copy({ ...ends, extents: whole(size), targetIsZero: false, allocationMap: 'never' })
  t.equal(rest.readMap, false)
  t.equal(rest.readBytes, size)
  await identical(t, source, target)
})

void t.test('a pair that is still connecting does not hold a copy that needs it no more', async t => {
  const dir = await temporaryDir(t)
  const source = await makeSource(dir, 32n * mib + 513n)
  const target = await makeDirtyTarget(dir, 32n * mib + 513n)
  const { socket } = await startNbdkit(t, ['-r', 'file', source])
  const held: Socket[] = []
  const door = createServer(client => {
    // Only the first gets through; the server never says a word to the others.
    if (held.push(client) > 1) return
    const server = connect(socket)
    client.pipe(server).pipe(client)
    client.on('close', () => server.destroy())
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
  const path = join(dir, 'door.sock')
  await new Promise<void>(resolve => door.listen(path, resolve))
  t.teardown(async () => {
    for (const socket of held) socket.destroy()
    await new Promise(resolve => door.close(resolve))
  })
  const result = await copy({
    source: { kind: 'unix', path, exportName: '' },
    target: unixTarget(await startNbdkit(t, ['file', target])),
    extents: whole(32n * mib + 513n),
    targetIsZero: false,
    connections: 3,
    requestTimeoutMs: 60_000,
  })
  t.equal(result.connections, 1)
  t.equal(result.flushedConnections, 1)
  t.ok(result.seconds < 5, 'the end did not wait for the connections')
  await identical(t, source, target)
})

void t.test('servers that can do less get the same bytes, and the result says so', async t => {
  const dir = await temporaryDir(t)
  const size = 32n * mib
  const source = await makeSource(dir, size)
  const cases = [
    { source: ['--no-sr', 'file'], target: ['file'], fallback: 'source-has-no-allocation-map' },
    { source: ['file'], target: ['--filter=nozero', 'file'], fallback: 'target-has-no-zero' },
    {
      source: ['--filter=multi-conn', 'file'],
      more: ['multi-conn-mode=disable'],
      target: ['file'],
      fallback: 'source-single-connection',
    },
    {
      source: ['file'],
      target: ['--filter=multi-conn', 'file'],
      targetMore: ['multi-conn-mode=disable'],
      fallback: 'target-single-connection',
    },
    {
      source: ['file'],
      target: ['--filter=blocksize-policy', 'file'],
      targetMore: [
        'blocksize-minimum=64K',
        'blocksize-preferred=64K',
        'blocksize-maximum=128K',
        'blocksize-error-policy=error',
      ],
      fallback: undefined,
    },
  ]
  for (const one of cases) {
    const target = await makeDirtyTarget(dir, size)
    const result = await copy({
      source: unixTarget(await startNbdkit(t, ['-r', ...one.source, source, ...(one.more ?? [])])),
      target: unixTarget(await startNbdkit(t, [...one.target, target, ...(one.targetMore ?? [])])),
      extents: whole(size),
      targetIsZero: false,
    })
    t.strictSame(result.fallbacks, one.fallback === undefined ? [] : [one.fallback])
    await identical(t, source, target)
  }
})

void t.test('only the extents are touched', async t => {
  const dir = await temporaryDir(t)
  const size = 8n * mib
  const source = join(dir, 'source.img')
  await writeFile(source, randomBytes(Number(size)))
  const target = await makeDirtyTarget(dir, size)
  const extents = [
    { offset: 65536n, length: 65536n },
    { offset: 4n * mib, length: 131072n },
  ]
  const result = await copy({
    source: unixTarget(await startNbdkit(t, ['-r', 'file', source])),
    target: unixTarget(await startNbdkit(t, ['file', target])),
    extents,
    targetIsZero: false,
  })
  t.equal(result.readBytes, 196608n)
  const expected = Buffer.alloc(Number(size), 0xee)
  const original = await readFile(source)
  for (const { offset, length } of extents)
    original.copy(expected, Number(offset), Number(offset), Number(offset + length))
  t.ok(expected.equals(await readFile(target)))
})

void t.test('property: any extents over any data give the expected target', async t => {
  const dir = await temporaryDir(t)
  const blocks = 64
  const block = 4096
  const kinds = fc.array(fc.constantFrom('hole', 'zero', 'data'), { minLength: blocks, maxLength: blocks })
  const picks = fc.array(fc.boolean(), { minLength: blocks, maxLength: blocks })
  await fc.assert(
    fc.asyncProperty(kinds, picks, fc.integer({ min: 1, max: 4 }), async (content, picked, connections) => {
      const source = join(dir, 'p-source.img')
      const target = join(dir, 'p-target.img')
      await writeFile(source, '')
      await truncate(source, blocks * block)
      const file = await open(source, 'r+')
      for (const [index, kind] of content.entries()) {
        if (kind !== 'hole')
          await file.write(Buffer.alloc(block, kind === 'zero' ? 0 : index + 1), 0, block, index * block)
      }
      await file.close()
      await writeFile(target, Buffer.alloc(blocks * block, 0xee))
      const extents = picked.flatMap((yes, index) =>
        yes ? [{ offset: BigInt(index * block), length: BigInt(block) }] : [],
      )
      const before = await readFile(source)
      await copy({
        source: {
          kind: 'command',
          argv: ['/usr/bin/nbdkit', '-s', '--exit-with-parent', '-r', 'file', source],
        },
        target: { kind: 'command', argv: ['/usr/bin/nbdkit', '-s', '--exit-with-parent', 'file', target] },
        extents,
        targetIsZero: false,
        connections,
        requestBytes: 8192,
      })
      const expected = Buffer.alloc(blocks * block, 0xee)
      for (const { offset } of extents)
        before.copy(expected, Number(offset), Number(offset), Number(offset) + block)
      return expected.equals(await readFile(target))
    }),
    { numRuns: 25 },
  )
})

void t.test('errors of either side end the copy with their side, operation and errno', async t => {
  const dir = await temporaryDir(t)
  const size = 16n * mib
  const source = join(dir, 'source.img')
  await writeFile(source, randomBytes(Number(size)))
  const target = await makeDirtyTarget(dir, size)
  const run = async (from: string[], to: string[]) =>
    failureOf(
      copy({
        source: unixTarget(await startNbdkit(t, from)),
        target: unixTarget(await startNbdkit(t, to)),
        extents: whole(size),
        targetIsZero: false,
      }),
    )
  const reader = ['-r', 'file', source]
  const writer = ['file', target]
  const error = (...argv: string[]) => ['--filter=error', 'file', target, ...argv]
  t.match(await run(reader, error('error-pwrite=ENOSPC', 'error-pwrite-rate=100%')), {
    side: 'target',
    op: 'nbd_pwrite',
    errno: 'ENOSPC',
  })
  t.match(await run(reader, error('error-pwrite=EIO', 'error-pwrite-rate=10%')), {
    side: 'target',
    op: 'nbd_pwrite',
    errno: 'EIO',
  })
  t.match(
    await run(['-r', '--filter=error', 'file', source, 'error-pread=EIO', 'error-pread-rate=100%'], writer),
    { side: 'source', op: 'nbd_pread', errno: 'EIO' },
  )
  const flushless = [
    'eval',
    'get_size=echo 16777216',
    'can_write=exit 0',
    'can_flush=exit 0',
    'pread=dd if=/dev/zero count=$3 iflag=count_bytes',
    'pwrite=cat >/dev/null',
    'flush=echo EIO lost >&2; exit 1',
  ]
  t.match(await run(reader, flushless), { side: 'target', op: 'nbd_flush', errno: 'EIO' })
  t.match(
    await run(reader, ['memory', '8M']),
    { side: 'target', errno: 'ENOSPC', op: 'copy' },
    'a small target',
  )
})

void t.test('a source server that dies in mid-copy fails the copy, and nothing stays open', async t => {
  const dir = await temporaryDir(t)
  const size = 64n * mib
  const source = join(dir, 'source.img')
  await writeFile(source, randomBytes(Number(size)))
  const target = await makeDirtyTarget(dir, size)
  const threadsBefore = (await readdir('/proc/self/task')).length
  const slow = await startNbdkit(t, ['-r', '--filter=rate', 'file', source, 'rate=64M'])
  const to = await startNbdkit(t, ['file', target])
  const fdsBefore = (await readdir('/proc/self/fd')).length
  let read = 0n
  const failing = failureOf(
    copy({
      source: unixTarget(slow),
      target: unixTarget(to),
      extents: whole(size),
      targetIsZero: false,
      progressIntervalMs: 20,
      onProgress: progress => (read = progress.readBytes),
    }),
  )
  await until('bytes move', () => read > 0n)
  slow.process.kill('SIGKILL')
  t.equal((await failing).side, 'source')
  await until('descriptors are closed', async () => (await readdir('/proc/self/fd')).length <= fdsBefore)
  await until('threads have ended', async () => (await readdir('/proc/self/task')).length <= threadsBefore)
})

void t.test('an abort ends the copy with its reason', async t => {
  const dir = await temporaryDir(t)
  const source = join(dir, 'source.img')
  await writeFile(source, randomBytes(8 * 1024 * 1024))
  const controller = new AbortController()
  const reason = new Error('enough')
  const copying = copy({
    source: unixTarget(await startNbdkit(t, ['-r', '--filter=delay', 'file', source, 'rdelay=60'])),
    target: unixTarget(await startNbdkit(t, ['memory', '8M'])),
    extents: whole(8n * mib),
    targetIsZero: false,
    progressIntervalMs: 20,
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  })
  await t.rejects(copying, reason)
})
