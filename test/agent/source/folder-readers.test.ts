import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openNbd } from '../../../native/handle.js'
import { diskKey } from '../../../agent/domain/ids.js'
import { folderReaders } from '../../../agent/source/folder-readers.js'
import { type DiskReader } from '../../../agent/source/deps.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { clientOf, recorder, refused, signal, startSite } from '../vsphere/fixture.js'

const MIB = 1024 * 1024
const size = 3 * MIB + 512

async function site(t: Test, more: object = {}) {
  const started = await startSite(t, {
    vms: [{ name: 'web 100%', power: 'off', disks: [{ sizeBytes: BigInt(size) }], ...more }],
  })
  const vm = started.simulator.vms[0]!
  const bytes = randomBytes(size)
  await started.simulator.guestWrite(vm, 2000, 0n, bytes)
  const socketDir = await temporaryDir(t)
  const { lines, logger } = recorder()
  const readersOf = (vsphere: typeof started.client) =>
    folderReaders({ vsphere, nbdkitPath: '/usr/bin/nbdkit', socketDir, startTimeoutMs: 10_000, logger })
  const request = {
    vmMoref: vm.ref.id,
    snapshotMoref: null,
    host: null,
    diskKey: diskKey('2000'),
    fileName: `[datastore1] ${vm.identity.directory}/${vm.disks[0]!.options.stem}.vmdk`,
  }
  const open = async (): Promise<DiskReader> => {
    const reader = await readersOf(started.client).open(request, signal)
    t.teardown(() => reader.close())
    return reader
  }
  return { ...started, vm, bytes, socketDir, lines, readersOf, request, open }
}

const read = async ({ socketPath }: DiskReader, offset: number, length: number): Promise<Buffer> => {
  const handle = await openNbd({ kind: 'unix', path: socketPath, exportName: '' })
  try {
    return await handle.pread(BigInt(offset), BigInt(length))
  } finally {
    handle.close()
  }
}

void t.test('a disk of a VM that is off, read by ranges over the datastore', async t => {
  const { simulator, bytes, socketDir, open } = await site(t)
  const reader = await open()
  t.same(await read(reader, 0, size), bytes)
  t.same(await read(reader, 2 * MIB - 3, 1000), bytes.subarray(2 * MIB - 3, 2 * MIB + 997))
  t.same(await read(reader, size - 512, 512), bytes.subarray(size - 512))
  simulator.dropSessions()
  t.same(await read(reader, 5, 7), bytes.subarray(5, 12), 'a session that was dropped is renewed')
  await reader.close()
  t.same(await readdir(socketDir), [], 'nothing is left')
})

void t.test('nbdkit gets neither a secret nor the address of the server', async t => {
  const { simulator, open } = await site(t)
  const reader = await open()
  const pid = (await readFile(`${reader.socketPath}.pid`, 'utf8')).trim()
  const seen = await Promise.all(
    ['cmdline', 'environ'].map(name => readFile(join('/proc', pid, name), 'utf8')),
  )
  t.match(seen[0], /nbdkit.*curl/)
  for (const secret of [simulator.password, simulator.user, String(simulator.port), 'vmware_soap_session'])
    t.notOk(seen.join('').includes(secret))
})

void t.test('what cannot be read says why', async t => {
  const { simulator, client, vm, readersOf, request, open, lines } = await site(t)
  const attempt = (more: object) => readersOf(client).open({ ...request, ...more }, signal)
  await refused(t, 'VDDK_MISSING', attempt({ snapshotMoref: 'snapshot-1' }))
  t.match(
    await refused(t, 'SOURCE_READ_FAILED', attempt({ fileName: '[datastore1] no/no.vmdk' })),
    /status 404: datastores such as vSAN/,
  )
  await refused(t, 'SOURCE_READ_FAILED', attempt({ fileName: '[datastore9] no/no.vmdk' }))
  await refused(t, 'SOURCE_READ_FAILED', attempt({ fileName: 'no.vmdk' }))
  simulator.faults.add({ kind: 'lack-privilege', privilege: 'Datastore.Browse' })
  await refused(t, 'VSPHERE_PERMISSION_MISSING', open())
  simulator.faults.clear()
  const reader = await open()
  await simulator.admin.setPower(vm, 'poweredOn')
  await t.rejects(read(reader, 0, 512))
  t.match(reader.complaint(), /status 500/, 'a VM that was started meanwhile')
  t.ok(lines.some(line => line.includes('could not be read')))
  await simulator.admin.setPower(vm, 'poweredOff')
  const cut = await open()
  simulator.faults.add({ kind: 'cut-connection', method: 'folder', after: false })
  await t.rejects(read(cut, 0, 512))
})

void t.test('a server with another certificate is sent nothing', async t => {
  const { simulator, readersOf, request } = await site(t)
  const stranger = clientOf(t, simulator, { thumbprintSha256: '00'.repeat(32) })
  await refused(t, 'VSPHERE_CERTIFICATE_MISMATCH', readersOf(stranger).open(request, signal))
  t.same(simulator.calls, [])
})
