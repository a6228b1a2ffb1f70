import { yearOnMariadb } from '../schedule/on-mariadb.js'
import { Mariadb } from '../site/mariadb.js'
import { type Scenario } from './scenario.js'

const from = new Date('2026-01-01T00:00:00Z')
const days = 365
const seed = 20_260_101

/** A year of schedules on a clock that is set, through the real scheduler and a real database. */
export const scheduleYear: Scenario = {
  name: 'schedule-year',
  title: 'a year of schedules with both clock changes, restarts and clock jumps',
  run: async ({ dir, say, checks, cleanup }) => {
    const mariadb = await Mariadb.start(dir)
    cleanup.add('MariaDB', () => mariadb.stop())
    const summary = await yearOnMariadb(mariadb, { from, days, seed, trouble: 1 }, day => {
      if (day % 30 === 0) say(`${day} days`)
    })
    checks.equal(
      'slots that fired twice, fired without being one, or are gone without a reason',
      summary.complaints,
      [],
    )
    checks.that('slots of a year', summary.slots > days * 30, String(summary.slots))
    checks.equal(
      'each slot has fired or is told as missed',
      summary.fired + summary.missedWithReason,
      summary.slots,
    )
    checks.that('most fired', summary.fired > summary.slots * 0.8, `${summary.fired} of ${summary.slots}`)
    for (const what of ['restarts', 'absences', 'jumpsForward', 'jumpsBack'] as const)
      checks.that(`${what} happened`, summary[what] > 10, String(summary[what]))
    return { ...summary }
  },
}
