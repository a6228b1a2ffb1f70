import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { fenceToken } from '../../../agent/domain/fence.js'
import { serialOfVolume, volumeId } from '../../../agent/domain/ids.js'
import { VolumeExports } from '../../../agent/volumes/exports.js'
import { openNbd } from '../../../native/handle.js'
import { NbdError } from '../../../native/errors.js'
import { codeOf } from '../../lib/code-of.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { silent } from '../../lib/saga-harness.js'

const serial = serialOfVolume(volumeId('0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'))
const other = serialOfVolume(volumeId('ffffffff-4b5a-6978-8796-a5b4c3d2e1f0'))
const one = fenceToken(1n)
const mib = 1024n * 1024n

async function stand(t: Test) {
  const dir = await temporaryDir(t)
  const byIdDir = join(dir, 'by-id')
  const socketDir = join(dir, 'sockets')
  await mkdir(byIdDir)
  await mkdir(socketDir)
  const stateDir = join(dir, 'state')
  await mkdir(stateDir)
  const image = join(dir, 'volume.img')
  await writeFile(image, '')
  await truncate(image, Number(4n * mib))
  await symlink(image, join(byIdDir, `virtio-${serial}`))
  const stagingDir = join(dir, 'staging')
  await mkdir(stagingDir)
  const staging = {
    dir: stagingDir,
    qemuNbdPath: '/usr/bin/qemu-nbd',
    qemuImgPath: '/usr/bin/qemu-img',
  }
  const exports = new VolumeExports({
    byIdDir,
    socketDir,
    stateDir,
    nbdkitPath: '/usr/bin/nbdkit',
    staging,
    startTimeoutMs: 10_000,
    logger: silent,
  })
  t.teardown(() => exports.closeAll())
  return { exports, image, link: join(byIdDir, `virtio-${serial}`), byIdDir, stateDir }
}

void t.test('serves the volume of a serial under a name of its own', async t => {
  const { exports, image } = await stand(t)
  const opened = await exports.open(serial, 4n * mib, one)
  const handle = await openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
  t.equal(handle.info.sizeBytes, 4n * mib)
  await handle.pwrite(0n, Buffer.from('written'))
  await handle.flush()
  handle.close()
  t.equal((await readFile(image)).subarray(0, 7).toString(), 'written')
  await t.rejects(openNbd({ kind: 'unix', path: opened.socket, exportName: 'guessed' }), NbdError)
  await exports.close(serial, one)
  t.notOk(existsSync(opened.socket))
  await exports.close(serial, one)
})

void t.test('opening again ends the older export, whose holder can no longer write', async t => {
  const { exports } = await stand(t)
  const first = await exports.open(serial, mib, one)
  const zombie = await openNbd({ kind: 'unix', path: first.socket, exportName: first.exportName })
  const second = await exports.open(serial, mib, one)
  t.not(second.exportName, first.exportName)
  await t.rejects(zombie.pwrite(0n, Buffer.from('late')), NbdError)
  zombie.close()
})

void t.test('what cannot be proven is not opened', async t => {
  const { exports, link, byIdDir } = await stand(t)
  t.equal(await codeOf(exports.open(other, mib, one)), 'VOLUME_UNKNOWN')
  t.equal(await codeOf(exports.open(serial, 5n * mib, one)), 'TARGET_VOLUME_TOO_SMALL')
  await unlink(link)
  await symlink(byIdDir, link)
  t.equal(await codeOf(exports.open(serial, mib, one)), 'VOLUME_IDENTITY_MISMATCH')
  const empty = join(byIdDir, 'empty')
  await writeFile(empty, '')
  await unlink(link)
  await symlink(empty, link)
  t.equal(await codeOf(exports.open(serial, 0n, one)), 'VOLUME_IDENTITY_MISMATCH')
})

void t.test('a real block device is proven and sized', async t => {
  const { exports, image, link } = await stand(t)
  const attached = await execa('/sbin/losetup', ['--find', '--show', image], { reject: false })
  if (attached.exitCode !== 0) {
    t.comment(`no loop device here: ${attached.stderr}`)
    return
  }
  t.teardown(() => execa('/sbin/losetup', ['--detach', attached.stdout]))
  await unlink(link)
  await symlink(attached.stdout, link)
  const opened = await exports.open(serial, 4n * mib, one)
  t.equal(opened.sizeBytes, 4n * mib)
  const handle = await openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
  await handle.zero(0n, mib)
  await handle.flush()
  handle.close()
  await exports.closeAll()
})

void t.test('a directory of tokens that is gone is not taken for one without tokens', async t => {
  const s = await stand(t)
  await s.exports.open(serial, mib, fenceToken(9n))
  await rm(s.stateDir, { recursive: true })
  t.equal(await codeOf(s.exports.open(serial, mib, one)), 'VOLUME_FENCE_BROKEN')
})
