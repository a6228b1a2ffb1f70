import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { copy } from '../../native/copy.js'
import { serverCertificates } from '../lib/certificates.js'
import { failureOf, makeDirtyTarget, mib, whole } from '../lib/images.js'
import { startNbdkit, temporaryDir, unixTarget } from '../lib/nbdkit.js'
import { until } from '../lib/until.js'

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

void t.test('a target that dies behind TLS is a lost connection, not a refused write', async t => {
  const dir = await temporaryDir(t)
  await serverCertificates(dir)
  const source = join(dir, 'source.img')
  await writeFile(source, randomBytes(64 * 1024 * 1024))
  const from = await startNbdkit(t, ['-r', 'file', source])
  const secured = ['--tls=require', `--tls-certificates=${dir}`]
  const to = await startNbdkit(t, [...secured, '--filter=rate', 'memory', '64M', 'rate=64M'])
  let written = 0n
  const failing = failureOf(
    copy({
      source: unixTarget(from),
      target: { ...unixTarget(to), tls: { mode: 'require', certificatesDir: dir, verifyPeer: false } },
      extents: whole(64n * mib),
      targetIsZero: true,
      progressIntervalMs: 20,
      onProgress: progress => (written = progress.writtenBytes),
    }),
  )
  await until('bytes move', () => written > 0n)
  to.process.kill('SIGKILL')
  const { side, errno } = await failing
  t.equal(side, 'target')
  t.ok(['ENOTCONN', 'ESHUTDOWN', 'ECONNRESET', 'EPIPE'].includes(errno), errno)
})
