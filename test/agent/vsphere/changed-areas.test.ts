import fc from 'fast-check'
import t from 'tap'
import { changeId, diskKey } from '../../../agent/domain/ids.js'
import { endOf, type Extent } from '../../../agent/domain/extent.js'
import { AreaPages, whyUnusable, type ChangedPage } from '../../../agent/vsphere/changed-areas.js'
import { blocksOf } from '../../lab/vcenter-disk-fixture.js'
import { refused, signal, startSite } from './fixture.js'

const MIB = 1024n * 1024n
/** Offsets a double cannot tell apart are in range on purpose. */
const beyondDoubles = 1n << 55n

/** A disk, its changes, and a server's cutting of them into pages. */
const answers = fc
  .record({
    base: fc.constantFrom(0n, beyondDoubles),
    steps: fc.array(fc.record({ gap: fc.bigInt(0n, 5n), length: fc.bigInt(1n, 5n), cut: fc.boolean() }), {
      maxLength: 30,
    }),
    tail: fc.bigInt(1n, 9n),
  })
  .map(({ base, steps, tail }) => {
    const pages: ChangedPage[] = []
    let areas: Extent[] = []
    let from = 0n
    let at = base
    for (const { gap, length, cut } of steps) {
      areas.push({ offset: at + gap, length })
      at += gap + length
      if (!cut) continue
      pages.push({ startOffset: from, length: at - from, areas })
      areas = []
      from = at
    }
    pages.push({ startOffset: from, length: at + tail - from, areas })
    return { capacity: at + tail, pages }
  })

const read = (capacity: bigint, pages: readonly ChangedPage[]) => {
  const all = new AreaPages(capacity)
  for (const page of pages) {
    const wrong = all.add(page)
    if (wrong !== undefined) return { all, wrong }
  }
  return { all, wrong: undefined }
}

void t.test('pages join to exactly the areas in them', async t => {
  fc.assert(
    fc.property(answers, ({ capacity, pages }) => {
      const { all, wrong } = read(capacity, pages)
      if (wrong !== undefined || all.reached !== capacity) return false
      const sum = (extents: readonly Extent[]): bigint => extents.reduce((n, one) => n + one.length, 0n)
      if (sum(all.areas) !== sum(pages.flatMap(page => page.areas))) return false
      return all.areas.every((area, index) => {
        const next = all.areas[index + 1]
        return next === undefined || endOf(area) < next.offset
      })
    }),
  )
  t.pass()
})

void t.test('any page that contradicts itself, its disk or its place is refused', async t => {
  const spoils: readonly ((page: ChangedPage, capacity: bigint) => ChangedPage)[] = [
    page => ({ ...page, length: 0n }),
    page => ({ ...page, length: -page.length }),
    page => ({ ...page, startOffset: page.startOffset + 1n }),
    page => ({ ...page, startOffset: page.startOffset - 1n }),
    // A gap nobody answered for.
    page => ({ startOffset: page.startOffset + 1n, length: page.length - 1n, areas: [] }),
    (page, capacity) => ({ ...page, length: capacity - page.startOffset + 1n }),
    page => ({
      ...page,
      areas: [...page.areas, { offset: endOf({ ...page, offset: page.startOffset }), length: 1n }],
    }),
    page => ({ ...page, areas: [{ offset: page.startOffset - 1n, length: 1n }, ...page.areas] }),
    page => ({ ...page, areas: [...page.areas, { offset: page.startOffset, length: 0n }] }),
    page => ({ ...page, areas: [{ offset: page.startOffset, length: page.length + 1n }] }),
    page => ({
      ...page,
      areas: [...page.areas, ...page.areas, { offset: page.startOffset, length: 1n }].toReversed(),
    }),
  ]
  fc.assert(
    fc.property(answers, fc.nat(), fc.nat(), ({ capacity, pages }, which, how) => {
      const index = which % pages.length
      const spoil = spoils[how % spoils.length]!
      const spoilt = pages.map((page, at) => (at === index ? spoil(page, capacity) : page))
      // One reversed area is no contradiction.
      if (how % spoils.length === spoils.length - 1 && pages[index]!.areas.length === 0) return true
      return read(capacity, spoilt).wrong !== undefined
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

void t.test('when a change ID can be used', async t => {
  t.equal(whyUnusable('52 de c0/4', '52 de c0/9'), undefined)
  t.equal(whyUnusable('52 de c0/4', '52 de c0/4'), undefined)
  t.equal(whyUnusable('*', '52 de c0/4'), undefined)
  t.match(whyUnusable('', '52 de c0/4'), /no change ID/)
  t.match(whyUnusable(' ', '52 de c0/4'), /no change ID/)
  t.match(whyUnusable('*', null), /tracking is off/)
  t.match(whyUnusable('52 de c0/4', '52 de c1/9'), /reset/)
  t.match(whyUnusable('52 de c0/10', '52 de c0/9'), /went back/)
  t.match(whyUnusable('unknown form', '52 de c0/9'), /reset/)
})

const trackedVm = {
  maxAreasPerAnswer: 2,
  vms: [{ name: 'db', changeTracking: true, disks: [{ sizeBytes: 16n * MIB + 512n }, { sizeBytes: MIB }] }],
}

async function twoSnapshots(t: Parameters<typeof startSite>[0]) {
  const { simulator, client } = await startSite(t, trackedVm)
  const vm = simulator.vm('db')
  const first = await client.createSnapshot(
    { moref: vm.ref.id, name: 'first', description: '', quiesce: false },
    signal,
  )
  const written = await simulator.guestWrites(vm, { diskKey: 2000, blocks: 20 })
  const second = await client.createSnapshot(
    { moref: vm.ref.id, name: 'second', description: '', quiesce: false },
    signal,
  )
  const disk = first.disks.find(one => one.key === diskKey('2000'))!
  const query = {
    moref: vm.ref.id,
    snapshotMoref: second.snapshotMoref,
    deviceKey: disk.key,
    changeId: disk.changeId!,
    capacityBytes: disk.capacityBytes,
  }
  return { simulator, client, vm, query, written, second }
}

void t.test('the changes between two snapshots, over many pages', async t => {
  const { client, query, written, simulator } = await twoSnapshots(t)
  const areas = await client.changedAreas(query, signal)
  t.strictSame(
    blocksOf(areas.map(area => ({ start: area.offset, length: area.length }))),
    blocksOf(written.map(range => ({ start: range.offsetBytes, length: range.lengthBytes }))),
  )
  t.ok(simulator.calls.filter(call => call.method === 'QueryChangedDiskAreas').length > 2, 'pages')
})

void t.test('answers that cannot be trusted', async t => {
  const { simulator, client, query } = await twoSnapshots(t)
  for (const how of [
    'zero-length-page',
    'overlapping',
    'unsorted',
    'beyond-capacity',
    'not-advancing',
  ] as const) {
    const stop = simulator.faults.add({ kind: 'bad-changed-areas', how, times: 1 })
    await refused(t, 'CBT_ANSWER_INVALID', client.changedAreas(query, signal))
    stop()
  }
})

void t.test('change IDs that cannot be used', async t => {
  const { simulator, client, vm, query, second } = await twoSnapshots(t)
  const asked = () => simulator.calls.filter(call => call.method === 'QueryChangedDiskAreas').length
  t.match(
    await refused(t, 'CBT_UNAVAILABLE', client.changedAreas({ ...query, changeId: changeId('') }, signal)),
    /no change ID/,
  )
  await refused(t, 'CBT_UNAVAILABLE', client.changedAreas({ ...query, capacityBytes: MIB }, signal))
  await refused(t, 'CBT_UNAVAILABLE', client.changedAreas({ ...query, deviceKey: diskKey('2009') }, signal))
  t.equal(asked(), 0, 'vCenter is not asked in vain')
  for (const fault of ['FileFault', 'InvalidArgument', 'NotFound']) {
    simulator.faults.add({
      kind: 'fail-method',
      method: 'QueryChangedDiskAreas',
      fault,
      times: 1,
      ...(fault === 'FileFault' ? { fields: { file: '/vmfs/volumes/a.vmdk' } } : {}),
    })
    t.match(await refused(t, 'CBT_UNAVAILABLE', client.changedAreas(query, signal)), fault)
  }
  await simulator.resetChangeTracking(vm)
  await client.removeSnapshot({ moref: vm.ref.id, name: 'second' }, signal)
  const third = await client.createSnapshot(
    { moref: vm.ref.id, name: 'third', description: '', quiesce: false },
    signal,
  )
  t.match(
    await refused(
      t,
      'CBT_UNAVAILABLE',
      client.changedAreas({ ...query, snapshotMoref: third.snapshotMoref }, signal),
    ),
    /reset/,
  )
  t.not(third.snapshotMoref, second.snapshotMoref)
})
