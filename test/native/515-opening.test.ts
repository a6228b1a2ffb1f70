import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { copy } from '../../native/copy.js'
import { identical, makeDirtyTarget, makeSource, mib, whole } from '../lib/images.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'

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
