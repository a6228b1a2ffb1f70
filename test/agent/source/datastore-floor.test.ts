import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { DatastoreFloor } from '../../../agent/source/datastore-floor.js'
import { createSnapshot } from '../../../agent/source/tasks/freeze.js'
import { sourceVmId } from '../../../agent/domain/ids.js'
import { silent } from '../../lib/saga-harness.js'
import { callsOf, recorder, refused, signal, startSite } from '../vsphere/fixture.js'

const MIB = 1024n * 1024n
const vddk = { isPresent: () => Promise.resolve(true) }

async function site(t: Test) {
  const started = await startSite(t, {
    vms: [{ name: 'web', disks: [{ sizeBytes: MIB }, { sizeBytes: MIB }] }],
  })
  const vm = sourceVmId(started.simulator.vms[0]!.identity.instanceUuid)
  const { lines, logger } = recorder()
  const floor = new DatastoreFloor({
    vsphere: started.client,
    floorBytes: () => 100n * MIB,
    lookMs: 1,
    pause: async () => {
      await turn()
    },
    logger,
  })
  return { ...started, vm, floor, lines }
}

void t.test('no snapshot is taken on a datastore without room, whatever its inventory says', async t => {
  const { simulator, client, vm, floor } = await site(t)
  await floor.mustHold(vm, signal)
  simulator.admin.setFreeSpace(99n * MIB)
  const before = callsOf(simulator, 'RefreshDatastore')
  const task = { sourceVmId: vm, snapshotName: 'ossea-pass-1', quiesce: 'off' } as const
  const message = await refused(
    t,
    'SOURCE_DATASTORE_FULL',
    createSnapshot({ vsphere: client, floor, vddk }, task, signal),
  )
  t.match(message, 'datastore datastore1 has 99 MiB free; 100 MiB have to stay free')
  t.equal(callsOf(simulator, 'RefreshDatastore'), before + 1, 'asked once for the one datastore')
  t.equal(callsOf(simulator, 'CreateSnapshot_Task') + callsOf(simulator, 'CreateSnapshotEx_Task'), 0)
  t.equal(callsOf(simulator, 'ReconfigVM_Task'), 0, 'nor is anything else changed')
  simulator.admin.setFreeSpace(100n * MIB)
  await createSnapshot({ vsphere: client, floor, vddk }, task, signal)
})

const untilAborted = (stop: AbortSignal) =>
  new Promise((_resolve, reject) => {
    stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true })
  })

void t.test('work on a snapshot ends when the datastore fills, and only then', async t => {
  const { simulator, vm, floor, lines } = await site(t)
  t.equal(await floor.whileHeld(vm, signal, async () => 'done'), 'done')
  const work = floor.whileHeld(vm, signal, untilAborted)
  simulator.faults.add({
    kind: 'fail-method',
    method: 'RefreshDatastore',
    fault: 'HostConfigFault',
    times: 2,
  })
  while (!lines.some(line => line.includes('not known'))) await turn()
  simulator.admin.setFreeSpace(1n)
  await refused(t, 'SOURCE_DATASTORE_FULL', work)
  const cancel = new AbortController()
  const cancelled = floor.whileHeld(vm, cancel.signal, untilAborted)
  cancel.abort(new Error('by the operator'))
  await t.rejects(cancelled, /by the operator|MiB free/)
})

void t.test('a server that cannot look again is believed', async t => {
  const { simulator, client, vm } = await site(t)
  simulator.faults.add({ kind: 'fail-method', method: 'RefreshDatastore', fault: 'NotSupported' })
  t.match(await client.freeSpace(vm, signal), [{ name: 'datastore1' }])
  const floor = new DatastoreFloor({
    vsphere: client,
    floorBytes: () => 0n,
    lookMs: 1,
    pause: async () => undefined,
    logger: silent,
  })
  await floor.mustHold(vm, signal)
})
