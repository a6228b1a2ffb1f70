import t, { type Test } from 'tap'
import { AppError } from '../../../agent/errors.js'
import { pause } from '../../../agent/roles/clock.js'
import { Tender } from '../../../agent/roles/tender.js'
import { migrate } from '../../../agent/store/database.js'
import { tendingStore, type TendingStore } from '../../../agent/store/tending.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const leaseMs = 300

function startTender(t: Test, store: TendingStore): Tender {
  const tender = new Tender({ store, leaseMs, now: () => performance.now(), pause, logger: silent })
  t.teardown(() => tender.stop())
  tender.start()
  return tender
}

/** Work that goes on until its signal is aborted. */
function workOf(tender: Tender) {
  const seen = { running: 0 }
  const stop = new AbortController()
  const work = tender.whenOnDuty(async signal => {
    seen.running += 1
    while (!signal.aborted) await pause(60_000, signal)
    seen.running -= 1
  })
  return { seen, stop, ended: work(stop.signal) }
}

void t.test('of two agents one tends', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const storeOf = (agent: string): TendingStore => tendingStore(db, { agent, leaseMs })

  await t.test('the other begins when it stops, not before', async t => {
    const first = startTender(t, storeOf('first'))
    const one = workOf(first)
    await until('the first is on duty', () => one.seen.running === 1)
    const second = startTender(t, storeOf('second'))
    const two = workOf(second)
    const end = performance.now() + 3 * leaseMs
    await until('three leases are over', () => performance.now() > end)
    t.same([one.seen.running, two.seen.running], [1, 0])
    one.stop.abort()
    await one.ended
    await first.stop()
    await until('the second is on duty', () => two.seen.running === 1)
    two.stop.abort()
    await two.ended
  })

  await t.test('one that cannot renew ends its work before another begins', async t => {
    const real = storeOf('third')
    let isAway = false
    const away: TendingStore = {
      ...real,
      take: () => (isAway ? Promise.reject(new AppError('STORE_UNAVAILABLE', 'away')) : real.take()),
    }
    const one = workOf(startTender(t, away))
    await until('it is on duty', () => one.seen.running === 1)
    const two = workOf(startTender(t, storeOf('fourth')))
    isAway = true
    await until('the other is on duty', () => {
      t.ok(one.seen.running + two.seen.running <= 1, 'never both')
      return two.seen.running === 1
    })
    await one.ended
    two.stop.abort()
    await two.ended
  })

  await t.test('what waits for the duty ends with its own signal', async t => {
    const holding = workOf(startTender(t, storeOf('fifth')))
    await until('it is on duty', () => holding.seen.running === 1)
    const waiting = workOf(startTender(t, storeOf('sixth')))
    waiting.stop.abort()
    t.equal(await waiting.ended, undefined)
    t.equal(waiting.seen.running, 0)
    holding.stop.abort()
    await holding.ended
  })
})
