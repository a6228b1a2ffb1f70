import t from 'tap'
import { until } from '../../lib/until.js'
import { callsOf, clientOf, refused, signal, startSite } from './fixture.js'

const MIB = 1024n * 1024n
const own = { moref: 'vm-101', name: 'ossea-pass-1', description: 'by the test', quiesce: false }
const tracked = {
  vms: [
    {
      name: 'db',
      changeTracking: true,
      disks: [
        { sizeBytes: MIB },
        { sizeBytes: 2n * MIB },
        { sizeBytes: MIB, diskMode: 'independent_persistent' },
      ],
    },
  ],
}

void t.test('a snapshot holds the disks it froze, with its own change IDs and files', async t => {
  const { simulator, client } = await startSite(t, tracked)
  const taken = await client.createSnapshot(own, signal)
  t.strictSame(
    taken.disks.map(disk => [disk.key, disk.capacityBytes]),
    [
      ['2000', MIB],
      ['2001', 2n * MIB],
    ],
    'the independent disk is not among them',
  )
  const vm = simulator.vm('db')
  await simulator.guestWrites(vm, { diskKey: 2000, blocks: 3 })
  const again = await client.findSnapshot(own.moref, own.name, signal)
  t.strictSame(again, taken, 'later writes change nothing of it')
  t.notMatch(taken.disks[0]?.fileName, /-000001/, 'the base is what was frozen')
  t.ok(taken.disks.every(disk => disk.changeId !== null))
  t.equal(vm.snapshots[0]?.description, own.description)
})

void t.test('a repeated creation adopts what the first one made', async t => {
  const { simulator, client } = await startSite(t)
  const first = await client.createSnapshot(own, signal)
  t.strictSame(await client.createSnapshot(own, signal), first)
  t.equal(simulator.vm('vm-101').snapshots.length, 1)
})

void t.test('an answer lost before or after the effect leaves one snapshot', async t => {
  for (const after of [true, false]) {
    const { simulator, client } = await startSite(t, { taskDelayMs: 30 })
    simulator.faults.add({ kind: 'cut-connection', method: 'CreateSnapshot_Task', after, times: 1 })
    const taken = await client.createSnapshot(own, signal)
    t.equal(simulator.vm('vm-101').snapshots.length, 1)
    t.equal(taken.snapshotMoref, simulator.vm('vm-101').snapshots[0]?.ref.id)
    t.equal(callsOf(simulator, 'CreateSnapshot_Task'), 1)
  }
})

void t.test('a creation that never gets an answer is an unknown outcome', async t => {
  const { simulator, client } = await startSite(t)
  simulator.faults.add({ kind: 'cut-connection', method: 'CreateSnapshot_Task', after: false })
  await refused(t, 'VSPHERE_UNREACHABLE', client.createSnapshot(own, signal))
})

void t.test('a creation still under way is waited for, not repeated', async t => {
  const { simulator, client } = await startSite(t)
  const release = simulator.faults.add({ kind: 'hold-task', descriptionId: 'VirtualMachine.createSnapshot' })
  const stop = new AbortController()
  const crashed = client.createSnapshot(own, stop.signal)
  await until(
    'the task runs',
    () => callsOf(simulator, 'WaitForUpdatesEx') + callsOf(simulator, 'CreateFilter') > 0,
  )
  stop.abort(new Error('crash'))
  await t.rejects(crashed, { message: 'crash' })
  const second = clientOf(t, simulator)
  const found = second.findSnapshot(own.moref, own.name, signal)
  const made = second.createSnapshot(own, signal)
  await until('both wait', () => callsOf(simulator, 'CreateFilter') >= 3)
  release()
  t.equal((await found)?.snapshotMoref, (await made).snapshotMoref)
  t.equal(simulator.vm('vm-101').snapshots.length, 1)
  t.equal(callsOf(simulator, 'CreateSnapshot_Task'), 1)
})

void t.test('another task on the VM is given way to', async t => {
  const { simulator, client } = await startSite(t)
  const release = simulator.faults.add({ kind: 'hold-task', descriptionId: 'VirtualMachine.reconfigure' })
  const other = client.enableChangeTracking('vm-101', signal)
  await until('it runs', () => callsOf(simulator, 'ReconfigVM_Task') === 1)
  const taken = clientOf(t, simulator).createSnapshot(own, signal)
  await until('it is refused', () =>
    simulator.calls.some(call => call.method === 'CreateSnapshot_Task' && call.fault === 'TaskInProgress'),
  )
  release()
  await other
  await taken
  t.equal(simulator.vm('vm-101').snapshots.length, 1)
})

void t.test('a task that fails says what vCenter said', async t => {
  const { simulator, client } = await startSite(t)
  simulator.faults.add({
    kind: 'fail-task',
    descriptionId: 'VirtualMachine.createSnapshot',
    fault: 'SnapshotFault',
    message: 'The guest said <no> & left.',
    times: 1,
  })
  const message = await refused(t, 'VSPHERE_FAULT', client.createSnapshot(own, signal))
  t.match(message, /CreateSnapshot_Task.*SnapshotFault: The guest said <no> & left\./)
  t.equal(await client.findSnapshot(own.moref, own.name, signal), undefined)
})

void t.test('the removal takes its own snapshot out of a tree and leaves the others', async t => {
  const { simulator, client } = await startSite(t)
  const vm = simulator.vm('vm-101')
  for (const name of ['by a customer', own.name, `${own.name}0`])
    await client.createSnapshot({ ...own, name }, signal)
  await client.removeSnapshot(own, signal)
  t.strictSame(
    vm.snapshots.map(one => one.name),
    ['by a customer', `${own.name}0`],
  )
  await client.removeSnapshot(own, signal)
  t.equal(callsOf(simulator, 'RemoveSnapshot_Task'), 1, 'absent is removed')
})

void t.test('a removal whose answer was lost', async t => {
  for (const after of [true, false]) {
    const { simulator, client } = await startSite(t, { taskDelayMs: 30 })
    await client.createSnapshot(own, signal)
    simulator.faults.add({ kind: 'cut-connection', method: 'RemoveSnapshot_Task', after, times: 1 })
    await client.removeSnapshot(own, signal)
    t.equal(simulator.vm('vm-101').snapshots.length, 0)
    t.equal(callsOf(simulator, 'RemoveSnapshot_Task'), 1)
  }
})

void t.test('disks that were left unconsolidated are consolidated, or it is said', async t => {
  const { simulator, client } = await startSite(t)
  await client.createSnapshot(own, signal)
  simulator.faults.add({ kind: 'skip-consolidation', times: 1 })
  await client.removeSnapshot(own, signal)
  t.notOk(simulator.vm('vm-101').consolidationNeeded)
  await client.createSnapshot(own, signal)
  simulator.faults.add({ kind: 'skip-consolidation', times: 1 })
  simulator.faults.add({
    kind: 'fail-task',
    descriptionId: 'VirtualMachine.consolidateDisks',
    fault: 'SnapshotFault',
  })
  await refused(t, 'VSPHERE_FAULT', client.removeSnapshot(own, signal))
  simulator.faults.clear()
  await client.removeSnapshot(own, signal)
  t.notOk(simulator.vm('vm-101').consolidationNeeded, 'the repeated removal finishes it')
})

void t.test('two snapshots of one name cannot be told apart', async t => {
  const { simulator, client } = await startSite(t)
  await client.createSnapshot({ ...own, name: 'other' }, signal)
  await client.createSnapshot(own, signal)
  simulator.vm('vm-101').snapshots[0]!.name = own.name
  t.match(await refused(t, 'VSPHERE_FAULT', client.findSnapshot(own.moref, own.name, signal)), /2 snapshots/)
})

void t.test('a session that ends while a task is waited for', async t => {
  const { simulator, client } = await startSite(t)
  const release = simulator.faults.add({ kind: 'hold-task', descriptionId: 'VirtualMachine.createSnapshot' })
  const taken = client.createSnapshot(own, signal)
  await until('it waits', () => callsOf(simulator, 'CreateFilter') === 1)
  simulator.dropSessions()
  release()
  t.equal((await taken).snapshotMoref, simulator.vm('vm-101').snapshots[0]?.ref.id)
})

void t.test('a server that cannot tell changes is polled', async t => {
  const { simulator, client } = await startSite(t, { taskDelayMs: 20 })
  for (const method of ['CreatePropertyCollector', 'WaitForUpdatesEx'])
    simulator.faults.add({ kind: 'fail-method', method, fault: 'NotSupported', times: 1 })
  await client.createSnapshot(own, signal)
  await client.removeSnapshot(own, signal)
  t.equal(simulator.vm('vm-101').snapshots.length, 0)
})

void t.test('nothing is left behind in the session', async t => {
  const { simulator, client } = await startSite(t, { taskDelayMs: 20 })
  await client.createSnapshot(own, signal)
  await until(
    'the collector is gone',
    () => callsOf(simulator, 'DestroyPropertyCollector') === callsOf(simulator, 'CreatePropertyCollector'),
  )
})

void t.test('a VM that is not there', async t => {
  const { client } = await startSite(t)
  const gone = { ...own, moref: 'vm-999' }
  await refused(t, 'SOURCE_VM_UNKNOWN', client.createSnapshot(gone, signal))
  await refused(t, 'SOURCE_VM_UNKNOWN', client.removeSnapshot(gone, signal))
})

void t.test('what others do to the snapshots of a VM while one of ours stands', async t => {
  const { simulator, client } = await startSite(t)
  const told = () => client.disturbance(own.moref, own.name, signal)
  await client.createSnapshot({ ...own, name: 'before' }, signal)
  await client.createSnapshot(own, signal)
  t.equal(await told(), null, 'one that was there before is none')
  await client.createSnapshot({ ...own, name: 'by a customer' }, signal)
  t.match(await told(), /by a customer became the current one/)
  await client.removeSnapshot({ ...own, name: 'by a customer' }, signal)
  t.equal(await told(), null)
  await simulator.admin.revert(simulator.vm(own.moref), 'before')
  t.match(await told(), /before became the current one/)
  await client.removeSnapshot(own, signal)
  await refused(t, 'SOURCE_SNAPSHOT_GONE', told())
})
