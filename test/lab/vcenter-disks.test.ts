import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { type SimulatorOptions, type VmSpec } from '../../lab/vcenter/options.js'
import { VcenterSimulator } from '../../lab/vcenter/simulator.js'
import { type Snapshot } from '../../lab/vcenter/vm.js'
import {
  blocksOf,
  changed,
  changeId,
  query,
  readFrozen,
  remove,
  snapshot,
  vmThis,
} from './vcenter-disk-fixture.js'
import { faultOf, RawClient } from './vcenter-soap.js'

const run = promisify(execFile)
const KIB64 = 65_536n
const MIB = 1024n * 1024n

const twoDisks: VmSpec = {
  name: 'db',
  changeTracking: true,
  disks: [
    { sizeBytes: 8n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: MIB }] },
    // Not a multiple of 64 KiB: the last block is short.
    {
      sizeBytes: 33n * MIB + 1536n,
      content: [{ kind: 'zeros', offsetBytes: 16n * MIB, lengthBytes: 2n * KIB64 }],
    },
  ],
}

async function start(t: Test, options: Partial<SimulatorOptions> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'ossea-vcenter-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const archiveDir = join(directory, 'archive')
  const simulator = await VcenterSimulator.start({
    directory,
    archiveDir,
    taskDelayMs: 1,
    vms: [twoDisks],
    ...options,
  })
  t.teardown(() => simulator.close())
  const client = new RawClient(simulator)
  await client.login()
  const vm = simulator.vms[0]
  if (vm === undefined) throw new Error('no VM')
  return { directory, archiveDir, simulator, client, vm }
}

void t.test('a snapshot stays what it was while the guest goes on writing', async t => {
  const { archiveDir, simulator, client, vm } = await start(t, {
    writer: { bytesPerSec: 40_000_000, intervalMs: 10 },
  })
  const kept: Snapshot[] = []
  for (const name of ['one', 'two', 'three']) {
    kept.push(await snapshot(client, vm, name))
    const before = await changed(client, vm, kept[0] ?? null, 2000, '*')
    // The writer must really be at work, or the test proves nothing.
    const top = vm.disk(2000)?.top
    while (top !== undefined && [...top.store.blocks.runs()].length === 0) await new Promise(setImmediate)
    t.ok(before.areas.length > 0)
  }
  for (const one of kept)
    for (const key of [2000, 2001])
      t.ok(
        (await readFrozen(vm, one, key)).equals(await readFile(join(archiveDir, one.name, `${key}.img`))),
        `${one.name} ${key}`,
      )
  const [first, second, third] = kept
  if (first === undefined || second === undefined || third === undefined) throw new Error('no snapshots')

  await remove(client, second)
  t.ok(
    (await readFrozen(vm, third, 2000)).equals(await readFile(join(archiveDir, 'three', '2000.img'))),
    'the one in the middle went',
  )
  t.ok((await readFrozen(vm, first, 2001)).equals(await readFile(join(archiveDir, 'one', '2001.img'))))
  await remove(client, first)
  t.ok(
    (await readFrozen(vm, third, 2001)).equals(await readFile(join(archiveDir, 'three', '2001.img'))),
    'the oldest went',
  )
  await remove(client, third)
  await simulator.pauseWriter()
  const last = await snapshot(client, vm, 'last')
  for (const key of [2000, 2001])
    t.ok(
      (await readFrozen(vm, last, key)).equals(await readFile(join(archiveDir, 'last', `${key}.img`))),
      'after all were folded',
    )
})

void t.test('changed areas are exactly the blocks written between two snapshots', async t => {
  const { simulator, client, vm } = await start(t, { maxAreasPerAnswer: 7, maxAreaBytes: 2n * KIB64 })
  const epochs: { snapshot: Snapshot; ids: Map<number, string> }[] = []
  const written: Map<number, { start: bigint; length: bigint }[]>[] = []
  for (let round = 0; round < 4; round++) {
    const one = await snapshot(client, vm, `round-${round}`)
    const ids = new Map<number, string>()
    for (const key of [2000, 2001]) ids.set(key, await changeId(client, one, key))
    epochs.push({ snapshot: one, ids })
    const inRound = new Map<number, { start: bigint; length: bigint }[]>()
    for (const key of [2000, 2001]) {
      const ranges = await simulator.guestWrites(vm, { diskKey: key, blocks: 12, pattern: 'mixed' })
      inRound.set(
        key,
        ranges.map(range => ({ start: range.offsetBytes, length: range.lengthBytes })),
      )
    }
    // The very last, short block of the second disk.
    await simulator.guestWrite(vm, 2001, 33n * MIB + 1024n, randomBytes(512))
    inRound.get(2001)?.push({ start: 33n * MIB + 1024n, length: 512n })
    written.push(inRound)
  }
  t.match(epochs[0]?.ids.get(2000), /^[0-9a-f]{2}( [0-9a-f]{2}){7}-[0-9a-f]{2}( [0-9a-f]{2}){7}\/\d+$/)
  let pagesSeen = 0
  for (let from = 0; from < 4; from++)
    for (let to = from; to < 4; to++)
      for (const key of [2000, 2001]) {
        const at = epochs[to]?.snapshot ?? null
        const { areas, pages } = await changed(client, vm, at, key, epochs[from]?.ids.get(key) ?? '')
        pagesSeen = Math.max(pagesSeen, pages)
        const expected = written.slice(from, to).flatMap(round => round.get(key) ?? [])
        t.strictSame(blocksOf(areas), blocksOf(expected), `disk ${key} from ${from} to ${to}`)
        t.ok(areas.every(area => area.length <= 2n * KIB64))
        const end = areas.at(-1)
        t.ok(
          end === undefined || end.start + end.length <= (vm.disk(key)?.capacityBytes ?? 0n),
          'clipped to the disk',
        )
      }
  t.ok(pagesSeen > 1, 'some answers came in pages')
  const everything = await changed(client, vm, epochs[0]?.snapshot ?? null, 2001, '*')
  t.strictSame(blocksOf(everything.areas), [256n, 257n], 'star: what is allocated, written zeroes among it')

  for (const { snapshot: one } of epochs) await remove(client, one)
  const later = await snapshot(client, vm, 'later')
  const { areas } = await changed(client, vm, later, 2000, epochs[0]?.ids.get(2000) ?? '')
  const expected = written.flatMap(round => round.get(2000) ?? [])
  t.strictSame(
    blocksOf(areas),
    blocksOf(expected),
    'change IDs outlive their snapshots, and folding is no change',
  )
})

void t.test('change IDs that are of no use', async t => {
  const { simulator, client, vm } = await start(t)
  const one = await snapshot(client, vm, 'one')
  const id = await changeId(client, one, 2000)
  const ask = async (at: Snapshot | null, key: number, offset: bigint, since: string) =>
    faultOf(await client.call('QueryChangedDiskAreas', query(at, key, offset, since)))
  t.equal(await ask(one, 2000, 0n, 'nonsense'), 'InvalidArgument')
  t.equal(await ask(one, 4000, 0n, id), 'InvalidArgument', 'not a disk')
  t.equal(await ask(one, 2000, 8n * MIB, id), 'InvalidArgument', 'at the capacity')
  t.equal(await ask(one, 2000, 0n, id.replace(/\/\d+$/, '/77')), 'FileFault', 'of the future')
  t.equal(await ask(one, 2001, 0n, id), 'FileFault', 'of another disk')
  t.equal(await ask(null, 2000, 0n, id), 'FileFault', 'a running VM without a snapshot')
  await client.task('PowerOffVM_Task', vmThis)
  t.equal(await ask(null, 2000, 0n, id), undefined, 'a powered-off VM needs none')
  await simulator.resetChangeTracking(vm)
  const two = await snapshot(client, vm, 'two')
  t.equal(await ask(two, 2000, 0n, id), 'FileFault', 'of another epoch')
})

void t.test('tracking that is switched on begins at the next stun', async t => {
  const { client, vm } = await start(t, { vms: [{ ...twoDisks, changeTracking: false }] })
  const before = await snapshot(client, vm, 'before')
  t.equal(await changeId(client, before, 2000), '')
  t.equal(faultOf(await client.call('QueryChangedDiskAreas', query(before, 2000, 0n, '*'))), 'FileFault')
  await client.task(
    'ReconfigVM_Task',
    `${vmThis}<spec><changeTrackingEnabled>true</changeTrackingEnabled></spec>`,
  )
  t.equal(await client.property('VirtualMachine', 'vm-101', 'config.changeTrackingEnabled'), 'true')
  t.equal(vm.disk(2000)?.tracked, false, 'not yet')
  const after = await snapshot(client, vm, 'after')
  t.match(await changeId(client, after, 2000), /\/\d+$/)
})

void t.test('files, names and consolidation', async t => {
  const { directory, client, simulator, vm } = await start(t)
  const fileName = (type: string, id: string): Promise<string> =>
    client.property(type, id, 'config.hardware.device[2000].backing.fileName')
  const one = await snapshot(client, vm, 'one')
  await simulator.guestWrites(vm, { diskKey: 2000, blocks: 5 })
  t.equal(await fileName('VirtualMachineSnapshot', one.ref.id), '[datastore1] db/db.vmdk')
  t.equal(await fileName('VirtualMachine', 'vm-101'), '[datastore1] db/db-000001.vmdk')
  const two = await snapshot(client, vm, 'two')
  t.equal(await fileName('VirtualMachineSnapshot', two.ref.id), '[datastore1] db/db-000001.vmdk')
  t.equal(await fileName('VirtualMachine', 'vm-101'), '[datastore1] db/db-000002.vmdk')
  t.match(
    await client.property('VirtualMachine', 'vm-101', 'snapshot'),
    `<currentSnapshot type="VirtualMachineSnapshot">${two.ref.id}<`,
  )
  await remove(client, one, false)
  t.equal(await client.property('VirtualMachine', 'vm-101', 'runtime.consolidationNeeded'), 'true')
  await remove(client, two, false)
  t.equal(await fileName('VirtualMachine', 'vm-101'), '[datastore1] db/db-000002.vmdk')
  t.equal((await client.task('ConsolidateVMDisks_Task', vmThis)).state, 'success')
  t.equal(await client.property('VirtualMachine', 'vm-101', 'runtime.consolidationNeeded'), 'false')
  t.equal(await fileName('VirtualMachine', 'vm-101'), '[datastore1] db/db.vmdk')
  t.strictSame(
    (await readdir(join(directory, 'datastore', 'db'))).filter(name => name.includes('-0000')),
    [],
  )
})

void t.test('a revert brings the old content back and voids change IDs', async t => {
  const { archiveDir, simulator, client, vm } = await start(t)
  const one = await snapshot(client, vm, 'one')
  const id = await changeId(client, one, 2000)
  await simulator.guestWrites(vm, { diskKey: 2000, blocks: 9 })
  const end = await client.task(
    'RevertToSnapshot_Task',
    `<_this type="VirtualMachineSnapshot">${one.ref.id}</_this>`,
  )
  t.equal(end.state, 'success')
  const again = await snapshot(client, vm, 'again')
  await run('/usr/bin/cmp', [join(archiveDir, 'one', '2000.img'), join(archiveDir, 'again', '2000.img')])
  t.ok((await readFrozen(vm, again, 2000)).equals(await readFile(join(archiveDir, 'one', '2000.img'))))
  t.equal(faultOf(await client.call('QueryChangedDiskAreas', query(again, 2000, 0n, id))), 'FileFault')
})

void t.test('independent disks take no part in snapshots', async t => {
  const vms: VmSpec[] = [
    {
      name: 'db',
      changeTracking: true,
      disks: [{ sizeBytes: MIB }, { sizeBytes: MIB, diskMode: 'independent_persistent' }],
    },
  ]
  const { archiveDir, client, vm } = await start(t, { vms })
  const one = await snapshot(client, vm, 'one')
  t.equal(await changeId(client, one, 2001), '')
  t.equal(one.disks.has(2001), false)
  t.equal(existsSync(join(archiveDir, 'one', '2001.img')), false)
})

void t.test('power', async t => {
  const { client, vm } = await start(t)
  t.equal((await client.task('PowerOffVM_Task', vmThis)).state, 'success')
  const again = await client.task('PowerOffVM_Task', vmThis)
  t.match(
    again.info,
    '<error><fault xsi:type="InvalidPowerState"><requestedState>poweredOff</requestedState>',
  )
  t.equal(faultOf(await client.call('ShutdownGuest', vmThis)), 'InvalidPowerState')
  t.equal((await client.task('PowerOnVM_Task', vmThis)).state, 'success')
  t.equal((await client.call('ShutdownGuest', vmThis)).status, 200)
  while (vm.powerState !== 'poweredOff') await new Promise(setImmediate)
  t.equal(
    await client.property('VirtualMachine', 'vm-101', 'guest.toolsRunningStatus'),
    'guestToolsNotRunning',
  )
})
