import { randomBytes } from 'node:crypto'
import { open, readFile, readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { overlayExtents } from '../../../agent/volumes/overlay-extents.js'
import {
  ensureOverlay,
  removeOverlay,
  requireSound,
  syncOverlay,
} from '../../../agent/volumes/overlay-image.js'
import { serveStaged } from '../../../agent/volumes/overlay-server.js'
import { openNbd } from '../../../native/handle.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { codeOf } from '../../lib/code-of.js'

const qemuImg = '/usr/bin/qemu-img'
const kib = 1024n
const mib = 1024n * kib
const sizeBytes = 16n * mib + 512n

void t.test('an overlay', async t => {
  const dir = await temporaryDir(t)
  // The comma has a meaning of its own in qemu's options.
  const device = join(dir, 'device,readonly=off.img')
  const content = randomBytes(Number(sizeBytes))
  await writeFile(device, content)
  const path = join(dir, 'overlay.qcow2')
  await ensureOverlay(qemuImg, path, sizeBytes)
  t.same((await readdir(dir)).toSorted(), ['device,readonly=off.img', 'overlay.qcow2'])
  t.same(await overlayExtents(qemuImg, path), [], 'a fresh one holds nothing')

  const serve = async () => {
    const socketPath = join(dir, 's.sock')
    const options = {
      qemuNbdPath: '/usr/bin/qemu-nbd',
      socketPath,
      exportName: 'name',
      startTimeoutMs: 10_000,
    }
    const server = await serveStaged(options, { path, backingPath: device })
    t.teardown(() => server.end())
    return { server, target: { kind: 'unix', path: socketPath, exportName: 'name' } as const }
  }
  const expected = Buffer.from(content)

  await t.test('keeps what was written and flushed, over a kill; the device stays as it is', async t => {
    const { server, target } = await serve()
    const handle = await openNbd(target)
    t.match(handle.info, { sizeBytes, canMultiConn: true, canFlush: true, canZero: true, readOnly: false })
    t.ok((await handle.pread(3n * mib, 5000n)).equals(content.subarray(Number(3n * mib)).subarray(0, 5000)))
    const piece = randomBytes(1000)
    await handle.pwrite(5n * mib + 7n, piece)
    piece.copy(expected, Number(5n * mib) + 7)
    await handle.zero(8n * mib, 2n * mib, { mayTrim: true })
    expected.fill(0, Number(8n * mib), Number(10n * mib))
    await handle.pwrite(16n * mib, piece.subarray(0, 512))
    piece.copy(expected, Number(16n * mib), 0, 512)
    await handle.flush()
    await server.end()
    const again = await serve()
    const reader = await openNbd(again.target)
    t.ok((await reader.pread(0n, sizeBytes)).equals(expected))
    reader.close()
    await again.server.end()
    t.ok((await readFile(device)).equals(content), 'nothing reached the device')
    await syncOverlay(path)
    await requireSound(qemuImg, path, sizeBytes)
  })

  await t.test('lists exactly the clusters it holds, zeroes told apart', async t => {
    const held = await overlayExtents(qemuImg, path)
    const places = held.map(extent => extent.fileOffset)
    t.same(held, [
      { offset: 5n * mib, length: 64n * kib, fileOffset: places[0] },
      { offset: 8n * mib, length: 2n * mib, fileOffset: null },
      { offset: 16n * mib, length: 512n, fileOffset: places[2] },
    ])
    const file = await readFile(path)
    for (const { offset, length, fileOffset } of held) {
      if (fileOffset === null) continue
      const lies = file.subarray(Number(fileOffset), Number(fileOffset + length))
      t.ok(lies.equals(expected.subarray(Number(offset), Number(offset + length))), `${offset} lies there`)
    }
  })

  await t.test('missing, of another size, cut short or overwritten is said so', async t => {
    t.equal(await codeOf(requireSound(qemuImg, join(dir, 'none'), sizeBytes)), 'STAGING_MISSING')
    t.equal(await codeOf(requireSound(qemuImg, path, sizeBytes + 512n)), 'STAGING_INVALID')
    t.equal(await codeOf(ensureOverlay(qemuImg, path, sizeBytes - 512n)), 'TARGET_VOLUME_TOO_SMALL')
    const other = join(dir, 'other.qcow2')
    const absent = await codeOf(ensureOverlay('/nonexistent/qemu-img', other, sizeBytes))
    t.equal(absent, 'STAGING_INVALID', 'a program that does not run is no full disk')
    const short = join(dir, 'short.qcow2')
    await writeFile(short, (await readFile(path)).subarray(0, 300_000))
    t.equal(await codeOf(requireSound(qemuImg, short, sizeBytes)), 'STAGING_INVALID')
    const spoilt = join(dir, 'spoilt.qcow2')
    await writeFile(spoilt, await readFile(path))
    const file = await open(spoilt, 'r+')
    await file.write(randomBytes(65536), 0, 65536, 3 * 65536)
    await file.close()
    t.equal(await codeOf(requireSound(qemuImg, spoilt, sizeBytes)), 'STAGING_INVALID')
    await truncate(spoilt, 0)
    t.equal(await codeOf(requireSound(qemuImg, spoilt, sizeBytes)), 'STAGING_INVALID')
    t.equal(await codeOf(overlayExtents(qemuImg, spoilt)), 'STAGING_INVALID')
  })

  await t.test('goes for good, and is made anew empty', async t => {
    await removeOverlay(path)
    await removeOverlay(path)
    t.equal(await codeOf(requireSound(qemuImg, path, sizeBytes)), 'STAGING_MISSING')
    await ensureOverlay(qemuImg, path, sizeBytes)
    t.same(await overlayExtents(qemuImg, path), [])
  })
})
