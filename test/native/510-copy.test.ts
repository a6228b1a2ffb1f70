import { randomBytes } from 'node:crypto'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { copy } from '../../native/copy.js'
import { failureOf, identical, makeDirtyTarget, makeSource, mib, whole } from '../lib/images.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'

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
