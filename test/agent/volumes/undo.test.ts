import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Extent } from '../../../agent/domain/extent.js'
import { layerId, pointId, serialOfVolume, volumeId } from '../../../agent/domain/ids.js'
import { PointReaders } from '../../../agent/volumes/point-readers.js'
import { saveUndo, type UndoTools } from '../../../agent/volumes/save-undo.js'
import { UndoLayers, type LayerName } from '../../../agent/volumes/undo-layers.js'
import { openNbd } from '../../../native/handle.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { silent } from '../../lib/saga-harness.js'
import { codeOf } from '../../lib/code-of.js'
import { never } from '../../lib/volumed.js'

const cluster = 65_536
/** Ends in the middle of a cluster, on a sector. */
const size = 40 * cluster + 1536
const serial = serialOfVolume(volumeId('0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'))
const layer = (seq: number): LayerName => ({ seq, layer: layerId(randomUUID()) })

interface Change extends Extent {
  readonly data: Buffer
}

/** Parts of the disk in clusters, some of them zeroes, one of them the disk's end. */
function changes(): Change[] {
  const found: Change[] = []
  for (let at = randomInt(3); at * cluster < size; at += 1 + randomInt(9)) {
    const length = Math.min(cluster * (1 + randomInt(2)), size - at * cluster)
    const data = randomInt(4) === 0 ? Buffer.alloc(length) : randomBytes(length)
    found.push({ offset: BigInt(at * cluster), length: BigInt(length), data })
    at += 2
  }
  return found
}

async function stand(t: Test) {
  const dir = await temporaryDir(t)
  const [undoDir, socketDir] = [join(dir, 'undo'), join(dir, 'sockets')]
  await mkdir(socketDir)
  const devicePath = join(dir, 'volume,readonly=off.img')
  const content = randomBytes(size)
  content.fill(0, 4 * cluster, 9 * cluster)
  await writeFile(devicePath, content)
  const layers = new UndoLayers(undoDir)
  await layers.prepare()
  const tools: UndoTools = {
    layers,
    socketDir,
    nbdkitPath: '/usr/bin/nbdkit',
    qemuNbdPath: '/usr/bin/qemu-nbd',
    qemuImgPath: '/usr/bin/qemu-img',
    startTimeoutMs: 10_000,
  }
  const readers = new PointReaders(tools, silent)
  t.teardown(() => readers.closeAll())
  const volume = { serial, devicePath, sizeBytes: BigInt(size) }
  const write = async (list: readonly Change[]): Promise<void> => {
    const file = await open(devicePath, 'r+')
    for (const { offset, data } of list) await file.write(data, 0, data.length, Number(offset))
    await file.close()
  }
  const save = async (name: LayerName, list: readonly Extent[]): Promise<void> => {
    await saveUndo(tools, volume, name, list, never)
    await readers.extend(serial, name)
  }
  const overwrite = async (name: LayerName, list: readonly Change[]): Promise<void> => {
    await save(name, list)
    await write(list)
    for (const { offset, data } of list) data.copy(content, Number(offset))
  }
  const read = async (position: number, expected: readonly LayerName[] = []): Promise<Buffer> => {
    const order = {
      exportId: randomUUID(),
      point: pointId('p'),
      position,
      expected: expected.map(one => one.layer),
      sizeBytes: BigInt(size),
      leaseMs: 60_000,
    }
    const opened = await readers.open(volume, order)
    const handle = await openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
    t.equal(handle.info.readOnly, true)
    const bytes = await handle.pread(0n, BigInt(size))
    handle.close()
    await readers.close(order.exportId, serial)
    return bytes
  }
  return {
    dir,
    undoDir,
    socketDir,
    tools,
    layers,
    readers,
    volume,
    content,
    devicePath,
    write,
    save,
    overwrite,
    read,
  }
}

void t.test('every point reads as the volume was, through all that was written since', async t => {
  const s = await stand(t)
  const points = [Buffer.from(s.content)]
  const names: LayerName[] = []
  for (let seq = 1; seq <= 8; seq += 1) {
    const name = layer(seq)
    await s.overwrite(name, changes())
    names.push(name)
    points.push(Buffer.from(s.content))
  }
  for (const [position, image] of points.entries())
    t.ok((await s.read(position, names.slice(position))).equals(image), `point ${position}`)
  t.same(await readdir(s.socketDir), [], 'no server is left')
  await s.layers.remove(serial, names[0] ?? layer(1))
  t.equal(await codeOf(s.read(0, names)), 'UNDO_LOST')
  t.ok((await s.read(1, names.slice(1))).equals(points[1] ?? Buffer.alloc(0)), 'the next older one stays')
})

void t.test('a writing redone after a crash does not take new bytes for old ones', async t => {
  const s = await stand(t)
  const before = Buffer.from(s.content)
  const [name, list] = [layer(1), changes()]
  await s.save(name, list)
  await s.write(list.slice(0, Math.ceil(list.length / 2)))
  t.ok((await s.read(0)).equals(before), 'the old point is whole in the middle of it')
  await s.overwrite(name, list)
  t.ok((await s.read(0)).equals(before), 'and after it was done again')
  const elsewhere = [{ offset: 0n, length: BigInt(size), data: randomBytes(size) }]
  t.equal(
    await codeOf(s.save(name, elsewhere)),
    'UNDO_INVALID',
    'nothing else may be written under this undo',
  )
})

void t.test('what a crash left half saved is made anew', async t => {
  const s = await stand(t)
  const before = Buffer.from(s.content)
  const [name, list] = [layer(1), changes()]
  await writeFile(s.layers.partPath(serial, name), 'half')
  await s.overwrite(name, list)
  t.ok((await s.read(0)).equals(before))
  const left = s.layers.partPath(serial, layer(2))
  const foreign = join(s.undoDir, 'notes.part')
  for (const path of [left, foreign]) await writeFile(path, 'x')
  await s.layers.prepare()
  t.same([existsSync(left), existsSync(foreign)], [false, true], 'only our own is removed')
})

void t.test('one broken writing between two points hurts neither', async t => {
  const s = await stand(t)
  const first = Buffer.from(s.content)
  const torn = changes()
  await s.save(layer(1), torn)
  await s.write(torn.slice(0, 2))
  for (const { offset, data } of torn.slice(0, 2)) data.copy(s.content, Number(offset))
  await s.overwrite(layer(2), changes())
  t.ok((await s.read(0)).equals(first))
  t.ok((await s.read(2)).equals(s.content))
})

void t.test('a point that is being read stays what it is while newer ones are written', async t => {
  const s = await stand(t)
  const before = Buffer.from(s.content)
  const order = {
    exportId: 'one',
    point: pointId('p'),
    position: 0,
    expected: [],
    sizeBytes: BigInt(size),
    leaseMs: 60_000,
  }
  const opened = await s.readers.open(s.volume, order)
  const handle = await openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
  let [reading, rounds, torn] = [true, 0, 0]
  const loop = (async () => {
    while (reading) {
      if (!(await handle.pread(0n, BigInt(size))).equals(before)) torn += 1
      rounds += 1
    }
  })()
  for (let seq = 1; seq <= 4; seq += 1) await s.overwrite(layer(seq), changes())
  reading = false
  await loop
  t.equal(torn, 0)
  t.ok(rounds > 4, `${rounds} rounds`)
  t.ok((await handle.pread(0n, BigInt(size))).equals(before))
  handle.close()
})

void t.test('the end of a lease, and the loss of a layer, end a reader', async t => {
  const s = await stand(t)
  const order = {
    exportId: 'one',
    point: pointId('p'),
    position: 0,
    expected: [],
    sizeBytes: BigInt(size),
    leaseMs: 50,
  }
  await s.readers.open(s.volume, order)
  while (s.readers.list().length > 0) await new Promise(resolve => setTimeout(resolve, 5))
  const name = layer(1)
  await s.overwrite(name, changes())
  await s.readers.open(s.volume, { ...order, leaseMs: 60_000 })
  await s.readers.endOf(serial, layer(9).layer)
  t.equal(s.readers.list().length, 1)
  await rm(s.layers.sealedPath(serial, name))
  await s.readers.endOf(serial, name.layer)
  t.equal(s.readers.list().length, 0)
})
