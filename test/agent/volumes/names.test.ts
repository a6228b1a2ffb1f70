import { mkdir, readdir, readlink, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serialOfVolume, volumeId } from '../../../agent/domain/ids.js'
import { deviceOf } from '../../../agent/volumes/device-table.js'
import { NameKeeper } from '../../../agent/volumes/name-keeper.js'
import { persistentName } from '../../../agent/volumes/persistent-names.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'
import { codeOf } from '../../lib/code-of.js'

const serials = ['0f1e2d3c', '1a2b3c4d', 'ffffffff'].map(first =>
  serialOfVolume(volumeId(`${first}-4b5a-6978-8796-a5b4c3d2e1f0`)),
)

/** Three "devices" (files), not linked yet. */
async function stand(t: Test, intervalMs = 60_000) {
  const dir = await temporaryDir(t)
  const [byIdDir, namesDir] = [join(dir, 'by-id'), join(dir, 'names')]
  for (const made of [byIdDir, namesDir]) await mkdir(made)
  const paths = ['disk-a', 'disk-b', 'disk-c'].map(name => join(dir, name))
  for (const [index, path] of paths.entries()) {
    await writeFile(path, '')
    await truncate(path, 4096 * (index + 1))
  }
  const keeper = new NameKeeper({ byIdDir, namesDir, intervalMs, logger: silent })
  t.teardown(() => keeper.stop())
  const link = async (name: string, path: string): Promise<void> => {
    await rm(join(byIdDir, name), { force: true })
    await symlink(path, join(byIdDir, name))
  }
  const names = async () => {
    const found: Record<string, string> = {}
    for (const name of (await readdir(namesDir)).sort()) found[name] = await readlink(join(namesDir, name))
    return found
  }
  return { byIdDir, namesDir, paths, keeper, link, names }
}

void t.test('volumes attached before the daemon get their names at its start', async t => {
  const s = await stand(t)
  const [one, two] = serials
  const [a, b] = s.paths
  await s.link(`virtio-${one}`, a!)
  await s.link(`scsi-0QEMU_QEMU_HARDDISK_${two}`, b!)
  await s.link(`virtio-${one}-part1`, b!)
  await s.link('virtio-not-one-of-ours', b!)
  await s.keeper.start()
  t.same(await s.names(), { [persistentName(one!)]: a, [persistentName(two!)]: b })
  const { devices, doubts } = await s.keeper.devices()
  t.same(
    devices.map(device => [device.serial, device.sizeBytes]),
    [
      [one, 4096n],
      [two, 8192n],
    ],
  )
  t.same(doubts, [])
})

void t.test('after a swap of device names each name leads to its own volume again', async t => {
  const s = await stand(t)
  const [one, two, three] = serials
  const [a, b, c] = s.paths
  await s.link(`virtio-${one}`, a!)
  await s.link(`virtio-${two}`, b!)
  await s.keeper.start()
  await s.link(`virtio-${one}`, b!)
  await s.link(`virtio-${two}`, a!)
  await s.link(`virtio-${three}`, c!)
  const report = await s.keeper.mend()
  t.same([...report.repaired].sort(), [persistentName(one!), persistentName(two!)].sort())
  t.same(report.made, [persistentName(three!)])
  t.same(await s.names(), {
    [persistentName(one!)]: b,
    [persistentName(two!)]: a,
    [persistentName(three!)]: c,
  })
  t.match(await s.keeper.mend(), { made: [], repaired: [], dropped: [] }, 'true names stay untouched')
})

void t.test('a volume that left loses its name, by itself; foreign names stay', async t => {
  const s = await stand(t, 20)
  const [one, two] = serials
  const [a, b] = s.paths
  await writeFile(join(s.namesDir, 'control'), '')
  await symlink(b!, join(s.namesDir, 'vol-of-somebody'))
  await writeFile(join(s.namesDir, persistentName(two!)), 'not even a link')
  await s.link(`virtio-${one}`, a!)
  await s.link(`virtio-${two}`, b!)
  await s.keeper.start()
  t.equal(await readlink(join(s.namesDir, persistentName(two!))), b)
  await rm(join(s.byIdDir, `virtio-${one}`))
  await until('its name is gone', async () => !(await readdir(s.namesDir)).includes(persistentName(one!)))
  t.same((await readdir(s.namesDir)).sort(), ['control', 'vol-of-somebody', persistentName(two!)].sort())
})

void t.test('a serial that two devices carry proves nothing', async t => {
  const s = await stand(t)
  const [one] = serials
  const [a, b] = s.paths
  await s.link(`virtio-${one}`, a!)
  await s.keeper.start()
  await s.link(`scsi-0QEMU_QEMU_HARDDISK_${one}`, b!)
  t.equal(await codeOf(deviceOf(s.byIdDir, one!)), 'VOLUME_IDENTITY_MISMATCH')
  const report = await s.keeper.mend()
  t.same(report.dropped, [persistentName(one!)])
  t.match(report.doubts, [{ serial: one, why: /both carry the serial/ }])
  t.match(await s.keeper.devices(), { devices: [], doubts: [{ serial: one }] })
  await s.link(`scsi-0QEMU_QEMU_HARDDISK_${one}`, a!)
  t.equal(await deviceOf(s.byIdDir, one!), a, 'two links to one device agree')
})
