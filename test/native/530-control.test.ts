import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, connect, type Server as NetServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copy, startCopy } from '../../native/copy.js'
import { NbdError } from '../../native/errors.js'
import { type CopyRequest } from '../../native/types.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'
import { until } from '../lib/until.js'

const mib = 1024n * 1024n

async function disks(t: Test, sizeMib: number) {
  const dir = await temporaryDir(t)
  const [source, target] = [join(dir, 'source.img'), join(dir, 'target.img')]
  await writeFile(source, randomBytes(sizeMib * 1024 * 1024))
  await writeFile(target, Buffer.alloc(sizeMib * 1024 * 1024, 0xee))
  const same = async () => (await readFile(source)).equals(await readFile(target))
  const extents = [{ offset: 0n, length: BigInt(sizeMib) * mib }]
  return { dir, source, target, same, extents }
}

async function request(t: Test, sizeMib: number, more: Partial<CopyRequest> = {}) {
  const disk = await disks(t, sizeMib)
  const source = unixTarget(await startNbdkit(t, ['-r', 'file', disk.source]))
  const target = unixTarget(await startNbdkit(t, ['file', disk.target]))
  const plain: CopyRequest = { source, target, extents: disk.extents, targetIsZero: false, ...more }
  return { ...disk, request: plain }
}

/** Passes bytes between clients and a server until it is told to cut them off. */
async function proxy(t: Test, dir: string, to: string) {
  const path = join(dir, 'proxy.sock')
  const sockets = new Set<Socket>()
  let hangs = false
  const server: NetServer = createServer(client => {
    const upstream = connect(to)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
    client.on('data', data => hangs || upstream.write(data))
    upstream.on('data', data => hangs || client.write(data))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  server.listen(path)
  await once(server, 'listening')
  const cut = () => sockets.forEach(socket => socket.destroy())
  t.teardown(() => {
    cut()
    server.close()
  })
  return { target: { kind: 'unix', path, exportName: '' } as const, cut, hang: () => (hangs = true) }
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

/** How close to the limit it stays from below depends on the machine: that is the bench's to show. */
void t.test(
  'a rate limit is not passed by more than five per cent, and a change of it holds at once',
  async t => {
    const { request: plain, same } = await request(t, 48)
    const samples: { atMs: number; bytes: bigint }[] = []
    const running = startCopy({
      ...plain,
      bytesPerSecond: 8n * mib,
      progressIntervalMs: 50,
      onProgress: ({ readBytes }) => samples.push({ atMs: performance.now(), bytes: readBytes }),
    })
    const rateOver = async (ms: number) => {
      const first = samples.at(-1)
      if (first === undefined) throw new Error('nothing was reported')
      await until('a second passes', () => (samples.at(-1)?.atMs ?? 0) >= first.atMs + ms)
      const last = samples.at(-1) ?? first
      return (Number(last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs) / 1024 ** 2
    }
    await until('it runs', () => samples.length >= 4)
    const slow = await rateOver(1000)
    t.ok(slow < 8.4, `${slow} MiB/s at a limit of 8`)
    running.setRate(16n * mib)
    const fast = await rateOver(1000)
    t.ok(fast > slow && fast < 16.8, `${fast} MiB/s at a limit of 16`)
    running.setRate(undefined)
    await running.result
    t.ok(await same())
  },
)

void t.test('a paused copy reads nothing until it is resumed', async t => {
  const { request: plain, same } = await request(t, 32)
  const seen: bigint[] = []
  const running = startCopy({
    ...plain,
    bytesPerSecond: 16n * mib,
    progressIntervalMs: 10,
    onProgress: ({ readBytes }) => seen.push(readBytes),
  })
  await until('bytes move', () => (seen.at(-1) ?? 0n) > 0n)
  running.pause()
  const quiet = (): boolean => seen.length > 20 && seen.at(-20) === seen.at(-1)
  await until('twenty reports say the same', quiet)
  t.ok((seen.at(-1) ?? 0n) < 32n * mib)
  running.setRate(undefined)
  running.resume()
  await running.result
  t.ok(await same())
})

void t.test('a rate given right after the start is the one that counts', async t => {
  const { request: plain, same } = await request(t, 8, { bytesPerSecond: mib / 4n })
  for (let round = 0; round < 20; round += 1) {
    const running = startCopy({ ...plain, signal: AbortSignal.timeout(10_000) })
    running.setRate(undefined)
    await running.result
  }
  t.ok(await same())
})

void t.test('a cancel takes less than 200 ms, also when a server hangs', async t => {
  const { request: plain, dir } = await request(t, 16)
  if (plain.target.kind !== 'unix') throw new Error('a unix socket was expected')
  const between = await proxy(t, dir, plain.target.path)
  const controller = new AbortController()
  const reason = new Error('enough')
  let reports = 0
  const copying = copy({
    ...plain,
    target: between.target,
    bytesPerSecond: 4n * mib,
    progressIntervalMs: 20,
    signal: controller.signal,
    onProgress: ({ writtenBytes }) => {
      if (writtenBytes > 0n) between.hang()
      reports += 1
    },
  })
  const outcome = copying.catch((error: unknown) => error)
  await until('it hangs', () => reports > 20)
  const started = performance.now()
  controller.abort(reason)
  t.equal(await outcome, reason)
  t.ok(performance.now() - started < 200)
})

void t.test('a late read is asked again, a late write ends the copy', async t => {
  const { request: plain, dir } = await request(t, 16, { requestTimeoutMs: 200, bytesPerSecond: 8n * mib })
  if (plain.target.kind !== 'unix') throw new Error('a unix socket was expected')
  const between = await proxy(t, dir, plain.target.path)
  const failing = copy({
    ...plain,
    target: between.target,
    progressIntervalMs: 10,
    onProgress: ({ writtenBytes }) => writtenBytes > 0n && between.hang(),
  })
  t.match(await failureOf(failing), { side: 'target', errno: 'ETIMEDOUT', op: 'nbd_pwrite' })
})

void t.test('a lost connection of either side is made again and no byte is missing', async t => {
  for (const side of ['source', 'target'] as const) {
    const { request: plain, dir, same } = await request(t, 16, { bytesPerSecond: 16n * mib })
    const end = plain[side]
    if (end.kind !== 'unix') throw new Error('a unix socket was expected')
    const between = await proxy(t, dir, end.path)
    let cuts = 0
    const result = await copy({
      ...plain,
      [side]: between.target,
      progressIntervalMs: 10,
      markIntervalMs: side === 'source' ? 60_000 : 50,
      onProgress: ({ readBytes }) => {
        if (cuts > 0 || readBytes < 4n * mib) return
        cuts += 1
        between.cut()
      },
    })
    t.equal(result.reconnects, 1, side)
    // Without a mark everything is sent again.
    if (side === 'source') t.ok(result.retriedRequests >= 8)
    t.equal(result.readBytes, 16n * mib, 'what was sent again is counted once')
    t.ok(await same())
  }
})

void t.test('a copy that failed is resumed from its durable mark', async t => {
  const { request: plain, target, same } = await request(t, 16)
  const dying = await startNbdkit(t, ['file', target])
  const failing = copy({
    ...plain,
    target: unixTarget(dying),
    bytesPerSecond: 16n * mib,
    reconnectWindowMs: 1,
    progressIntervalMs: 10,
    markIntervalMs: 20,
    onProgress: ({ durableBelow }) => durableBelow > 2n * mib && dying.process.kill('SIGKILL'),
  })
  const { durableBelow, side } = await failureOf(failing)
  t.equal(side, 'target')
  t.ok(durableBelow > 2n * mib && durableBelow < 16n * mib)
  const result = await copy({ ...plain, resumeFrom: durableBelow })
  t.equal(result.readBytes, 16n * mib - durableBelow, 'what is durable is not read again')
  t.equal(result.durableBelow, 16n * mib)
  t.ok(await same())
})

void t.test('a server that comes back smaller is not written to', async t => {
  const { request: plain, dir } = await request(t, 16, { bytesPerSecond: 16n * mib })
  const first = await startNbdkit(t, ['memory', '16M'])
  const second = await startNbdkit(t, ['memory', '8M'])
  let moved: Promise<void> | undefined
  const failing = copy({
    ...plain,
    target: unixTarget(first),
    progressIntervalMs: 10,
    onProgress: ({ writtenBytes }) => {
      if (writtenBytes === 0n || moved !== undefined) return
      moved = rename(second.socket, first.socket)
      first.process.kill('SIGKILL')
    },
  })
  t.match(await failureOf(failing), { side: 'target', errno: 'ENOSPC' })
  await moved
  t.ok(dir)
})
