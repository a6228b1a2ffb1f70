import t from 'tap'
import { readCron, type Calendar } from '../../../agent/schedule/cron.js'
import { Zone } from '../../../agent/schedule/zone.js'

function calendar(cron: string, timeZone: string): Calendar {
  const read = readCron(cron, timeZone)
  if (read.kind === 'invalid') throw new Error(read.why)
  return read.calendar
}

const fires = (cron: string, timeZone: string, after: string, count: number): string[] =>
  calendar(cron, timeZone)
    .preview(new Date(after), count)
    .map(at => at.toISOString().replace('.000Z', 'Z'))

void t.test('transitions of zones that are put forward and back, by an hour and by half an hour', t => {
  const year = (name: string) => {
    const [zone, end] = [new Zone(name), Date.UTC(2027, 0)]
    const found = []
    for (let from = Date.UTC(2026, 0); ;) {
      const next = zone.transition(from, end)
      if (next === undefined) return found
      found.push([next.at.toISOString(), (next.afterMs - next.beforeMs) / 60_000])
      from = next.at.getTime()
    }
  }
  t.strictSame(year('Europe/Berlin'), [
    ['2026-03-29T01:00:00.000Z', 60],
    ['2026-10-25T01:00:00.000Z', -60],
  ])
  t.strictSame(year('Australia/Lord_Howe'), [
    ['2026-04-04T15:00:00.000Z', -30],
    ['2026-10-03T15:30:00.000Z', 30],
  ])
  t.strictSame(year('UTC'), [])
  t.equal(new Zone('America/St_Johns').offsetMs(Date.UTC(2026, 0)), -3.5 * 3_600_000)
  t.end()
})

void t.test('a time that a gap swallows fires once, when the gap ends', t => {
  t.strictSame(fires('0 30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 3), [
    '2026-03-28T01:30:00Z',
    '2026-03-29T01:00:00Z',
    '2026-03-30T00:30:00Z',
  ])
  t.strictSame(
    fires('0 0,15,30 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', 3),
    ['2026-03-29T01:00:00Z', '2026-03-29T01:15:00Z', '2026-03-29T01:30:00Z'],
    'what is swallowed and what the gap ends with are one fire',
  )
  t.strictSame(fires('0 15 2 * * *', 'Australia/Lord_Howe', '2026-10-02T16:00:00Z', 2), [
    '2026-10-03T15:30:00Z',
    '2026-10-04T15:15:00Z',
  ])
  t.strictSame(
    fires('0 0 */6 * * *', 'Africa/Cairo', '2026-04-23T17:00:00Z', 3),
    ['2026-04-23T22:00:00Z', '2026-04-24T03:00:00Z', '2026-04-24T09:00:00Z'],
    'a step of hours names hours: its midnight is not lost in a gap at midnight',
  )
  t.strictSame(
    fires('30 59 1 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2),
    ['2026-03-29T00:59:30Z', '2026-03-29T23:59:30Z'],
    'beside a gap nothing changes',
  )
  t.end()
})

void t.test('a time that is shown twice fires the first time only', t => {
  t.strictSame(fires('0 30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2), [
    '2026-10-25T00:30:00Z',
    '2026-10-26T01:30:00Z',
  ])
  t.strictSame(
    fires('0 30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', 1),
    ['2026-10-26T01:30:00Z'],
    'also asked from between the two',
  )
  t.strictSame(
    fires('0 0 2,3 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2),
    ['2026-10-25T00:00:00Z', '2026-10-25T02:00:00Z'],
    'the reading an overlap begins with is one of it, the one it ends with is not',
  )
  t.strictSame(fires('0 45 1 * * *', 'Australia/Lord_Howe', '2026-04-03T15:00:00Z', 2), [
    '2026-04-04T14:45:00Z',
    '2026-04-05T15:15:00Z',
  ])
  t.end()
})

void t.test('every hour goes by the clock as it runs: both times, and not in a gap', t => {
  t.strictSame(fires('0 30 * * * *', 'Europe/Berlin', '2026-10-24T23:00:00Z', 4), [
    '2026-10-24T23:30:00Z',
    '2026-10-25T00:30:00Z',
    '2026-10-25T01:30:00Z',
    '2026-10-25T02:30:00Z',
  ])
  t.strictSame(fires('0 30 * * * *', 'Europe/Berlin', '2026-03-29T00:00:00Z', 2), [
    '2026-03-29T00:30:00Z',
    '2026-03-29T01:30:00Z',
  ])
  t.strictSame(
    fires('0 */15 * * * *', 'Australia/Lord_Howe', '2026-10-03T15:00:00Z', 4),
    ['2026-10-03T15:15:00Z', '2026-10-03T15:30:00Z', '2026-10-03T15:45:00Z', '2026-10-03T16:00:00Z'],
    'half an hour is swallowed, the distance stays',
  )
  t.strictSame(
    fires('0 0 0-23 * * *', 'Australia/Lord_Howe', '2026-04-04T13:30:00Z', 3),
    ['2026-04-04T14:00:00Z', '2026-04-04T15:30:00Z', '2026-04-04T16:30:00Z'],
    '02:00 is the transition itself and is shown half an hour later',
  )
  t.end()
})

void t.test('rare patterns, seconds, and both day fields', t => {
  t.strictSame(fires('0 0 2 29 2 *', 'Europe/Berlin', '2026-01-01T00:00:00Z', 2), [
    '2028-02-29T01:00:00Z',
    '2032-02-29T01:00:00Z',
  ])
  t.strictSame(fires('15,45 0 0 L * *', 'UTC', '2026-02-01T00:00:00Z', 3), [
    '2026-02-28T00:00:15Z',
    '2026-02-28T00:00:45Z',
    '2026-03-31T00:00:15Z',
  ])
  t.strictSame(
    fires('0 0 0 1 * MON', 'UTC', '2026-01-01T00:00:00.5Z', 2),
    ['2026-01-05T00:00:00Z', '2026-01-12T00:00:00Z'],
    'either day is enough',
  )
  t.end()
})

void t.test('what cannot be read is told, with its place', t => {
  const why = (cron: string, zone = 'UTC') => {
    const read = readCron(cron, zone)
    return read.kind === 'invalid' ? `${read.field}: ${read.why}` : 'valid'
  }
  t.match(why('0 61 * * * *'), /^cron: field 2 \(minute\) is 61: .*61/)
  t.match(why('0 0 0 * FOO *'), /^cron: field 5 \(month\) is FOO: /)
  t.match(why('0 0 9-7 * * *'), /^cron: field 3 \(hour\) is 9-7: /)
  t.match(why('0 */0 * * * *'), /^cron: field 2 \(minute\) is \*\/0: /)
  t.match(why('0 1,,2 * * * *'), /^cron: field 2 \(minute\) is 1,,2: /)
  t.match(why('* * * * *'), /^cron: 5 fields, not 6 \(second, minute, /)
  t.match(why('@daily'), /^cron: 1 fields, not 6/)
  t.match(why(''), /^cron: /)
  t.match(why('0 0 0 31 2 *'), /^cron: no day in ten years matches it/)
  t.match(why('0 0 0 * * *', 'Europe/Berlinn'), /^timeZone: no time zone is called Europe\/Berlinn/)
  t.equal(why('0 0 0 * * *', 'Europe/Berlin'), 'valid')
  t.end()
})

/** The walk asks Intl for each reading of the clock and knows nothing of transitions. */
void t.test('the same fires as a walk over every minute of a year finds', t => {
  for (const timeZone of ['Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York', 'Africa/Casablanca']) {
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
    const readings: { readonly at: number; readonly hour: number; readonly minute: number }[] = []
    const [begin, end] = [Date.UTC(2026, 0), Date.UTC(2027, 0)]
    for (let at = begin; at < end; at += 60_000) {
      const [hour, minute] = clock.format(at).split(':')
      readings.push({ at, hour: Number(hour), minute: Number(minute) })
    }
    for (const [cron, isMatch] of [
      ['0 */20 * * * *', ({ minute }: { minute: number }) => minute % 20 === 0],
      ['0 7 * * * *', ({ minute }: { minute: number }) => minute === 7],
    ] as const) {
      const wanted = readings.filter(isMatch).map(reading => new Date(reading.at).toISOString())
      const found = calendar(cron, timeZone)
        .preview(new Date(begin - 1), wanted.length)
        .map(at => at.toISOString())
      t.strictSame(found, wanted, `${cron} in ${timeZone}`)
    }
    for (const [hour, minute] of [
      [2, 30],
      [1, 45],
      [3, 0],
      [2, 0],
    ] as const) {
      const daily = calendar(`0 ${minute} ${hour} * * *`, timeZone).preview(new Date(begin - 1), 400)
      const ofYear = daily.filter(at => at.getTime() < end)
      t.ok(Math.abs(ofYear.length - 365) <= 1, `${hour}:${minute} in ${timeZone} fires daily`, {
        found: ofYear.length,
      })
      const shown = ofYear.filter(at => {
        const reading = readings[(at.getTime() - begin) / 60_000]
        return reading?.hour === hour && reading.minute === minute
      })
      const swallowed = ofYear.length - shown.length
      t.ok(swallowed <= 2, 'at the time it names, but where there is none', { swallowed })
      const gaps = ofYear.slice(1).map((at, index) => at.getTime() - (ofYear[index]?.getTime() ?? 0))
      t.ok(
        gaps.every(gap => gap >= 22.5 * 3_600_000 && gap <= 25.5 * 3_600_000),
        'never twice in a day',
      )
    }
  }
  t.end()
})
