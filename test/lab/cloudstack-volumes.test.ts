import { existsSync } from 'node:fs'
import { open, readdir, readlink, stat } from 'node:fs/promises'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { loopsBelow } from '../../lab/cloudstack/loop-device.js'
import { startNbdkit } from '../lib/nbdkit.js'
import { listed, makeVolume, startCloud } from './cloudstack-fixture.js'

const gib = 1024 ** 3
const dd = (to: string, offsetMib: number, flags: readonly string[] = ['conv=fsync,notrunc']) =>
  execa('/usr/bin/dd', ['if=/dev/urandom', `of=${to}`, 'bs=1M', 'count=2', `seek=${offsetMib}`, ...flags], {
    reject: false,
  })
const same = async (one: string, other: string, bytes: number): Promise<boolean> =>
  (await execa('/usr/bin/cmp', [`--bytes=${bytes}`, one, other], { reject: false })).exitCode === 0

void t.test('an attached volume is a block device with the bytes of its file', async t => {
  const started = await startCloud(t, { devices: 'loop' })
  const { client, cloud, ids, directory } = started
  const reply = await client.call('createVolume', {
    name: 'disk',
    zoneid: ids.zone,
    diskofferingid: ids.customDiskOffering,
    size: '1',
  })
  t.strictSame(Object.keys(reply).sort(), ['id', 'jobid'])
  const id = String(reply['id'])
  t.match(await client.ended(String(reply['jobid'])), {
    jobstatus: 1,
    jobinstancetype: 'Volume',
    jobinstanceid: id,
    jobresult: { volume: { id, state: 'Allocated' } },
  })
  t.equal((await stat(cloud.volumePath(id))).size, gib)
  const dirty = await execa('/usr/bin/od', ['-A', 'n', '-t', 'x1', '-N', '4', cloud.volumePath(id)])
  t.equal(dirty.stdout.trim(), 'ee ee ee ee')

  const link = cloud.linkPath(id)
  t.match(link, new RegExp(`/virtio-${id.replaceAll('-', '').slice(0, 20)}$`))
  t.notOk(existsSync(link))
  const attached = await client.job('attachVolume', { id, virtualmachineid: ids.applianceVm })
  t.match(attached, {
    jobstatus: 1,
    jobresult: {
      volume: { id, state: 'Ready', deviceid: 1, virtualmachineid: ids.applianceVm, vmstate: 'Running' },
    },
  })
  t.ok((await stat(link)).isBlockDevice())
  const device = await readlink(link)
  t.equal((await execa('/usr/sbin/blockdev', ['--getsize64', link])).stdout, String(gib))

  t.equal((await dd(link, 900)).exitCode, 0)
  t.ok(await same(device, cloud.volumePath(id), gib), 'the file holds what was written to the device')
  const again = await client.job('attachVolume', { id, virtualmachineid: ids.applianceVm })
  t.match(again, {
    jobstatus: 2,
    jobresultcode: 530,
    jobresult: { errorcode: 530, errortext: /not attached to any VM/ },
  })
  const refusal = await client.send('deleteVolume', { id })
  t.equal(refusal.status, 431)
  t.match(refusal.text, /not attached to any VM/)

  t.match(await client.job('resizeVolume', { id, size: '2' }), {
    jobstatus: 1,
    jobresult: { volume: { size: 2 * gib } },
  })
  t.equal((await execa('/usr/sbin/blockdev', ['--getsize64', link])).stdout, String(2 * gib))
  t.match(await client.job('resizeVolume', { id, size: '1', shrinkok: 'true' }), { jobstatus: 2 })

  t.match(await client.job('detachVolume', { id }), {
    jobstatus: 1,
    jobresult: { volume: { id, state: 'Ready' } },
  })
  t.notOk(existsSync(link))
  t.same(await loopsBelow(directory), [])
  t.notOk('virtualmachineid' in ((await listed(started, { id }))[0] ?? {}))
  t.match(await client.job('detachVolume', { id }), { jobstatus: 2 })
  t.same(await client.call('deleteVolume', { id }), { success: true })
  t.same(await client.call('listVolumes', { id }), {}, 'an id that was is no error')
  t.equal((await client.send('deleteVolume', { id })).status, 431)
  t.notOk(existsSync(cloud.volumePath(id)))
})

void t.test('limits and places are kept', async t => {
  const started = await startCloud(t, { devices: 'file', maxDataVolumes: 3, vms: [{ name: 'far', zone: 1 }] })
  const { client, ids, cloud } = started
  const vm = { virtualmachineid: ids.applianceVm }
  const volumes: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) volumes.push(await makeVolume(started, name))
  const [a = '', b = '', c = '', d = ''] = volumes
  t.match(await client.job('attachVolume', { id: a, ...vm }), { jobresult: { volume: { deviceid: 1 } } })
  t.match(await client.job('attachVolume', { id: b, ...vm, deviceid: '1' }), {
    jobresult: { errortext: /deviceId 1 is used/ },
  })
  t.match(await client.job('attachVolume', { id: b, ...vm, deviceid: '0' }), { jobstatus: 2 })
  t.match(await client.job('attachVolume', { id: b, ...vm, deviceid: '7' }), {
    jobresult: { volume: { deviceid: 7 } },
  })
  t.match(await client.job('attachVolume', { id: c, ...vm }), { jobresult: { volume: { deviceid: 2 } } })
  t.match(await client.job('attachVolume', { id: d, ...vm }), {
    jobresult: { errortext: /maximum number of data disks \(3\)/ },
  })
  await client.job('detachVolume', { virtualmachineid: ids.applianceVm, deviceid: '7' })
  t.match(
    await client.job('attachVolume', { id: d, ...vm }),
    { jobresult: { volume: { deviceid: 4 } } },
    'not 3, the CD',
  )
  const far = [...cloud.site.vms.values()].find(({ name }) => name === 'far')
  t.match(await client.job('attachVolume', { id: b, virtualmachineid: far?.id ?? '' }), {
    jobresult: { errortext: /same zone/ },
  })
  const root = (await listed(started, { type: 'ROOT', ...vm }))[0]
  t.match(await client.job('detachVolume', { id: String(root?.['id']) }), { jobstatus: 2 })
})

void t.test('a destroyed volume can be recovered, an expunged one stays listed for a while', async t => {
  const started = await startCloud(t, { devices: 'file', expungeDelayMs: 60_000 })
  const { client } = started
  const id = await makeVolume(started, 'x')
  t.match(await client.job('destroyVolume', { id }), {
    jobresult: { volume: { state: 'Destroy', destroyed: true } },
  })
  t.match(await client.call('recoverVolume', { id }), { volume: { state: 'Allocated', destroyed: false } })
  t.same(await client.call('deleteVolume', { id }), { success: true })
  t.match(await listed(started, { id }), [{ state: 'Expunging' }])
  t.equal((await client.send('deleteVolume', { id })).status, 530)
})

void t.test('many volumes attach at once, each to a device of its own', async t => {
  const started = await startCloud(t, { devices: 'loop' })
  const { client, cloud, ids, directory } = started
  const volumes = await Promise.all(Array.from({ length: 12 }, (_, n) => makeVolume(started, `v-${n}`)))
  const jobs = await Promise.all(
    volumes.map(id => client.job('attachVolume', { id, virtualmachineid: ids.applianceVm })),
  )
  t.ok(jobs.every(job => job['jobstatus'] === 1))
  const devices = await Promise.all(volumes.map(id => readlink(cloud.linkPath(id))))
  t.equal(new Set(devices).size, 12)
  const numbers = (await listed(started)).map(volume => volume['deviceid'])
  t.equal(new Set(numbers).size, 12)
  const one = volumes[0] ?? ''
  const twice = await Promise.all([
    client.job('detachVolume', { id: one }),
    client.job('detachVolume', { id: one }),
  ])
  t.same(twice.map(job => job['jobstatus']).sort(), [1, 2], 'one of two wins')
  await cloud.close()
  t.same(await loopsBelow(directory), [])
  t.same(await readdir(cloud.byIdDir), [])
  t.teardown(() => undefined)
})

/** Sends commands to an nbdkit on the path; of a flush qemu-io tells the outcome by its exit code alone. */
const served = async (t: Test, path: string) => {
  const { socket } = await startNbdkit(t, ['file', path])
  return async (...commands: string[]) => {
    // Without -t none qemu-io asks for a flush with each write.
    const argv = ['-t', 'none', '-f', 'raw', ...commands.flatMap(command => ['-c', command])]
    const { exitCode, stdout } = await execa('/usr/bin/qemu-io', [...argv, `nbd+unix:///?socket=${socket}`], {
      reject: false,
    })
    return { ok: exitCode === 0, wrote: /wrote/.test(stdout) }
  }
}

void t.test('storage that is full fails for real', async t => {
  const started = await startCloud(t, { devices: 'loop' })
  const { client, cloud, ids } = started
  const limited = async (name: string) => {
    const id = await makeVolume(started, name)
    await cloud.limitVolume(id, 4 * 1024 * 1024)
    await client.job('attachVolume', { id, virtualmachineid: ids.applianceVm })
    return { id, io: await served(t, cloud.linkPath(id)) }
  }
  const small = await limited('small')
  await t.rejects(cloud.limitVolume(small.id, 1), RangeError)
  t.same(await small.io('write 0 1M', 'flush'), { ok: true, wrote: true })
  t.same(
    await small.io('write 16M 8M', 'flush'),
    { ok: false, wrote: true },
    'the flush fails, not the write',
  )
  t.ok((await small.io('flush')).ok, 'but only once: a second one must not be believed')
  t.match((await dd(cloud.linkPath(small.id), 32, ['oflag=direct'])).stderr, /No space left on device/)
  await t.rejects(cloud.fillStorage('nothing'), RangeError)

  const filled = await limited('filled')
  await cloud.fillStorage(filled.id)
  t.notOk((await filled.io('write 1M 64k', 'flush')).ok)
  await cloud.freeStorage(filled.id)
  t.ok((await filled.io('write 2M 64k', 'flush')).ok)
})

void t.test('a writer whose volume is detached or dies gets errors and changes nothing', async t => {
  const started = await startCloud(t, { devices: 'loop' })
  const { client, cloud, ids, directory } = started
  const bytes = Buffer.alloc(64 * 1024, 0x11)
  for (const way of ['detach', 'break'] as const) {
    const id = await makeVolume(started, way)
    await client.job('attachVolume', { id, virtualmachineid: ids.applianceVm })
    const device = await open(cloud.linkPath(id), 'r+')
    const write = async (offsetBytes: number) => {
      await device.write(bytes, 0, bytes.length, offsetBytes)
      await device.sync()
    }
    await write(4 * 1024 * 1024)
    if (way === 'detach') t.match(await client.job('detachVolume', { id }), { jobstatus: 1 })
    else await cloud.breakDevice(id)
    await t.rejects(write(8 * 1024 * 1024), { code: 'ENOSPC' }, way)
    await t.rejects(write(4 * 1024 * 1024), { code: 'ENOSPC' }, way)
    const file = await open(cloud.volumePath(id))
    const kept = await file.read(Buffer.alloc(2), 0, 2, 4 * 1024 * 1024)
    const untouched = await file.read(Buffer.alloc(2), 0, 2, 8 * 1024 * 1024)
    t.equal(kept.buffer.toString('hex'), '1111')
    t.equal(untouched.buffer.toString('hex'), '0000')
    await file.close()
    if (way === 'detach') {
      t.match(await client.job('attachVolume', { id, virtualmachineid: ids.applianceVm }), { jobstatus: 1 })
      await t.rejects(write(8 * 1024 * 1024), { code: 'ENOSPC' }, 'the old device stays dead')
    }
    await device.close()
  }
  t.equal((await loopsBelow(directory)).length, 2, 'the one that was left open went with its close')
})
