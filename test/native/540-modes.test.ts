import { createHash, randomBytes } from 'node:crypto'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copy, hashDisk } from '../../native/copy.js'
import { blocksOf, differences } from '../../native/manifest.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'

const mib = 1024 * 1024
const size = 5 * mib + 513

async function twins(t: Test) {
  const dir = await temporaryDir(t)
  const [source, target] = [join(dir, 'source.img'), join(dir, 'target.img')]
  const content = randomBytes(size)
  content.fill(0, mib, 2 * mib)
  await writeFile(source, content)
  await writeFile(target, content)
  const ends = {
    source: unixTarget(await startNbdkit(t, ['-r', 'file', source])),
    target: unixTarget(await startNbdkit(t, ['file', target])),
    extents: [{ offset: 0n, length: BigInt(size) }],
  }
  const spoil = async (at: number, length: number) => {
    const file = await open(target, 'r+')
    await file.write(Buffer.alloc(length, 0xa5), 0, length, at)
    await file.close()
  }
  return { ends, content, target, spoil }
}

void t.test('a compare sends the differences and nothing else', async t => {
  const { ends, content, target, spoil } = await twins(t)
  const same = await copy({ ...ends, targetIsZero: false, mode: 'compare' })
  t.equal(same.writtenBytes + same.zeroedBytes, 0n)
  await spoil(70_000, 10)
  await spoil(mib + 5, 1)
  await spoil(size - 1, 1)
  const result = await copy({ ...ends, targetIsZero: false, mode: 'compare' })
  t.equal(result.writtenBytes + result.zeroedBytes, 4096n + 4096n + 513n)
  t.ok(content.equals(await readFile(target)))
})

void t.test('a manifest has the digest of every block, also of zeroes and odd ends', async t => {
  const { ends, content } = await twins(t)
  const extents = [
    { offset: 100n, length: 900_000n },
    { offset: 900_100n, length: 300_000n },
    { offset: 2_000_000n, length: BigInt(size) - 2_000_000n },
  ]
  const hash = { algorithm: 'sha256', blockBytes: 65536 } as const
  const manifest = await hashDisk({ source: ends.source, extents, hash })
  t.equal(manifest.extents.length, 2, 'extents that touch are one')
  const digests = [...blocksOf(manifest)].map(({ offset, length }) =>
    createHash('sha256')
      .update(content.subarray(Number(offset), Number(offset + length)))
      .digest(),
  )
  t.ok(Buffer.concat(digests).equals(manifest.digests))
  const onTheWay = await copy({ ...ends, extents, targetIsZero: false, hash })
  t.ok(onTheWay.manifest?.digests.equals(manifest.digests), 'the same in the pass that copies')
})

void t.test('two manifests tell where two disks differ', async t => {
  const { ends, spoil } = await twins(t)
  await spoil(3 * mib + 7, 1)
  const hash = { algorithm: 'xxh3-128', blockBytes: 131072 } as const
  const a = await hashDisk({ source: ends.source, extents: ends.extents, hash })
  const b = await hashDisk({ source: ends.target, extents: ends.extents, hash })
  t.strictSame(differences(a, b), [{ offset: BigInt(3 * mib), length: 131072n }])
  t.throws(() => differences(a, { ...b, algorithm: 'sha256' }))
})

void t.test('what the addon cannot take is refused before anything moves', async t => {
  const { ends } = await twins(t)
  const hash = { algorithm: 'sha256', blockBytes: 1000 } as const
  await t.rejects(hashDisk({ source: ends.source, extents: ends.extents, hash }), RangeError)
  await t.rejects(copy({ ...ends, targetIsZero: false, depth: 0 }), RangeError)
  const negative = [{ offset: -1n, length: 5n }]
  await t.rejects(copy({ ...ends, extents: negative, targetIsZero: false }), RangeError)
})
