import { randomBytes } from 'node:crypto'
import t from 'tap'
import { sourceVmId } from '../../../agent/domain/ids.js'
import { callsOf, refused, signal, startSite } from './fixture.js'

const MIB = 1024n * 1024n

void t.test('a single ESXi host answers as vCenter does, under ids of its own', async t => {
  const { simulator, client } = await startSite(t, {
    apiType: 'HostAgent',
    vms: [
      { name: 'web', changeTracking: true, disks: [{ sizeBytes: 4n * MIB }] },
      { name: 'db', power: 'off', disks: [{ sizeBytes: MIB }] },
    ],
  })
  const [web, db] = simulator.vms
  const id = sourceVmId(web!.identity.instanceUuid)
  await client.checkConnection(signal)
  const listed = []
  for await (const page of client.listVms(signal)) listed.push(...page)
  t.match(
    listed.map(({ name, folder, host, power }) => ({ name, folder, host, power })),
    [
      { name: 'web', folder: 'ha-datacenter', host: 'esx1.lab.example', power: 'on' },
      { name: 'db', folder: 'ha-datacenter', host: 'esx1.lab.example', power: 'off' },
    ],
  )
  const vm = await client.describeVm(id, signal)
  t.match(vm, { moref: web!.ref.id, host: 'ha-host', changeTracking: 'on' })
  t.match(await client.preflightFacts(id, signal), {
    datastores: { kind: 'known', value: [{ name: 'datastore1' }] },
    missingPrivileges: { kind: 'known', value: [] },
    vsphereVersion: { kind: 'known', value: '8.0.1.0' },
  })
  t.match(await client.freeSpace(id, signal), [{ name: 'datastore1' }])

  const request = { moref: vm.moref, name: 'ossea-pass-1', description: '', quiesce: true }
  const first = await client.createSnapshot(request, signal)
  t.equal(first.consistency, 'quiesced')
  t.match(await client.readHardware(vm.moref, first.snapshotMoref, signal), { cpuCount: 2 })
  await client.removeSnapshot({ moref: vm.moref, name: request.name }, signal)
  await simulator.guestWrite(web!, 2000, 2n * MIB, randomBytes(1000))
  const second = await client.createSnapshot({ ...request, name: 'ossea-pass-2' }, signal)
  const { key, changeId, capacityBytes } = first.disks[0]!
  const at = { moref: vm.moref, snapshotMoref: second.snapshotMoref, deviceKey: key, capacityBytes }
  t.same(await client.changedAreas({ ...at, changeId: changeId! }, signal), [
    { offset: 2n * MIB, length: 65536n },
  ])
  await client.removeSnapshot({ moref: vm.moref, name: 'ossea-pass-2' }, signal)
  t.equal(callsOf(simulator, 'WaitForUpdatesEx') > 0, true, 'tasks are told of by updates')

  const bytes = randomBytes(4096)
  await simulator.guestWrite(db!, 2000, 0n, bytes)
  const file = await client.datastoreFile(db!.ref.id, '[datastore1] db/db-flat.vmdk', signal)
  t.equal(file.sizeBytes, MIB)
  const parts: Uint8Array[] = []
  for await (const part of file.read(0n, 4096n, signal)) parts.push(part)
  t.same(Buffer.concat(parts), bytes)
  await refused(
    t,
    'SOURCE_VM_UNKNOWN',
    client.describeVm(sourceVmId('42000001-0000-4000-8000-000000000000'), signal),
  )
})
