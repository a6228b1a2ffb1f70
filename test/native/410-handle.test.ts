import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { NbdError } from '../../native/errors.js'
import { openNbd } from '../../native/handle.js'
import { serverCertificates } from '../lib/certificates.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'

const failureOf = async (attempt: Promise<unknown>): Promise<NbdError> => {
  try {
    await attempt
  } catch (error) {
    if (error instanceof NbdError) return error
    throw error
  }
  throw new Error('the call succeeded')
}

void t.test('connects by unix socket, URI and command', async t => {
  const server = await startNbdkit(t, ['memory', '1M'])
  const targets = [
    unixTarget(server),
    { kind: 'uri', uri: `nbd+unix:///?socket=${server.socket}` },
    { kind: 'command', argv: ['/usr/bin/nbdkit', '-s', '--exit-with-parent', 'memory', '1M'] },
  ] as const
  for (const target of targets) {
    const handle = await openNbd(target)
    t.equal(handle.info.sizeBytes, 1048576n, target.kind)
    t.same(await handle.pread(0n, 4n), Buffer.alloc(4))
    handle.close()
  }
})

void t.test('tells what the server can do and its block sizes', async t => {
  const plain = await openNbd(unixTarget(await startNbdkit(t, ['memory', '1M'])))
  t.match(plain.info, {
    canFlush: true,
    canZero: true,
    canMultiConn: true,
    readOnly: false,
    minBlockBytes: null,
  })
  plain.close()
  const policy = [
    '--filter=blocksize-policy',
    'memory',
    '1M',
    'blocksize-minimum=4096',
    'blocksize-preferred=64K',
    'blocksize-maximum=1M',
  ]
  const sized = await openNbd(unixTarget(await startNbdkit(t, policy)))
  t.match(sized.info, { minBlockBytes: 4096n, preferredBlockBytes: 65536n, maxBlockBytes: 1048576n })
  sized.close()
})

void t.test('reads back what it wrote, zeroed and trimmed', async t => {
  const handle = await openNbd(unixTarget(await startNbdkit(t, ['memory', '8M'])))
  const data = Buffer.alloc(65536, 0x5a)
  await Promise.all([0n, 65536n, 131072n].map(offset => handle.pwrite(offset, data)))
  await handle.zero(65536n, 65536n)
  await handle.flush()
  t.same(await handle.pread(0n, 65536n), data)
  t.same(await handle.pread(65536n, 65536n), Buffer.alloc(65536))
  t.same(await handle.pread(131072n, 65536n), data)
  await handle.trim(0n, 65536n)
  handle.close()
})

void t.test('gives the whole allocation map, or nothing where there is none', async t => {
  const mapped = await openNbd(unixTarget(await startNbdkit(t, ['memory', '6G'])))
  await mapped.pwrite(5n * 1024n ** 3n, Buffer.alloc(32768, 1))
  const map = await mapped.blockStatus(0n, mapped.info.sizeBytes)
  t.equal(
    map?.reduce((sum, extent) => sum + extent.length, 0n),
    6n * 1024n ** 3n,
  )
  t.strictSame(
    map?.filter(extent => !extent.zero),
    [{ offset: 5n * 1024n ** 3n, length: 32768n, hole: false, zero: false }],
  )
  mapped.close()
  const unmapped = await openNbd(unixTarget(await startNbdkit(t, ['--no-sr', 'memory', '1M'])))
  t.equal(await unmapped.blockStatus(0n, 1048576n), undefined)
  unmapped.close()
})

void t.test('names the operation and errno of every failure', async t => {
  const nowhere = await failureOf(openNbd({ kind: 'unix', path: '/nonexistent/socket', exportName: '' }))
  t.equal(nowhere.errno, 'ENOENT')
  const argv = [
    '--filter=error',
    'memory',
    '1M',
    'error-pwrite=ENOSPC',
    'error-pwrite-rate=100%',
    'error-pread=EIO',
    'error-pread-rate=100%',
  ]
  const handle = await openNbd(unixTarget(await startNbdkit(t, argv)))
  const write = await failureOf(handle.pwrite(4096n, Buffer.alloc(512)))
  t.match(write, { op: 'nbd_pwrite', errno: 'ENOSPC', offset: 4096n, length: 512n })
  t.match(await failureOf(handle.pread(0n, 512n)), { op: 'nbd_pread', errno: 'EIO' })
  t.match(await failureOf(handle.pread(1048576n, 512n)), { op: 'nbd_pread' }, 'past the end')
  await t.rejects(handle.pread(-1n, 1n), RangeError)
  await t.rejects(handle.pread(1n << 64n, 1n), RangeError)
  await t.rejects(handle.pread(0n, 65n * 1024n * 1024n), RangeError)
  handle.close()
  t.match(await failureOf(handle.pread(0n, 1n)), { errno: 'ESHUTDOWN' })
})

void t.test('a server that dies rejects every open call', async t => {
  const server = await startNbdkit(t, ['--filter=delay', 'memory', '1M', 'rdelay=60'])
  const handle = await openNbd(unixTarget(server))
  const open = [0n, 512n, 1024n].map(offset => failureOf(handle.pread(offset, 512n)))
  server.process.kill('SIGKILL')
  for (const failure of await Promise.all(open)) t.equal(failure.op, 'nbd_pread')
  handle.close()
})

void t.test('an abort signal ends a call and a connect at once', async t => {
  const handle = await openNbd(
    unixTarget(await startNbdkit(t, ['--filter=delay', 'memory', '1M', 'rdelay=60'])),
  )
  const reason = new Error('enough')
  const controller = new AbortController()
  const open = handle.pread(0n, 512n, { signal: controller.signal })
  controller.abort(reason)
  await t.rejects(open, reason)
  await t.rejects(
    openNbd({ kind: 'unix', path: '/x', exportName: '' }, { signal: controller.signal }),
    reason,
  )
  handle.close()
})

void t.test('TLS: a server with the right certificate is accepted, one without TLS is not', async t => {
  const dir = await temporaryDir(t)
  await serverCertificates(dir)
  const secured = await startNbdkit(t, ['--tls=require', `--tls-certificates=${dir}`, 'memory', '1M'])
  const tls = { mode: 'require', certificatesDir: dir, verifyPeer: false } as const
  const handle = await openNbd({ ...unixTarget(secured), tls })
  t.equal(handle.info.tlsNegotiated, true)
  t.equal(handle.info.sizeBytes, 1048576n)
  handle.close()
  const plain = await startNbdkit(t, ['memory', '1M'])
  await t.rejects(openNbd({ ...unixTarget(plain), tls }), NbdError)
})

void t.test('worker threads have their own state, and leave nothing open', async t => {
  const server = await startNbdkit(t, ['memory', '1M'])
  const script = `
    const { parentPort } = require('node:worker_threads')
    const { Handle } = require(${JSON.stringify(join(import.meta.dirname, '../../native/build/Release/nbd.node'))})
    const handle = new Handle()
    handle.connect({ kind: 'unix', path: ${JSON.stringify(server.socket)}, exportName: '' })
      .then(() => handle.pread(0n, 16n))
      .then(data => { parentPort.postMessage(data.length); handle.pread(0n, 16n); process.exit(0) })`
  const workers = [1, 2, 3].map(() => new Worker(script, { eval: true }))
  const lengths = workers.map(async worker => (await once(worker, 'message'))[0] as unknown)
  const exits = workers.map(worker => once(worker, 'exit'))
  t.same(await Promise.all(lengths), [16, 16, 16])
  await Promise.all(exits)
})
