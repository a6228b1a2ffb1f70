import t from 'tap'
import { diskKey } from '../../../agent/domain/ids.js'
import { AppError, type ErrorCode } from '../../../agent/errors.js'
import { earlierCopies, verdictOn } from '../../../agent/replication/pass/copy-patience.js'
import { type BrokenCopy } from '../../../agent/replication/deps.js'

const patienceMs = 60_000
const at = (seconds: number): Date => new Date(seconds * 1000)
const broke = (seconds: number, durable: Readonly<Record<string, bigint>>): BrokenCopy => ({
  failure: { code: 'WORKER_LOST', message: '' },
  endedAt: at(seconds),
  disks: Object.entries(durable).map(([key, durableBelow]) => ({
    diskKey: diskKey(key),
    durableBelow,
    report: key,
  })),
})
const verdict = (code: ErrorCode, broken: readonly BrokenCopy[], seconds: number) =>
  verdictOn(new AppError(code, ''), broken, at(seconds), patienceMs)

void t.test('an outage is waited out for as long as the patience, which progress renews', async t => {
  t.same(verdict('WORKER_LOST', [broke(0, {})], 0), { kind: 'again', afterMs: 1000 })
  const stalled = [broke(0, { a: 5n }), broke(30, { a: 5n }), broke(59, {})]
  t.same(verdict('WORKER_ABSENT', stalled, 60), { kind: 'again', afterMs: 4000 })
  t.same(verdict('WORKER_ABSENT', stalled, 61), { kind: 'give-up' })
  t.match(verdict('WORKER_ABSENT', [...stalled, broke(60, { b: 1n })], 119), { kind: 'again', afterMs: 1000 })
  const many = Array.from({ length: 40 }, (_, index) => broke(index, {}))
  t.same(verdict('VSPHERE_UNREACHABLE', many, 50), { kind: 'again', afterMs: 30_000 })
})

void t.test('a disk that cannot be read is tried three times where it does not get on', async t => {
  const tries = [broke(0, { a: 5n }), broke(1, { a: 5n }), broke(2, { a: 5n })]
  t.match(verdict('SOURCE_READ_FAILED', tries, 3), { kind: 'again' })
  t.same(verdict('SOURCE_READ_FAILED', [...tries, broke(3, { a: 5n })], 3), { kind: 'give-up' })
  t.match(verdict('SOURCE_READ_FAILED', [...tries, broke(3, { a: 6n })], 3), { kind: 'again' })
})

void t.test('what another try cannot mend, and no end of tries, is given up', async t => {
  const codes: readonly ErrorCode[] = [
    'TARGET_FLUSH_FAILED',
    'TARGET_WRITE_FAILED',
    'SOURCE_SNAPSHOT_GONE',
    'SOURCE_VM_NOT_OFF',
    'PASS_CANCELLED',
    'STORE_UNAVAILABLE',
    'VOLUME_FENCED',
  ]
  for (const code of codes) t.same(verdict(code, [broke(0, {})], 0), { kind: 'give-up' }, code)
  t.same(verdictOn(new Error('a bug'), [broke(0, {})], at(0), patienceMs), { kind: 'give-up' })
  t.same(verdict('WORKER_LOST', [], 0), { kind: 'give-up' })
  const endless = Array.from({ length: 100 }, (_, index) => broke(index, { a: BigInt(index) }))
  t.same(verdict('WORKER_LOST', endless, 100), { kind: 'give-up' })
})

void t.test('the newest report of each disk counts, whichever try it is of', async t => {
  const tries = [broke(0, { a: 5n, b: 1n }), broke(1, { a: 7n }), broke(2, {})]
  t.same(
    [...earlierCopies(tries)].map(([key, disk]) => [key, disk.durableBelow]),
    [
      ['a', 7n],
      ['b', 1n],
    ],
  )
})
