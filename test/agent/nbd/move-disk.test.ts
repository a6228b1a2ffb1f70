import { randomBytes } from 'node:crypto'
import { open, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Extent } from '../../../agent/domain/extent.js'
import { readProof } from '../../../agent/domain/read-proof.js'
import { moveDisk, nothingCarried, type MoveCounters } from '../../../agent/nbd/move-disk.js'
import { planDisk, type DurableMark, type Wanted } from '../../../agent/nbd/plan-disk.js'
import { verifyDisk } from '../../../agent/nbd/verify-disk.js'
import { sumOfFile } from '../../../native/file-copy.js'
import { startNbdkit, temporaryDir, unixTarget } from '../../lib/nbdkit.js'

const mib = 1024 * 1024
const size = 8 * mib + 512
const signal = new AbortController().signal
const whole = [{ offset: 0n, length: BigInt(size) }]

const sumOf = (source: string, areas: readonly Extent[]): Promise<bigint> =>
  sumOfFile({
    source,
    parts: areas.map(area => ({ ...area, fileOffset: area.offset })),
    signal,
    onProgress: () => undefined,
  })

/** A source with data in its first 3 MiB, a hole, and data in its last MiB; a target full of something else. */
async function disks(t: Test) {
  const dir = await temporaryDir(t)
  const [from, to] = [join(dir, 'source.img'), join(dir, 'target.img')]
  const content = Buffer.alloc(size)
  randomBytes(3 * mib).copy(content)
  randomBytes(mib + 512).copy(content, 7 * mib)
  await writeFile(from, '')
  await truncate(from, size)
  const sparse = await open(from, 'r+')
  await sparse.write(content, 0, 3 * mib, 0)
  await sparse.write(content, 7 * mib, mib + 512, 7 * mib)
  await sparse.close()
  await writeFile(to, Buffer.alloc(size, 0xee))
  const source = unixTarget(await startNbdkit(t, ['-r', 'file', from]))
  const target = unixTarget(await startNbdkit(t, ['file', to]))
  const plan = (wanted: Wanted, identity: string, mark: DurableMark | null) =>
    planDisk('2000', source, { wanted, identity, mark }, signal)
  const move = async (planned: Awaited<ReturnType<typeof plan>>) => {
    const seen: MoveCounters[] = []
    const ends = { source, target }
    const moved = await moveDisk('2000', ends, planned, nothingCarried, signal, one => seen.push(one))
    return { moved, seen }
  }
  return { plan, move, content, from, to, ends: { source, target } }
}

void t.test('a mark counts for the plan it was made for, and for no other', async t => {
  const { plan } = await disks(t)
  const first = await plan({ kind: 'everything' }, 'snapshot-1', null)
  t.match(first, { syncType: 'full', resumeFrom: 0n, resumedBytes: 0n, plannedBytes: BigInt(4 * mib + 512) })
  const mark = { below: BigInt(2 * mib), basis: first.basis, pageSum: 5n }
  t.match(await plan({ kind: 'everything' }, 'snapshot-1', mark), {
    resumeFrom: BigInt(2 * mib),
    resumeSum: 5n,
    resumedBytes: BigInt(2 * mib),
  })
  const inTheHole = { ...mark, below: BigInt(5 * mib) }
  t.match(await plan({ kind: 'everything' }, 'snapshot-1', inTheHole), { resumedBytes: BigInt(3 * mib) })
  const others: readonly [Wanted, string][] = [
    [{ kind: 'everything' }, 'snapshot-2'],
    [{ kind: 'compare', heldBytes: BigInt(size) }, 'snapshot-1'],
    [{ kind: 'changes', areas: whole }, 'another'],
    [{ kind: 'changes', areas: [{ offset: 0n, length: 65536n }] }, 'snapshot-1'],
  ]
  for (const [wanted, identity] of others)
    t.match(await plan(wanted, identity, mark), { resumeFrom: 0n, resumeSum: 0n, resumedBytes: 0n })
})

void t.test(
  'a copy that goes on touches nothing below its mark and counts as if it had not stopped',
  async t => {
    const { plan, move, content, from, to } = await disks(t)
    const { basis, plannedBytes } = await plan({ kind: 'everything' }, 's', null)
    const pageSum = await sumOf(from, [{ offset: 0n, length: BigInt(2 * mib) }])
    const { moved, seen } = await move(
      await plan({ kind: 'everything' }, 's', { below: BigInt(2 * mib), basis, pageSum }),
    )
    t.equal(moved.readBytes, plannedBytes)
    t.equal(moved.flushed, true)
    t.equal(moved.durableBelow, BigInt(size))
    t.ok(seen.every(one => one.durableBelow >= BigInt(2 * mib)))
    t.same(moved.readProof, readProof(whole, await sumOf(from, whole)), 'of all of it')
    const found = await readFile(to)
    t.ok(found.subarray(0, 2 * mib).equals(Buffer.alloc(2 * mib, 0xee)))
    t.ok(found.subarray(2 * mib).equals(content.subarray(2 * mib)))
  },
)

void t.test('small changed areas are read whole, long ones by the map', async t => {
  const { plan, move } = await disks(t)
  const grain = 65_536n
  const scattered = Array.from({ length: 8 }, (_, i) => ({ offset: BigInt(i * mib), length: grain }))
  const short = await plan({ kind: 'changes', areas: scattered }, 'snapshot-1', null)
  t.match(short, { readsMap: false, plannedBytes: 8n * grain }, 'the holes among them too')
  t.equal((await move(short)).moved.readBytes, 8n * grain)
  const long = await plan({ kind: 'changes', areas: whole }, 'snapshot-1', null)
  t.match(long, { readsMap: true, plannedBytes: BigInt(4 * mib + 512) })
  t.equal((await move(long)).moved.readBytes, BigInt(4 * mib + 512))
})

void t.test('a compare of what is held and a copy of the rest are one move', async t => {
  const { plan, move, content, to, ends } = await disks(t)
  const held = await readFile(to)
  content.copy(held, 0, 0, 7 * mib)
  held[5] = (held[5] ?? 0) ^ 1
  await writeFile(to, held)
  const planned = await plan({ kind: 'compare', heldBytes: BigInt(7 * mib + 512) }, 's', null)
  t.same(
    planned.parts.map(part => part.mode),
    ['compare', 'copy'],
  )
  const { moved } = await move(planned)
  t.equal(moved.readProof, null, 'only differences were written')
  t.equal(moved.readBytes, planned.plannedBytes)
  t.equal(moved.writtenBytes, 4096n + BigInt(mib + 512), 'a grain that differs, and what was not held')
  t.ok((await readFile(to)).equals(content))
  // The mark of the first part is not forgotten in the second.
  const behind = { below: BigInt(7 * mib), basis: planned.basis, pageSum: 0n }
  const again = await move(await plan({ kind: 'compare', heldBytes: BigInt(7 * mib + 512) }, 's', behind))
  t.equal(again.moved.readBytes, planned.plannedBytes)
  t.equal(again.moved.writtenBytes, BigInt(mib + 512))
  const done = { below: BigInt(size), basis: planned.basis, pageSum: 0n }
  const nothing = await move(await plan({ kind: 'compare', heldBytes: BigInt(7 * mib + 512) }, 's', done))
  t.match(nothing.moved, { readBytes: planned.plannedBytes, writtenBytes: 0n, flushed: true })
  t.match(
    await verifyDisk(
      '2000',
      ends,
      whole,
      { algorithm: 'sha256', blockBytes: 65536, bytesPerSecond: undefined },
      signal,
    ),
    { differingBlocks: 0, blocks: 129, comparedBytes: BigInt(size) },
  )
})

void t.test('a verification names the side that fails', async t => {
  const dir = await temporaryDir(t)
  const image = join(dir, 'disk.img')
  await writeFile(image, randomBytes(mib))
  // Each side anew each time: nbdkit 1.32 may abort when a client leaves in the middle of an answer.
  const sound = async () => unixTarget(await startNbdkit(t, ['-r', 'file', image]))
  const failing = ['-r', '--filter=error', 'file', image, 'error-pread=EIO', 'error-pread-rate=100%']
  const broken = async () => unixTarget(await startNbdkit(t, failing))
  const gone = { kind: 'unix', path: join(dir, 'none.sock'), exportName: '' } as const
  const settings = { algorithm: 'xxh3-128', blockBytes: 65536, bytesPerSecond: undefined } as const
  const extents = [{ offset: 0n, length: BigInt(mib) }]
  type End = ReturnType<typeof unixTarget>
  const verify = (source: End, target: End) =>
    verifyDisk('2000', { source, target }, extents, settings, signal)
  const both = await sound()
  t.match(await verify(both, both), { differingBlocks: 0, firstDifference: undefined })
  await t.rejects(verify(await broken(), await sound()), { code: 'SOURCE_READ_FAILED' })
  await t.rejects(verify(await sound(), await broken()), { code: 'TARGET_READ_FAILED' })
  await t.rejects(verify(await sound(), gone), { code: 'NBD_UNREACHABLE' })
})
