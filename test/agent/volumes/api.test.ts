import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { request, Agent } from 'undici'
import { fenceToken } from '../../../agent/domain/fence.js'
import { serialOfVolume } from '../../../agent/domain/ids.js'
import { type Logger } from '../../../agent/log/logger.js'
import { type Exports } from '../../../agent/replication/deps.js'
import { volumedLink } from '../../../agent/volumes/client.js'
import { startVolumed } from '../../../agent/volumes/daemon.js'
import { NbdError } from '../../../native/errors.js'
import { openNbd } from '../../../native/handle.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'
import { codeOf } from '../../lib/code-of.js'
import { never, other, processesWith, volume, volumeBytes, volumedStand } from '../../lib/volumed.js'

const serial = serialOfVolume(volume)
const token = (value: bigint) => fenceToken(value)

async function stand(t: Test) {
  const made = await volumedStand(t)
  const errors: string[] = []
  const logger: Logger = { ...silent, error: (_fields, message) => void errors.push(message) }
  const daemon = await startVolumed(made.config, logger)
  t.teardown(() => daemon.close())
  const link = volumedLink(made.config.api.socket, 20_000)
  t.teardown(() => link.disconnect())
  const exports: Exports = link
  const dispatcher = new Agent({ connect: { socketPath: made.config.api.socket } })
  t.teardown(() => dispatcher.destroy())
  const raw = async (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown) => {
    const reply = await request(`http://volumed${path}`, {
      dispatcher,
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await reply.body.text()
    return { status: reply.statusCode, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }
  const openWith = (value: bigint) => exports.open(volume, volumeBytes, token(value), never)
  const closeWith = (value: bigint) => exports.close(volume, token(value), never)
  const connected = (opened: { readonly socket: string; readonly exportName: string }) =>
    openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
  return { ...made, exports, raw, openWith, closeWith, connected, errors }
}

void t.test('opens, lists and closes; absent is closed', async t => {
  const s = await stand(t)
  t.same(await s.raw('GET', '/v1/health'), {
    status: 200,
    body: { openExports: 0, opened: 0, lost: 0, fenced: 0 },
  })
  const opened = await s.openWith(1n)
  t.equal(opened.sizeBytes, volumeBytes)
  const handle = await s.connected(opened)
  await handle.pwrite(0n, Buffer.from('written'))
  handle.close()
  t.same(await s.raw('GET', '/v1/exports'), {
    status: 200,
    body: { items: [{ serial, sizeBytes: volumeBytes.toString(), fenceToken: '1' }] },
  })
  await s.closeWith(1n)
  await s.closeWith(1n)
  t.same(await s.raw('GET', '/v1/exports'), { status: 200, body: { items: [] } })
  t.same(await s.sockets(), [])
  t.equal((await readFile(s.image)).subarray(0, 7).toString(), 'written')
})

void t.test('an older token neither opens nor closes, whatever was closed in between', async t => {
  const s = await stand(t)
  const old = await s.openWith(4n)
  const zombie = await s.connected(old)
  const newer = await s.openWith(5n)
  await t.rejects(zombie.pwrite(0n, Buffer.from('late')), NbdError)
  zombie.close()
  t.equal(await codeOf(s.openWith(4n)), 'VOLUME_FENCED')
  t.equal(await codeOf(s.closeWith(4n)), 'VOLUME_FENCED')
  const handle = await s.connected(newer)
  await handle.flush()
  handle.close()
  await s.closeWith(6n)
  t.equal(await codeOf(s.openWith(5n)), 'VOLUME_FENCED', 'a close counts as much as an open')
  t.equal(await codeOf(s.openWith(9_007_199_254_740_993n)), 'no error')
  t.equal(await codeOf(s.openWith(9_007_199_254_740_992n)), 'VOLUME_FENCED', 'exact beyond 2^53')
  t.equal(await codeOf(s.openWith(9_007_199_254_740_993n)), 'no error', 'the same holder may ask again')
})

void t.test('a token that cannot be read or kept is an error and changes nothing', async t => {
  const s = await stand(t)
  const opened = await s.openWith(3n)
  for (const content of ['', '12', '0\n', 'x\n', '3\n4\n', '-3\n']) {
    await writeFile(s.fenceFile, content)
    t.equal(await codeOf(s.openWith(99n)), 'VOLUME_FENCE_BROKEN', JSON.stringify(content))
    t.equal(await codeOf(s.closeWith(99n)), 'VOLUME_FENCE_BROKEN')
    t.equal(await readFile(s.fenceFile, 'utf8'), content)
  }
  await unlink(s.fenceFile)
  await mkdir(s.fenceFile)
  t.equal(await codeOf(s.openWith(99n)), 'VOLUME_FENCE_BROKEN')
  await rm(s.fenceFile, { recursive: true })
  await mkdir(`${s.fenceFile}.new`)
  t.equal(await codeOf(s.openWith(99n)), 'VOLUME_FENCE_BROKEN')
  const handle = await s.connected(opened)
  await handle.flush()
  handle.close()
  await rm(`${s.fenceFile}.new`, { recursive: true })
  await s.closeWith(99n)
})

void t.test('two opens at once: the newer one stays, in whatever order they came', async t => {
  const s = await stand(t)
  for (let round = 1n; round <= 6n; round += 1n) {
    const tokens = round % 2n === 0n ? [10n * round, 10n * round + 1n] : [10n * round + 1n, 10n * round]
    const [first, second] = await Promise.allSettled(tokens.map(value => s.openWith(value)))
    const newer = (round % 2n === 0n ? second : first)!
    if (newer.status === 'rejected') throw newer.reason
    const handle = await s.connected(newer.value)
    await handle.flush()
    handle.close()
    t.match((await s.raw('GET', '/v1/exports')).body, { items: [{ fenceToken: `${10n * round + 1n}` }] })
    t.equal((await s.sockets()).length, 1)
  }
})

void t.test('what is not proven or not proper is refused by name', async t => {
  const s = await stand(t)
  t.equal(await codeOf(s.exports.open(other, 1n, token(1n), never)), 'VOLUME_UNKNOWN')
  t.equal(await codeOf(s.exports.open(volume, volumeBytes + 1n, token(1n), never)), 'TARGET_VOLUME_TOO_SMALL')
  await unlink(s.linkOf(volume))
  await symlink(s.dir, s.linkOf(volume))
  t.equal(await codeOf(s.openWith(1n)), 'VOLUME_IDENTITY_MISMATCH')
  t.same(await s.sockets(), [])
  const good = { minimumBytes: '1', fenceToken: '1' }
  const bodies = [
    {},
    { ...good, fenceToken: '0' },
    { ...good, fenceToken: '01' },
    { ...good, fenceToken: '12345678901234567890' },
    { ...good, minimumBytes: '-1' },
    { ...good, more: 1 },
  ]
  for (const body of bodies)
    t.match(await s.raw('PUT', `/v1/exports/${serial}`, body), {
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    })
  for (const path of [
    '/v1/exports/..%2f..%2fetc',
    `/v1/exports/${serial}0`,
    '/v1/exports/0F1E2D3C4B5A69788796',
  ])
    t.match(await s.raw('PUT', path, good), { status: 400, body: { code: 'REQUEST_INVALID' } })
  t.match(await s.raw('DELETE', `/v1/exports/${serial}`), { status: 400 })
  t.match(await s.raw('GET', '/v1/nothing'), { status: 404, body: { code: 'NOT_FOUND' } })
})

void t.test('a server that dies by itself is noticed, and its export is gone', async t => {
  const s = await stand(t)
  const opened = await s.openWith(1n)
  const [pid] = await processesWith(opened.socket)
  process.kill(pid!, 'SIGKILL')
  await until('the export is gone', async () => {
    const { body } = await s.raw('GET', '/v1/health')
    return (body as { openExports: number }).openExports === 0
  })
  t.same(await s.sockets(), [])
  t.same(s.errors, ['volume server ended by itself'])
  await s.closeWith(1n)
  await s.openWith(1n)
})

void t.test('a server that cannot start leaves nothing', async t => {
  const s = await volumedStand(t)
  const daemon = await startVolumed({ ...s.config, nbdkit: '/bin/false' }, silent)
  t.teardown(() => daemon.close())
  const link = volumedLink(s.config.api.socket, 20_000)
  t.teardown(() => link.disconnect())
  t.equal(await codeOf(link.open(volume, 1n, token(1n), never)), 'NBD_UNREACHABLE')
  t.same(await s.sockets(), [])
  await link.close(volume, token(1n), never)
})

/** A loop device over a file of 8 MiB that has room for 2 MiB: writes into the page cache succeed, writing back fails. */
async function deviceWithoutRoom(t: Test, dir: string): Promise<string | undefined> {
  const place = join(dir, 'small')
  await mkdir(place)
  const mounted = await execa('/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', place], {
    reject: false,
  })
  if (mounted.exitCode !== 0) return undefined
  t.teardown(() => execa('/bin/umount', [place]))
  const image = join(place, 'volume.img')
  const file = await open(image, 'w')
  await file.truncate(8 * 1024 * 1024)
  await file.close()
  const attached = await execa('/sbin/losetup', ['--find', '--show', image], { reject: false })
  if (attached.exitCode !== 0) return undefined
  t.teardown(() => execa('/sbin/losetup', ['--detach', attached.stdout]))
  return attached.stdout
}

void t.test(
  'data the device did not take is a failed close, again and again, until the next open',
  async t => {
    const dir = await volumedStand(t)
    const device = await deviceWithoutRoom(t, dir.dir)
    if (device === undefined) {
      t.comment('no mount or loop device here')
      return
    }
    const s = await stand(t)
    await unlink(s.linkOf(volume))
    await symlink(device, s.linkOf(volume))
    const handle = await s.connected(await s.openWith(1n))
    await handle.pwrite(0n, randomBytes(6 * 1024 * 1024))
    handle.close()
    t.equal(await codeOf(s.closeWith(2n)), 'TARGET_FLUSH_FAILED')
    t.same(await s.sockets(), [], 'the export has ended all the same')
    t.equal(await codeOf(s.closeWith(3n)), 'TARGET_FLUSH_FAILED')
    t.same(s.errors.includes('volume could not be flushed'), true)
    await s.openWith(4n)
    t.equal(await codeOf(s.closeWith(5n)), 'no error')
  },
)
