import fc from 'fast-check'
import t from 'tap'
import { layerId, pointId } from '../../../agent/domain/ids.js'
import {
  admit,
  chainOf,
  hoursKept,
  needlessLayers,
  outlived,
  undoOf,
  type KeptPoint,
  type PointPolicy,
} from '../../../agent/domain/points.js'

const now = new Date('2026-03-01T12:00:00Z')
const hour = 3_600_000
const point = (id: string, more: Partial<KeptPoint> = {}): KeptPoint => ({
  id: pointId(id),
  at: now,
  pinned: false,
  inUse: false,
  undoBytes: 10n,
  ...more,
})
const policy = (more: Partial<PointPolicy> = {}): PointPolicy => ({
  maxPoints: 3,
  maxAgeMs: null,
  capBytes: 100n,
  ...more,
})
const leaving = (list: readonly { readonly id: string; readonly why: string }[]): readonly string[] =>
  list.map(one => `${one.id} ${one.why}`)

void t.test('the oldest leave by count, the newest point on the volume counts', async t => {
  const four = ['a', 'b', 'c', 'd'].map(id => point(id))
  t.same(leaving(outlived(four, policy(), now, true)), ['a count', 'b count'])
  t.same(leaving(outlived(four, policy(), now, false)), ['a count'])
  const [a, ...others] = four
  const pinned = [{ ...(a ?? point('a')), pinned: true }, ...others]
  t.same(leaving(outlived(pinned, policy(), now, true)), ['b count', 'c count'])
  const read = [{ ...(a ?? point('a')), inUse: true }, ...others]
  t.same(leaving(outlived(read, policy(), now, true)), ['b count', 'c count'])
})

void t.test('age lets go what is older, never what may be the only one left', async t => {
  const old = new Date(now.getTime() - 2 * hour)
  const kept = [point('a', { at: old }), point('b', { at: old })]
  const young = policy({ maxAgeMs: hour, maxPoints: 10 })
  t.same(leaving(outlived(kept, young, now, true)), ['a age', 'b age'])
  t.same(leaving(outlived(kept, young, now, false)), ['a age'])
  t.same(outlived(kept, policy({ maxAgeMs: 2 * hour, maxPoints: 10 }), now, true), [])
})

void t.test('room is made from the oldest end, and only as much as has to be', async t => {
  const kept = [point('a', { pinned: true }), point('b'), point('c')]
  t.same(admit(kept, policy({ capBytes: 60n }), 30n, 1000n), { kind: 'fits', departures: [] })
  t.match(admit(kept, policy({ capBytes: 60n }), 31n, 1000n), { departures: [{ id: 'a', why: 'room' }] })
  t.match(admit(kept, policy(), 30n, 12n), { departures: [{ id: 'a' }, { id: 'b' }] })
  t.match(admit(kept, policy({ capBytes: 60n }), 61n, 1000n), { kind: 'no-room', why: /may hold 60 bytes/ })
  t.match(admit(kept, policy(), 31n, 0n), { kind: 'no-room', why: /room for 30 more/ })
  t.same(admit(kept, policy({ maxPoints: 1 }), 1n, 1000n), { kind: 'off' })
})

const points = fc
  .array(
    fc.record({
      undoBytes: fc.bigInt({ min: 0n, max: 1000n }),
      ageMs: fc.integer({ min: 0, max: 100 }),
      pinned: fc.boolean(),
      inUse: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map(list =>
    list.map(({ ageMs, ...rest }, index) => ({
      ...rest,
      id: pointId(`p${index}`),
      at: new Date(now.getTime() - ageMs),
    })),
  )
const policies = fc.record({
  maxPoints: fc.integer({ min: 1, max: 14 }),
  maxAgeMs: fc.option(fc.integer({ min: 0, max: 100 })),
  capBytes: fc.bigInt({ min: 0n, max: 12_000n }),
})

void t.test('whatever is admitted fits, and nothing more than needed leaves', async () => {
  const [need, free] = [fc.bigInt({ min: 0n, max: 3000n }), fc.bigInt({ min: 0n, max: 3000n })]
  fc.assert(
    fc.property(points, policies, need, free, (kept, rules, needBytes, freeBytes) => {
      const found = admit(kept, rules, needBytes, freeBytes)
      const fits = (gone: number): boolean => {
        const freed = undoOf(kept.slice(0, gone))
        return undoOf(kept) - freed + needBytes <= rules.capBytes && needBytes <= freeBytes + freed
      }
      if (rules.maxPoints === 1) return found.kind === 'off'
      if (found.kind !== 'fits') return kept.every((_, gone) => !fits(gone)) && !fits(kept.length)
      const gone = found.departures.length
      const areOldest = found.departures.every((one, index) => one.id === kept[index]?.id)
      return areOldest && fits(gone) && (gone === 0 || !fits(gone - 1))
    }),
  )
})

void t.test('a pass of the policy leaves what it must, and a second one changes nothing', async () => {
  fc.assert(
    fc.property(points, policies, fc.boolean(), (kept, rules, whole) => {
      const gone = new Set(outlived(kept, rules, now, whole).map(one => one.id))
      const left = kept.filter(one => !gone.has(one.id))
      const held = kept.filter(one => one.pinned || one.inUse).length
      const newestStays = whole || kept.length === 0 || left.at(-1)?.id === kept.at(-1)?.id
      const most = Math.max(rules.maxPoints, held + 1)
      return (
        [...gone].every(id => kept.every(one => one.id !== id || !(one.pinned || one.inUse))) &&
        newestStays &&
        left.length + (whole ? 1 : 0) <= most &&
        outlived(left, rules, now, whole).length === 0
      )
    }),
  )
})

const layer = (seq: number) => ({ id: layerId(`l${seq}`), seq })

void t.test(
  'a point is read through everything written since it was on the volume, the oldest first',
  async t => {
    const layers = [layer(5), layer(3), layer(4)]
    t.same(
      chainOf(3, layers).map(one => one.seq),
      [4, 5],
    )
    t.same(chainOf(5, layers), [])
  },
)

void t.test('needless layers are in no chain, and every layer is needless or in some chain', async t => {
  t.same(
    needlessLayers([3, 5], [layer(2), layer(3), layer(4)]).map(one => one.seq),
    [2, 3],
  )
  t.equal(needlessLayers([], [layer(1), layer(2)]).length, 2, 'without a point nothing is needed')
  const seqs = fc.uniqueArray(fc.integer({ min: 1, max: 20 }))
  fc.assert(
    fc.property(seqs, fc.array(fc.integer({ min: 0, max: 20 })), (made, positions) => {
      const layers = made.map(layer)
      const needed = new Set(positions.flatMap(at => chainOf(at, layers).map(one => one.seq)))
      const needless = new Set(needlessLayers(positions, layers).map(one => one.seq))
      return made.every(seq => needed.has(seq) !== needless.has(seq))
    }),
  )
})

void t.test('how far back the points reach', async t => {
  t.equal(hoursKept([]), null)
  t.equal(hoursKept([now]), null)
  t.equal(hoursKept([now, new Date(now.getTime() - 90 * 60_000), now]), 1.5)
})
