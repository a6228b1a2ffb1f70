import t, { type Test } from 'tap'
import { type TaskInput } from '../../../agent/api/worker.js'
import { unsteered } from '../../../agent/nbd/steered-copy.js'
import { copyDisks } from '../../../agent/source/tasks/copy-disks.js'
import { createSnapshot, readPoweredOff } from '../../../agent/source/tasks/freeze.js'
import { type DiskReaders } from '../../../agent/source/deps.js'
import { AppError } from '../../../agent/errors.js'
import { refused, signal, startSite } from '../vsphere/fixture.js'

const MIB = 1024n * 1024n
const vddk = { isPresent: () => Promise.resolve(true) }
const ample = { mustHold: () => Promise.resolve() }
const pace = { level: 0, bytesPerSec: null }
const snapshotName = 'ossea-pass-1'

async function site(t: Test, more: object = {}) {
  const started = await startSite(t, {
    vms: [{ name: 'web', disks: [{ sizeBytes: MIB }, { sizeBytes: MIB }], ...more }],
  })
  const vm = started.simulator.vms[0]!
  const sourceVmId = vm.identity.instanceUuid
  const freeze = (quiesce: TaskInput<'create-snapshot'>['quiesce']) =>
    createSnapshot(
      { vsphere: started.client, floor: ample, vddk },
      { sourceVmId, snapshotName, quiesce },
      signal,
    )
  return { ...started, vm, sourceVmId, freeze }
}

void t.test('a running guest is quiesced, and the hardware is that of the snapshot', async t => {
  const { vm, freeze } = await site(t)
  const frozen = await freeze('preferred')
  t.match(frozen, { consistency: 'quiesced', notes: [], fullReason: null, stateToken: null })
  t.ok(frozen.disks.every(disk => disk.changeId !== null))
  t.match(frozen.hardware, {
    cpuCount: 2,
    memoryMib: 2048,
    firmware: 'bios',
    secureBoot: false,
    guestId: 'debian12_64Guest',
    tools: { state: 'running', version: '12352' },
    controllers: [{ type: 'VirtualIDEController' }, { type: 'VirtualIDEController' }, { busNumber: 0 }],
    nics: [
      { key: '4000', type: 'VirtualVmxnet3', macAddress: vm.identity.macAddress, network: 'VM Network' },
    ],
    disks: [
      { key: '2000', unitNumber: 0, controllerKey: '1000' },
      { key: '2001', unitNumber: 1 },
    ],
  })
  const again = await freeze('required')
  t.same(
    { ...again, freezeSeconds: null },
    { ...frozen, freezeSeconds: null },
    'a second run finds the first one',
  )
})

void t.test('what a guest that cannot be quiesced makes of each policy', async t => {
  for (const fault of ['ToolsUnavailable', 'ApplicationQuiesceFault']) {
    const { simulator, vm, freeze } = await site(t)
    const fails = () =>
      simulator.faults.add({
        kind: 'fail-task',
        descriptionId: 'VirtualMachine.createSnapshot',
        fault,
        times: 1,
      })
    fails()
    await refused(t, 'SOURCE_QUIESCE_FAILED', freeze('required'))
    t.equal(vm.snapshots.length, 0)
    fails()
    const frozen = await freeze('preferred')
    t.equal(frozen.consistency, 'crash')
    t.match(frozen.notes, [new RegExp(`crash-consistent: .*${fault}`)])
  }
  const without = await site(t, { toolsRunning: false })
  await refused(t, 'SOURCE_QUIESCE_FAILED', without.freeze('required'))
  const silent = await site(t, { toolsRunning: false })
  t.match(await silent.freeze('preferred'), { consistency: 'crash', notes: [/did not quiesce/] })
  const off = await site(t, { power: 'off' })
  t.match(await off.freeze('required'), { consistency: 'powered-off', notes: [] })
  const asked = await site(t)
  t.match(await asked.freeze('off'), { consistency: 'crash', notes: [] })
  const other = await site(t)
  other.simulator.faults.add({
    kind: 'fail-task',
    descriptionId: 'VirtualMachine.createSnapshot',
    fault: 'FileLocked',
    times: 1,
  })
  await refused(t, 'VSPHERE_FAULT', other.freeze('preferred'))
})

void t.test('above a foreign snapshot the pass goes on without tracking, and says why', async t => {
  const { client, vm, freeze } = await site(t)
  await client.createSnapshot(
    { moref: vm.ref.id, name: 'by a customer', description: '', quiesce: false },
    signal,
  )
  const frozen = await freeze('off')
  t.match(frozen.fullReason, /could not be switched on: .*has snapshots/)
  t.same(
    frozen.disks.map(disk => disk.changeId),
    [null, null],
  )
  t.equal(vm.changeTrackingEnabled, false)
  await client.removeSnapshot({ moref: vm.ref.id, name: snapshotName }, signal)
  await client.removeSnapshot({ moref: vm.ref.id, name: 'by a customer' }, signal)
  t.equal((await freeze('off')).fullReason, null, 'and comes back by itself')
})

void t.test('a VM at rest is read only while it stays at rest', async t => {
  const { simulator, client, vm, sourceVmId, freeze } = await site(t, { power: 'off', changeTracking: true })
  const atRest = () => readPoweredOff({ vsphere: client, vddk }, { sourceVmId }, signal)
  const opened: (string | null)[] = []
  const readers: DiskReaders = {
    open: request => {
      opened.push(request.snapshotMoref)
      return Promise.reject(new AppError('SOURCE_READ_FAILED', 'by the test'))
    },
  }
  const copy = (stateToken: string, disks: TaskInput<'copy-disks'>['disks']) =>
    copyDisks(
      { vsphere: client, readers, disksAtOnce: 1 },
      { sourceVmId, from: { kind: 'powered-off', stateToken }, pace, disks },
      signal,
      () => undefined,
      unsteered,
    )
  const frozen = await atRest()
  t.match(frozen, { consistency: 'powered-off', stateToken: String, notes: [] })
  t.ok(frozen.stateToken)
  const token = frozen.stateToken ?? ''
  const order = {
    diskKey: '2000',
    start: { kind: 'changes', since: frozen.disks[0]?.changeId ?? '' },
    earlier: null,
    exportSocket: '',
    exportName: '',
  } as const
  await refused(t, 'SOURCE_READ_FAILED', copy(token, [order]))
  t.same(opened, [null], 'changes of a VM at rest are told without a snapshot')
  t.same(await copy(token, []), { disks: [], disturbance: null })
  await simulator.admin.setPower(vm, 'poweredOn')
  await refused(t, 'SOURCE_VM_NOT_OFF', atRest())
  await refused(t, 'SOURCE_VM_NOT_OFF', copy(token, []))
  await simulator.admin.setPower(vm, 'poweredOff')
  t.match(
    await refused(t, 'SOURCE_VM_NOT_OFF', copy(token, [])),
    /started or changed/,
    'off again is not the same',
  )
  const again = (await atRest()).stateToken ?? ''
  await freeze('off')
  await refused(t, 'SOURCE_VM_NOT_OFF', copy(again, []))
})

void t.test('without VDDK no snapshot is made, and a VM at rest is read whole', async t => {
  const { simulator, client, vm, sourceVmId } = await site(t, { changeTracking: true })
  const bare = { vsphere: client, floor: ample, vddk: { isPresent: () => Promise.resolve(false) } }
  await refused(t, 'VDDK_MISSING', createSnapshot(bare, { sourceVmId, snapshotName, quiesce: 'off' }, signal))
  t.same(vm.snapshots, [])
  await simulator.admin.setPower(vm, 'poweredOff')
  const frozen = await readPoweredOff(bare, { sourceVmId }, signal)
  t.match(frozen, { fullReason: /all of them whole/, notes: [/no VDDK library/] })
  t.ok(
    frozen.disks.every(disk => disk.changeId === null),
    'no later pass starts from here',
  )
})
