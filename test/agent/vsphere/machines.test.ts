import t from 'tap'
import { sourceVmId } from '../../../agent/domain/ids.js'
import { until } from '../../lib/until.js'
import { callsOf, refused, signal, startSite } from './fixture.js'

const MIB = 1024n * 1024n

void t.test('a VM is found by its instance UUID and described', async t => {
  const { simulator, client } = await startSite(t, {
    vms: [
      {
        name: 'db "1" <& co>',
        disks: [
          { sizeBytes: 3n * MIB + 512n },
          { sizeBytes: MIB, key: 2016, diskMode: 'independent_nonpersistent' },
        ],
      },
    ],
  })
  const vm = simulator.vms[0]!
  const described = await client.describeVm(sourceVmId(vm.identity.instanceUuid), signal)
  t.match(described, { moref: vm.ref.id, name: 'db "1" <& co>', power: 'on', changeTracking: 'off' })
  t.match(described.disks, [
    { key: '2000', label: 'Hard disk 1', capacityBytes: 3n * MIB + 512n, snapshotable: true },
    { key: '2016', capacityBytes: MIB, snapshotable: false },
  ])
  t.match(described.disks[0]?.backingUuid, /^[0-9a-fA-F-]{36}$/)
  await client.enableChangeTracking(vm.ref.id, signal)
  await client.enableChangeTracking(vm.ref.id, signal)
  t.equal(callsOf(simulator, 'ReconfigVM_Task'), 1)
  t.equal((await client.describeVm(sourceVmId(vm.identity.instanceUuid), signal)).changeTracking, 'on')
})

void t.test('a VM that cannot be told', async t => {
  const { simulator, client } = await startSite(t)
  await refused(t, 'SOURCE_VM_UNKNOWN', client.describeVm(sourceVmId('web'), signal))
  const absent = sourceVmId('00000000-0000-4000-8000-000000000000')
  await refused(t, 'SOURCE_VM_UNKNOWN', client.describeVm(absent, signal))
  const uuid = simulator.vm('vm-101').identity.instanceUuid
  const twice = await startSite(t, {
    vms: ['a', 'b'].map(name => ({ name, instanceUuid: uuid, disks: [{ sizeBytes: MIB }] })),
  })
  t.match(await refused(t, 'VSPHERE_FAULT', twice.client.describeVm(sourceVmId(uuid), signal)), /several VMs/)
})

void t.test('change tracking is not switched on above a snapshot', async t => {
  const { simulator, client } = await startSite(t)
  await client.createSnapshot(
    { moref: 'vm-101', name: 'by a customer', description: '', quiesce: false },
    signal,
  )
  t.match(await refused(t, 'CBT_UNAVAILABLE', client.enableChangeTracking('vm-101', signal)), /has snapshots/)
  t.equal(callsOf(simulator, 'ReconfigVM_Task'), 0)
})

void t.test('switching tracking on survives a lost answer', async t => {
  for (const after of [true, false]) {
    const { simulator, client } = await startSite(t)
    simulator.faults.add({ kind: 'cut-connection', method: 'ReconfigVM_Task', after, times: 1 })
    await client.enableChangeTracking('vm-101', signal)
    t.ok(simulator.vm('vm-101').changeTrackingEnabled)
  }
})

void t.test('all VMs, page by page, each once', async t => {
  const { simulator, client } = await startSite(t, { generatedVms: 450 })
  const seen = new Map<string, bigint>()
  let pages = 0
  for await (const page of client.listVms(signal)) {
    pages += 1
    for (const vm of page) {
      t.notOk(seen.has(vm.instanceUuid))
      seen.set(vm.instanceUuid, vm.capacityBytes)
      if (pages === 2 && page[0] === vm) simulator.dropSessions()
    }
  }
  t.equal(seen.size, 452, 'also when the session ends in the middle')
  t.ok(pages > 4)
  const vm = simulator.vms[10]!
  t.equal(
    seen.get(vm.identity.instanceUuid),
    vm.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0n),
  )
  await until('the view is gone', () => simulator.calls.some(call => call.method === 'DestroyView'))
})

void t.test('a list that is given up tells vCenter so', async t => {
  const { simulator, client } = await startSite(t, { generatedVms: 150 })
  for await (const page of client.listVms(signal)) {
    t.ok(page.length > 0)
    break
  }
  await until('both views are gone', () => callsOf(simulator, 'DestroyView') === 2)
  t.equal(callsOf(simulator, 'CancelRetrievePropertiesEx'), 1)
})

void t.test('a VM vCenter does not tell enough of is left out', async t => {
  const { simulator, client } = await startSite(t)
  simulator.faults.add({ kind: 'hide-property', path: 'config.instanceUuid', times: 1 })
  const all = []
  for await (const page of client.listVms(signal)) all.push(...page)
  t.equal(all.length, 1)
})

void t.test('two VMs of one name are told apart by where they are', async t => {
  const { simulator, client } = await startSite(t)
  const all = async () => {
    const vms = []
    for await (const page of client.listVms(signal)) vms.push(...page)
    return vms
  }
  const pass = 'ossea-pass-42000001-0000-4000-8000-000000000000'
  await client.createSnapshot(
    { moref: 'vm-101', name: 'ossea-pass-by-hand', description: '', quiesce: false },
    signal,
  )
  await client.createSnapshot({ moref: 'vm-101', name: pass, description: '', quiesce: false }, signal)
  t.match(await all(), [
    { name: 'web', folder: 'DC0/a', host: /^esx/, passSnapshots: [pass] },
    { name: 'web', folder: 'DC0/b', host: /^esx/, passSnapshots: [] },
  ])
  simulator.faults.add({ kind: 'hide-property', path: 'parent' })
  simulator.faults.add({ kind: 'hide-property', path: 'snapshot' })
  t.match(await all(), [
    { folder: '', passSnapshots: [] },
    { folder: '', passSnapshots: [] },
  ])
})
