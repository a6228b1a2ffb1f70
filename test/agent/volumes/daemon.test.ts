import { existsSync } from 'node:fs'
import { chmod, lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type VolumedConfig } from '../../../agent/config/schema.js'
import { fenceToken } from '../../../agent/domain/fence.js'
import { volumedLink } from '../../../agent/volumes/client.js'
import { startVolumed } from '../../../agent/volumes/daemon.js'
import { NbdError } from '../../../native/errors.js'
import { openNbd } from '../../../native/handle.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'
import { codeOf } from '../../lib/code-of.js'
import {
  never,
  processesWith,
  startVolumedProcess,
  volume,
  volumeBytes,
  volumedStand,
} from '../../lib/volumed.js'

const linkTo = (t: Test, config: VolumedConfig) => {
  const link = volumedLink(config.api.socket, 20_000)
  t.teardown(() => link.disconnect())
  return link
}

void t.test(
  'killed: its servers refuse clients and end with the next run, which remembers the fence',
  async t => {
    const { config, fenceFile, sockets } = await volumedStand(t)
    const first = await startVolumedProcess(t, config)
    const link = linkTo(t, config)
    const opened = await link.open(volume, volumeBytes, fenceToken(7n), never)
    const holder = await openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
    await holder.pwrite(0n, Buffer.from('before'))
    t.equal((await processesWith(opened.socket)).length, 1)
    await first.end('SIGKILL')
    await until('its server takes nothing more', async () => {
      const refused = await holder.pwrite(0n, Buffer.from('before')).catch((error: unknown) => error)
      return refused instanceof NbdError
    })
    t.equal((await sockets()).length, 1, 'a killed daemon cleans up nothing')
    t.ok(existsSync(config.api.socket))
    await writeFile(join(config.export_socket_dir, 'foreign'), '')

    const second = await startVolumedProcess(t, config)
    t.match(second.log(), /volume daemon ready/)
    t.same(await processesWith(opened.socket), [], 'also ended when its client would not go')
    await t.rejects(holder.pwrite(0n, Buffer.from('after')), NbdError)
    holder.close()
    t.same(await sockets(), ['foreign'])
    t.equal(await codeOf(link.open(volume, volumeBytes, fenceToken(6n), never)), 'VOLUME_FENCED')
    t.same(await sockets(), ['foreign'])
    t.equal(await readFile(fenceFile, 'utf8'), '7\n')
    const again = await link.open(volume, volumeBytes, fenceToken(7n), never)
    t.not(again.exportName, opened.exportName)
    await second.end('SIGTERM')
    t.equal(second.child.exitCode, 0)
    t.same(await sockets(), ['foreign'])
    t.notOk(existsSync(config.api.socket))
    t.same(await processesWith(again.socket), [])
  },
)

void t.test('a second daemon is refused and harms nothing', async t => {
  const { config, dir } = await volumedStand(t)
  await startVolumedProcess(t, config)
  const link = linkTo(t, config)
  const opened = await link.open(volume, volumeBytes, fenceToken(1n), never)
  for (const more of [{}, { api: { socket: join(dir, 'elsewhere.sock') } }]) {
    const second = await startVolumedProcess(t, { ...config, ...more })
    t.match(second.log(), /ALREADY_RUNNING/)
    t.equal(second.child.exitCode, 1)
  }
  const state = join(dir, 'other-state')
  await mkdir(state)
  const third = await startVolumedProcess(t, { ...config, state_dir: state, export_socket_dir: state })
  t.match(third.log(), /ALREADY_RUNNING/, 'the same socket with another state')
  const handle = await openNbd({ kind: 'unix', path: opened.socket, exportName: opened.exportName })
  await handle.flush()
  handle.close()
  await link.close(volume, fenceToken(1n), never)
})

void t.test('starts only on fit directories, and takes nothing for its socket that is not', async t => {
  const { config, dir } = await volumedStand(t)
  const refusedWith = (more: Partial<VolumedConfig>) => codeOf(startVolumed({ ...config, ...more }, silent))
  t.equal(await refusedWith({ state_dir: join(dir, 'absent') }), 'CONFIG_INVALID')
  t.equal(await refusedWith({ export_socket_dir: join(dir, 'volume.img') }), 'CONFIG_INVALID')
  for (const mode of [0o770, 0o702]) {
    await chmod(config.export_socket_dir, mode)
    t.equal(await refusedWith({}), 'CONFIG_INVALID')
    await chmod(config.export_socket_dir, 0o711)
    await chmod(config.state_dir, mode)
    t.equal(await refusedWith({}), 'CONFIG_INVALID')
    await chmod(config.state_dir, 0o700)
  }
  await writeFile(config.api.socket, 'precious')
  t.equal(await refusedWith({}), 'CONFIG_INVALID')
  t.equal(await readFile(config.api.socket, 'utf8'), 'precious')
  await rm(config.api.socket)
  const foreign = createServer()
  await new Promise<void>(resolve => foreign.listen(config.api.socket, resolve))
  t.equal(await refusedWith({}), 'ALREADY_RUNNING')
  t.ok((await lstat(config.api.socket)).isSocket())
  await new Promise(resolve => foreign.close(resolve))
  const daemon = await startVolumed(config, silent)
  t.equal((await stat(config.api.socket)).mode & 0o777, 0o660)
  await daemon.close()
  const after = await startVolumed(config, silent)
  await after.close()
})
