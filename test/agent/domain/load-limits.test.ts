import t from 'tap'
import {
  isTimeZone,
  rateOfEach,
  ratesAt,
  type RateWindow,
  type Timetable,
} from '../../../agent/domain/load-limits.js'

const window = (more: Partial<RateWindow>): RateWindow => ({
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  fromMinute: 8 * 60,
  toMinute: 18 * 60,
  read: 10n,
  send: null,
  ...more,
})
const table = (windows: readonly RateWindow[], timeZone = 'Europe/Berlin'): Timetable => ({
  timeZone,
  otherwise: { read: 100n, send: 50n },
  windows,
})
/** The read limit at an instant in UTC. */
const readAt = (timetable: Timetable, at: string) => ratesAt(timetable, new Date(at)).read

void t.test(
  'a window holds by the wall clock of its zone, from its first minute to before its last',
  async t => {
    const office = table([window({})])
    t.equal(readAt(office, '2026-11-25T06:59:59Z'), 100n, 'Wednesday 07:59 in Berlin')
    t.equal(readAt(office, '2026-11-25T07:00:00Z'), 10n, '08:00')
    t.equal(readAt(office, '2026-11-25T16:59:59Z'), 10n, '17:59')
    t.equal(readAt(office, '2026-11-25T17:00:00Z'), 100n, '18:00')
    t.equal(readAt(office, '2026-11-28T10:00:00Z'), 100n, 'Saturday')
    t.equal(readAt(office, '2026-06-24T06:00:00Z'), 10n, 'in summer 08:00 is an hour earlier')
    t.same(ratesAt(office, new Date('2026-11-25T10:00:00Z')), { read: 10n, send: null }, 'and replaces both')
    t.equal(readAt(table([window({})], 'Asia/Kolkata'), '2026-11-25T02:30:00Z'), 10n, 'half-hour zones')
  },
)

void t.test('a window over midnight belongs to the day it begins', async t => {
  const night = table([window({ days: ['fri'], fromMinute: 22 * 60, toMinute: 6 * 60 })], 'UTC')
  t.equal(readAt(night, '2026-11-27T21:59:00Z'), 100n)
  t.equal(readAt(night, '2026-11-27T22:00:00Z'), 10n, 'Friday')
  t.equal(readAt(night, '2026-11-28T05:59:00Z'), 10n, 'into Saturday')
  t.equal(readAt(night, '2026-11-28T06:00:00Z'), 100n)
  t.equal(readAt(night, '2026-11-27T05:00:00Z'), 100n, 'not in the night before')
  t.equal(readAt(night, '2026-11-28T22:00:00Z'), 100n)
  const sunday = table([window({ days: ['sun'], fromMinute: 0, toMinute: 0 })], 'UTC')
  t.equal(readAt(sunday, '2026-11-29T00:00:00Z'), 10n, 'from midnight to midnight is a whole day')
  t.equal(readAt(sunday, '2026-11-29T23:59:00Z'), 10n)
  t.equal(readAt(sunday, '2026-11-30T00:00:00Z'), 100n)
})

void t.test('clocks that change make no gap and no second truth', async t => {
  // Berlin, 29 March 2026: 02:00 becomes 03:00. 25 October: 03:00 becomes 02:00.
  const early = table([window({ days: ['sun'], fromMinute: 2 * 60 + 30, toMinute: 4 * 60 })])
  t.equal(readAt(early, '2026-03-29T00:59:00Z'), 100n, '01:59')
  t.equal(
    readAt(early, '2026-03-29T01:00:00Z'),
    10n,
    '03:00: the window that began in the missing hour holds',
  )
  t.equal(readAt(early, '2026-03-29T02:00:00Z'), 100n, '04:00')
  const twice = table([window({ days: ['sun'], fromMinute: 2 * 60, toMinute: 3 * 60 })])
  for (const at of ['00:00', '00:59', '01:00', '01:59'])
    t.equal(readAt(twice, `2026-10-25T${at}:00Z`), 10n, `${at} UTC: both hours called two`)
  t.equal(readAt(twice, '2026-10-25T02:00:00Z'), 100n)
})

void t.test('the first window that holds counts', async t => {
  const overlapping = table(
    [window({ fromMinute: 12 * 60, toMinute: 13 * 60, read: null }), window({})],
    'UTC',
  )
  t.equal(readAt(overlapping, '2026-11-25T12:30:00Z'), null, 'no limit at lunch')
  t.equal(readAt(overlapping, '2026-11-25T13:30:00Z'), 10n)
})

void t.test('both limits are kept, and shared', async t => {
  t.equal(rateOfEach({ read: null, send: null }, 3), null)
  t.equal(rateOfEach({ read: 100n, send: null }, 4), 25n)
  t.equal(rateOfEach({ read: 100n, send: 60n }, 4), 15n)
  t.equal(rateOfEach({ read: null, send: 60n }, 0), 60n)
  t.equal(rateOfEach({ read: 2n, send: null }, 5), 1n, 'never zero, which would lift it')
  t.ok(isTimeZone('America/New_York'))
  t.notOk(isTimeZone('Mars/Olympus'))
})
