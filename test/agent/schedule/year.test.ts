import t from 'tap'
import { simulateYear } from '../../../lab/schedule/year.js'
import { migrate } from '../../../agent/store/database.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'

/** The weeks in which the clocks of both zones change; the scenario `schedule-year` does the whole year. */
for (const [name, from, days, seed] of [
  ['Berlin goes forward', '2026-03-28T06:00:00Z', 2, 7],
  ['Lord Howe goes back', '2026-04-04T06:00:00Z', 2, 9],
  ['Lord Howe goes forward', '2026-10-03T06:00:00Z', 2, 8],
  ['Berlin goes back', '2026-10-24T06:00:00Z', 2, 11],
] as const) {
  void t.test(`slots around the day on which ${name}`, async t => {
    const { db } = await startMariadb(t)
    await migrate(db)
    const summary = await simulateYear({ db, logger: silent, from: new Date(from), days, seed, trouble: 4 })
    t.strictSame(summary.complaints, [])
    t.ok(summary.fired > summary.slots / 5, 'slots fire', summary)
    t.equal(summary.fired + summary.missedWithReason, summary.slots)
    t.ok(summary.passes > summary.fired, 'with a pass of most VMs', summary)
    t.ok(summary.restarts + summary.jumpsForward + summary.jumpsBack > 0, 'and something happened', summary)
  })
}
