import fc from 'fast-check'
import t from 'tap'
import { endOf, totalLength } from '../../../agent/domain/extent.js'
import { markIntervalMs } from '../../../agent/nbd/move-disk.js'
import { partsOf } from '../../../agent/nbd/plan-disk.js'

const grain = 65536n
/** Offsets a double cannot tell apart are in range on purpose. */
const capacity = fc.oneof(
  fc.bigInt(1n, 40n * grain),
  fc.bigInt((1n << 55n) - 3n * grain, (1n << 55n) + 3n * grain),
)

void t.test('a compare looks at every byte once: what is held on both sides, the rest is copied', async t => {
  fc.assert(
    fc.property(capacity, fc.bigInt(0n, 1n << 56n), (capacityBytes, held) => {
      const parts = partsOf({ kind: 'compare', heldBytes: held }, capacityBytes)
      const extents = parts.flatMap(part => part.extents)
      let at = 0n
      for (const extent of extents) {
        if (extent.offset !== at || extent.length <= 0n) return false
        at = endOf(extent)
      }
      const compared = totalLength(
        parts.filter(part => part.mode === 'compare').flatMap(part => part.extents),
      )
      const least = held < capacityBytes ? held : capacityBytes
      return at === capacityBytes && compared <= least && least - compared < grain
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

void t.test(
  'changes become extents inside the disk, at least a grain apart, that hold every changed byte',
  async t => {
    const area = fc.record({ offset: fc.bigInt(0n, 1n << 55n), length: fc.bigInt(1n, 9n * grain) })
    fc.assert(
      fc.property(fc.array(area, { maxLength: 20 }), capacity, (areas, capacityBytes) => {
        const [part, ...more] = partsOf({ kind: 'changes', areas }, capacityBytes)
        if (part === undefined || more.length > 0 || part.mode !== 'copy') return false
        const apart = part.extents.every((extent, index) => {
          const next = part.extents[index + 1]
          return (
            endOf(extent) <= capacityBytes && (next === undefined || next.offset - endOf(extent) >= grain)
          )
        })
        const held = areas.every(({ offset, length }) => {
          const end = offset + length < capacityBytes ? offset + length : capacityBytes
          return end <= offset || part.extents.some(one => one.offset <= offset && end <= endOf(one))
        })
        return apart && held
      }),
      { numRuns: 1000 },
    )
    t.pass()
  },
)

void t.test('a disk without changes still has a part, so that its target is flushed', async t => {
  t.same(partsOf({ kind: 'changes', areas: [] }, 5n), [{ mode: 'copy', extents: [] }])
  t.same(partsOf({ kind: 'everything' }, 5n), [{ mode: 'copy', extents: [{ offset: 0n, length: 5n }] }])
})

void t.test('durable marks are as far apart as a rate allows, within limits', async t => {
  const mib = 1024n * 1024n
  t.equal(markIntervalMs(undefined), 250)
  t.equal(markIntervalMs(16n * mib), 1000)
  t.equal(markIntervalMs(1n), 10_000)
  t.equal(markIntervalMs(1n << 60n), 250)
})
