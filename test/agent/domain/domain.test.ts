import fc from 'fast-check'
import t from 'tap'
import { hardwareDifferences } from '../../../agent/domain/hardware.js'
import { hardware } from '../../fake/hardware.js'
import { describeChange, diskSetChanges, unprovenDisks } from '../../../agent/domain/disk-set.js'
import {
  coalesce,
  endOf,
  portions,
  subtract,
  totalLength,
  type Extent,
} from '../../../agent/domain/extent.js'
import { diskStart } from '../../../agent/domain/disk-start.js'
import { changeId, diskKey, serialOfVolume, volumeId } from '../../../agent/domain/ids.js'
import { jobState, newestPass, type PassStanding } from '../../../agent/domain/job-state.js'
import { passProgress } from '../../../agent/domain/progress.js'

const grain = 65536n

void t.test(
  'coalesce covers exactly the touched grains, sorted, disjoint and inside the disk, beyond 2^53',
  async () => {
    const size = (1n << 60n) + 12345n
    const extent = fc.record({
      offset: fc.oneof(fc.bigInt(0n, 40n * grain), fc.bigInt(size - 40n * grain, size - 1n)),
      length: fc.bigInt(0n, 5n * grain),
    })
    fc.assert(
      fc.property(fc.array(extent, { maxLength: 12 }), extents => {
        const result = coalesce(extents, grain, size)
        const touched = new Set<bigint>()
        for (const { offset, length } of extents) {
          const end = offset + length < size ? offset + length : size
          for (let at = offset / grain; length > 0n && at * grain < end; at += 1n) touched.add(at)
        }
        const covered = result.flatMap(({ offset, length }) => {
          const grains: bigint[] = []
          for (let at = offset / grain; at * grain < offset + length; at += 1n) grains.push(at)
          return grains
        })
        const ordered = result.every((one, index) => index === 0 || endOf(result[index - 1]!) < one.offset)
        const inside = result.every(one => one.offset % grain === 0n && endOf(one) <= size)
        return ordered && inside && covered.length === touched.size && covered.every(at => touched.has(at))
      }),
    )
  },
)

void t.test(
  'progress counts bytes that have to move, and promises no end while a plan is unknown',
  async t => {
    const disk = { syncType: 'full', plannedBytes: 100n, readBytes: 40n, rateBytesPerSec: 10n } as const
    const other = { syncType: 'incremental', plannedBytes: 20n, readBytes: 20n, rateBytesPerSec: 0n } as const
    t.same(passProgress([disk, other]), {
      syncType: 'mixed',
      plannedBytes: 120n,
      movedBytes: 60n,
      rateBytesPerSec: 10n,
      etaSeconds: 6,
    })
    const unknown = { syncType: undefined, plannedBytes: undefined, readBytes: 0n, rateBytesPerSec: 0n }
    t.match(passProgress([disk, unknown]), {
      syncType: undefined,
      plannedBytes: undefined,
      etaSeconds: undefined,
    })
    t.match(passProgress([{ ...disk, rateBytesPerSec: 0n }]), { etaSeconds: undefined })
    t.match(passProgress([]), { plannedBytes: undefined, syncType: undefined })
    t.equal(
      totalLength([
        { offset: 0n, length: 2n ** 53n },
        { offset: 2n ** 54n, length: 1n },
      ]),
      2n ** 53n + 1n,
    )
  },
)

void t.test('every difference between the disks of job and VM is named', async t => {
  const disk = (key: string, backingUuid: string, capacityBytes: bigint) => ({
    diskKey: diskKey(key),
    backingUuid,
    baseFile: '',
    capacityBytes,
  })
  const job = [disk('2000', 'a', 10n), disk('2001', 'b', 10n), disk('2002', 'c', 10n), disk('2003', 'd', 10n)]
  const vm = [disk('2000', 'a', 10n), disk('2001', 'x', 10n), disk('2002', 'c', 20n), disk('2004', 'e', 10n)]
  t.same(diskSetChanges(job, job), [])
  const changes = diskSetChanges(job, vm)
  t.same(
    changes.map(change => `${change.kind} ${change.diskKey}`),
    ['replaced 2001', 'resized 2002', 'removed 2003', 'added 2004'],
  )
  t.ok(changes.every(change => describeChange(change).includes(change.diskKey)))
})

void t.test('a disk without a backing UUID is the same only while its file is', async t => {
  const disk = (backingUuid: string, baseFile: string) => [
    { diskKey: diskKey('2000'), backingUuid, baseFile, capacityBytes: 1n },
  ]
  const verdict = (was: ReturnType<typeof disk>, is: ReturnType<typeof disk>) => [
    diskSetChanges(was, is).map(change => change.kind),
    [...unprovenDisks(was, is).keys()],
  ]
  t.same(verdict(disk('', 'a'), disk('', 'a')), [[], []])
  t.same(verdict(disk('', 'a'), disk('u', 'a')), [[], []], 'a server that gives one by now')
  t.same(verdict(disk('', 'a'), disk('', 'b')), [[], ['2000']])
  t.same(verdict(disk('u', 'a'), disk('', 'b')), [[], ['2000']])
  t.same(verdict(disk('', ''), disk('', '')), [[], ['2000']], 'nothing at all proves nothing')
  t.same(verdict(disk('u', 'a'), disk('u', 'b')), [[], []], 'a disk that was moved')
  t.same(verdict(disk('u', 'a'), disk('v', 'a')), [['replaced'], []])
})

void t.test('of two versions of hardware only what differs is told', async t => {
  const nic = hardware.nics[0]!
  const after = {
    ...hardware,
    memoryMib: 4096,
    tools: { state: 'not-running' as const, version: null },
    nics: [
      { ...nic, key: '4001', label: 'Network adapter 2' },
      { ...nic, network: 'dmz' },
    ],
  }
  t.same(hardwareDifferences(hardware, { ...hardware, nics: [...hardware.nics] }), [])
  t.same(
    hardwareDifferences(hardware, after).map(one => `${one.field}: ${one.from} ${one.to}`),
    [
      'memoryMib: 2048 4096',
      'nics[4000].network: lan dmz',
      'nics[4001].key: null 4001',
      'nics[4001].label: null Network adapter 2',
      'nics[4001].macAddress: null 00:50:56:00:00:01',
      'nics[4001].network: null lan',
      'nics[4001].type: null VirtualVmxnet3',
      'tools.state: running not-running',
      'tools.version: 12352 null',
    ],
  )
})

void t.test('a volume has the serial that CloudStack on KVM gives its disk', async t => {
  t.equal(serialOfVolume(volumeId('D3ADBEEF-0123-4567-89ab-cdef01234567')), 'd3adbeef0123456789ab')
})

void t.test('a job is protected from the commit of its newest pass on', async t => {
  const free = { isPaused: false, isStopped: false }
  const of = (
    pass: readonly [PassStanding['state'], PassStanding['sagaState'], boolean?] | undefined,
    held = free,
    point: Parameters<typeof jobState>[1] = 'at-point',
  ) =>
    jobState(
      newestPass(
        pass === undefined ? undefined : { state: pass[0], sagaState: pass[1], isHeld: pass[2] ?? false },
      ),
      point,
      held,
    )
  const paused = { isPaused: true, isStopped: false }
  const stopped = { isPaused: false, isStopped: true }
  const both = { isPaused: true, isStopped: true }
  t.equal(of(undefined, free, 'none'), 'new')
  t.equal(of(['copying', 'running']), 'replicating')
  t.equal(of(['copying', 'unwinding']), 'cleaning-up')
  t.equal(of(['failed', 'done']), 'failed')
  t.equal(of(['verified', 'running']), 'replicating')
  t.equal(of(['committed', 'running'], free, 'finishing'), 'protected', 'applying takes nothing away')
  t.equal(of(['applied', 'running']), 'protected')
  t.equal(of(['applied', 'done'], free, 'no-point'), 'unprotected', 'what was staged got lost')
  t.equal(of(['committed', 'needs-operator']), 'needs-operator')
  t.equal(of(['committed', 'done']), 'protected')
  t.equal(of(['copying', 'running'], paused), 'pausing', 'until the VMA has said so')
  t.equal(of(['copying', 'running', true], paused), 'paused')
  t.equal(of(['copying', 'running', true], both), 'paused')
  t.equal(of(['copying', 'running', true], free), 'replicating', 'a held pass goes on in a moment')
  t.equal(of(['copying', 'running'], stopped), 'stopping')
  t.equal(of(['committed', 'running'], paused), 'paused', 'nothing of it moves any more')
  t.equal(of(['committed', 'done'], stopped), 'stopped')
  t.equal(of(['failed', 'done'], stopped), 'stopped')
  t.equal(of(['failed', 'done'], paused), 'failed')
  t.equal(of(['committed', 'done'], paused), 'paused')
  t.equal(of(undefined, paused, 'none'), 'paused')
})

void t.test(
  'a disk that is on its volume is compared where its changes cannot be told, never copied',
  async t => {
    const volume = volumeId('v')
    const disk = {
      capacityBytes: 10n,
      volumeId: volume,
      held: { volumeId: volume, bytes: 10n },
      changeId: changeId('52/1'),
      fullReason: null,
    }
    t.same(diskStart(disk, null), { kind: 'changes', since: '52/1' })
    t.same(diskStart(disk, 'off'), { kind: 'compare', why: 'off', heldBytes: 10n })
    t.same(diskStart({ ...disk, changeId: null, fullReason: 'doubt' }, null), {
      kind: 'compare',
      why: 'doubt',
      heldBytes: 10n,
    })
    t.match(diskStart({ ...disk, changeId: null }, null), { kind: 'compare', why: /no change ID/ })
    t.match(diskStart({ ...disk, capacityBytes: 12n }, null), {
      kind: 'compare',
      why: /from 10/,
      heldBytes: 10n,
    })
    t.same(diskStart({ ...disk, held: null }, null), { kind: 'full', why: null })
    t.same(diskStart({ ...disk, held: null }, 'off'), { kind: 'full', why: 'off' })
    t.same(
      diskStart({ ...disk, volumeId: volumeId('w') }, null),
      { kind: 'full', why: null },
      'another volume',
    )
  },
)

/** Sorted, disjoint, some of them where a double cannot tell neighbours apart. */
const scattered = fc
  .record({
    base: fc.constantFrom(0n, 1n << 55n),
    steps: fc.array(fc.tuple(fc.bigInt(0n, 4n), fc.bigInt(1n, 6n)), { maxLength: 12 }),
  })
  .map(({ base, steps }) => {
    let at = base
    const extents: Extent[] = []
    for (const [gap, length] of steps) {
      extents.push({ offset: at + gap, length })
      at += gap + length
    }
    return { base, extents }
  })
const bytesOf = (extents: readonly Extent[]): readonly bigint[] =>
  extents.flatMap(({ offset, length }) =>
    Array.from({ length: Number(length) }, (_, at) => offset + BigInt(at)),
  )

void t.test('what is left without some extents is every other byte, beyond 2^53', async t => {
  fc.assert(
    fc.property(scattered, fc.bigInt(0n, 9n), fc.bigInt(0n, 60n), ({ base, extents }, skip, length) => {
      const whole = { offset: base + skip, length }
      const gone = new Set(bytesOf(extents))
      const left = subtract(whole, extents)
      const wanted = bytesOf([whole]).filter(byte => !gone.has(byte))
      const found = bytesOf(left)
      return found.length === wanted.length && found.every((byte, index) => byte === wanted[index])
    }),
  )
  t.pass()
})

void t.test('portions are the same bytes in the same order, none larger than asked', async t => {
  fc.assert(
    fc.property(scattered, fc.bigInt(1n, 20n), ({ extents }, bytes) => {
      const all = [...portions(extents, bytes)]
      const found = bytesOf(all.flat())
      const wanted = bytesOf(extents)
      const full = all.every((portion, index) => {
        const size = totalLength(portion)
        return size > 0n && (index === all.length - 1 ? size <= bytes : size === bytes)
      })
      return full && found.length === wanted.length && found.every((byte, index) => byte === wanted[index])
    }),
  )
  t.pass()
})
