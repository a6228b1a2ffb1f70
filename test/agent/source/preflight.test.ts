import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { diskKey } from '../../../agent/domain/ids.js'
import { chosenReaders } from '../../../agent/source/chosen-readers.js'
import { type DiskReaders } from '../../../agent/source/deps.js'
import { usualLimits } from '../../../agent/domain/load-limits.js'
import { preflightVm } from '../../../agent/source/tasks/vm-tasks.js'
import { vddkLibrary } from '../../../agent/source/vddk-library.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { callsOf, refused, signal, startSite } from '../vsphere/fixture.js'

const MIB = 1024n * 1024n
const plugin = join(import.meta.dirname, '../../../lab/vddk/build/nbdkit-vddk-plugin.so')

async function site(t: Test, more: object = {}) {
  const started = await startSite(t, { vms: [{ name: 'web', disks: [{ sizeBytes: MIB }], ...more }] })
  const vm = started.simulator.vms[0]!
  const vddk = vddkLibrary({
    nbdkitPath: '/usr/bin/nbdkit',
    plugin,
    libraryDir: started.simulator.vddkLibraryDir,
  })
  const check = async () => {
    const deps = { vsphere: started.client, vddk, limits: { current: usualLimits } }
    const { findings } = await preflightVm(deps, { sourceVmId: vm.identity.instanceUuid }, signal)
    return findings.map(found => `${found.severity} ${found.code}: ${found.what}`)
  }
  return { ...started, vm, check }
}

void t.test('a VM against which nothing speaks', async t => {
  const { simulator, check } = await site(t, { changeTracking: true })
  t.same(await check(), [], 'the library was asked for its version, vCenter for every privilege')
  t.equal(callsOf(simulator, 'HasPrivilegeOnEntities'), 2)
})

void t.test('what vCenter tells becomes a finding', async t => {
  const { simulator, client, vm, check } = await site(t, {
    toolsRunning: false,
    encrypted: true,
    disks: [
      { sizeBytes: MIB },
      { sizeBytes: MIB, diskMode: 'independent_persistent' },
      { sizeBytes: MIB, sharing: 'sharingMultiWriter' },
    ],
  })
  simulator.faults.add({ kind: 'lack-privilege', privilege: 'VirtualMachine.State.RemoveSnapshot' })
  simulator.faults.add({ kind: 'lack-privilege', privilege: 'Datastore.Browse' })
  simulator.admin.setFreeSpace(100n * MIB)
  const customer = { moref: vm.ref.id, name: 'by a customer', description: '', quiesce: false }
  await client.createSnapshot(customer, signal)
  await client.createSnapshot(
    { ...customer, name: 'ossea-pass-42000001-0000-4000-8000-000000000000' },
    signal,
  )
  vm.consolidationNeeded = true
  const found = await check()
  for (const wanted of [
    /^blocker disk-independent: Hard disk 2/,
    /^blocker disk-multi-writer: Hard disk 3/,
    /^blocker privilege-missing: .*VirtualMachine.State.RemoveSnapshot/,
    /^blocker datastore-full: datastore datastore1 has 100 MiB free/,
    /^warning privilege-missing: .*Datastore.Browse/,
    /^warning cbt-off: .*cannot be switched on above a snapshot/,
    /^warning consolidation-needed/,
    /^warning vm-encrypted/,
    /^warning disk-encrypted: Hard disk 1/,
    /^warning tools-not-running/,
    /^info snapshots-present: 1 snapshots of others, 1 levels deep/,
  ])
    t.ok(
      found.some(line => wanted.test(line)),
      String(wanted),
    )
})

void t.test('what vCenter does not tell is not good, and a vCenter that is away is no finding', async t => {
  const { simulator, check } = await site(t, { changeTracking: true })
  simulator.faults.add({ kind: 'fail-method', method: 'HasPrivilegeOnEntities', fault: 'NotSupported' })
  simulator.faults.add({ kind: 'hide-property', path: 'snapshot' })
  simulator.faults.add({ kind: 'hide-property', path: 'summary' })
  const found = await check()
  t.equal(found.length, 3)
  t.ok(found.every(line => line.startsWith('warning not-checked')))
  simulator.faults.clear()
  simulator.faults.add({ kind: 'cut-connection', method: 'HasPrivilegeOnEntities', after: false })
  await refused(t, 'VSPHERE_UNREACHABLE', check())
})

void t.test('a library that is not there is not checked, not fine', async t => {
  const vddk = vddkLibrary({ nbdkitPath: '/usr/bin/nbdkit', plugin, libraryDir: '/nonexistent' })
  t.match(await vddk.major(), { kind: 'unknown', why: /asking the plugin/ })
  const none = vddkLibrary({
    nbdkitPath: '/usr/bin/nbdkit',
    plugin: '/nonexistent.so',
    libraryDir: '/nonexistent',
  })
  t.match(await none.major(), { kind: 'unknown' })
})

void t.test('whether there is a library is looked at each time', async t => {
  const libraryDir = await temporaryDir(t)
  const vddk = vddkLibrary({ nbdkitPath: '/usr/bin/nbdkit', plugin, libraryDir })
  const reader = (name: string): DiskReaders => ({
    open: async () => ({ socketPath: name, complaint: () => '', close: async () => undefined }),
  })
  const readers = chosenReaders(vddk, reader('vddk'), reader('folder'))
  const request = { vmMoref: 'vm-1', snapshotMoref: null, host: null, diskKey: diskKey('2000'), fileName: '' }
  const chosen = async () => (await readers.open(request, signal)).socketPath
  t.same([await vddk.isPresent(), await chosen()], [false, 'folder'])
  await mkdir(join(libraryDir, 'lib64'))
  await writeFile(join(libraryDir, 'lib64/libvixMntapi.so.8'), '')
  t.equal(await vddk.isPresent(), false)
  await writeFile(join(libraryDir, 'lib64/libvixDiskLib.so.9.0.1'), '')
  t.same([await vddk.isPresent(), await chosen()], [true, 'vddk'])
  const none = vddkLibrary(undefined)
  t.equal(await none.isPresent(), false)
  t.match(await none.major(), { kind: 'unknown', why: /no VDDK/ })
  const { client, simulator } = await site(t, { changeTracking: true })
  const deps = { vsphere: client, vddk: none, limits: { current: usualLimits } }
  const sourceVmId = simulator.vms[0]!.identity.instanceUuid
  t.match(await preflightVm(deps, { sourceVmId }, signal), {
    findings: [
      { code: 'vddk-missing', severity: 'blocker', what: /without changed-block tracking, all disks whole/ },
    ],
  })
})
