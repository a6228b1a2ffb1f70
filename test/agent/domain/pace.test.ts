import t from 'tap'
import { disksAtOnce, paceAfter, type LastPass } from '../../../agent/domain/pace.js'

const mib = 1024n * 1024n
const last = (more: Partial<LastPass> = {}): LastPass => ({
  number: 7,
  pace: { level: 0, bytesPerSec: null },
  freezeSeconds: 2,
  removalSeconds: 3,
  bytesPerSec: 100n * mib,
  ...more,
})

void t.test('a slow snapshot makes the next pass gentler, and says why', async t => {
  t.same(paceAfter(undefined, 60), { pace: { level: 0, bytesPerSec: null }, why: null })
  t.same(paceAfter(last(), 60), { pace: { level: 0, bytesPerSec: null }, why: null })
  t.same(paceAfter(last({ removalSeconds: 60 }), 60).pace.level, 0, 'as long as the limit is not too long')
  t.same(paceAfter(last({ removalSeconds: 61.2 }), 60), {
    pace: { level: 1, bytesPerSec: 50n * mib },
    why: 'removing the snapshot of pass 7 took 61 s, more than 60 s: this pass reads 1/2 of the disks at a time, at most 50 MiB/s',
  })
  t.match(paceAfter(last({ freezeSeconds: 90, removalSeconds: 90 }), 60).why, /^taking the snapshot/)
})

void t.test('again and again, down to a floor, and back step by step', async t => {
  const slow = { removalSeconds: 100 }
  let pace = paceAfter(last(slow), 60).pace
  const levels = [pace.level]
  for (let at = 0; at < 8; at += 1) {
    pace = paceAfter(last({ ...slow, pace, bytesPerSec: pace.bytesPerSec }), 60).pace
    levels.push(pace.level)
  }
  t.same(levels, [1, 2, 3, 3, 3, 3, 3, 3, 3])
  t.equal(pace.bytesPerSec, mib, 'never slower than this')
  const back = []
  for (let at = 0; at < 4; at += 1) {
    const next = paceAfter(last({ pace }), 60)
    pace = next.pace
    back.push([pace.level, pace.bytesPerSec, next.why !== null])
  }
  t.same(back, [
    [2, 2n * mib, true],
    [1, 4n * mib, true],
    [0, null, false],
    [0, null, false],
  ])
})

void t.test('what was not measured limits nothing', async t => {
  t.same(paceAfter(last({ freezeSeconds: null, removalSeconds: null }), 1).pace.level, 0)
  t.same(paceAfter(last({ freezeSeconds: 2, bytesPerSec: null }), 1).pace, { level: 1, bytesPerSec: null })
  t.same(
    [0, 1, 2, 3].map(level => disksAtOnce({ level }, 4)),
    [4, 2, 1, 1],
  )
})
