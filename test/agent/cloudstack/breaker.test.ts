import t from 'tap'
import { CircuitBreaker, type CallOutcome } from '../../../agent/cloudstack/breaker.js'
import { AppError } from '../../../agent/errors.js'

const away: CallOutcome = { kind: 'away', retryAfterMs: undefined }
const asked = (retryAfterMs: number): CallOutcome => ({ kind: 'away', retryAfterMs })

function made() {
  let nowMs = Date.parse('2026-01-01T00:00:00Z')
  const breaker = new CircuitBreaker({
    failuresToOpen: 3,
    openMs: 1000,
    maxOpenMs: 3000,
    refusedMs: 5000,
    nowMs: () => nowMs,
  })
  /** The outcome of a call that went out, or the code that kept it back. */
  const call = (outcome: CallOutcome): string => {
    try {
      breaker.enter('listZones')
    } catch (error) {
      if (error instanceof AppError) return error.code
      throw error
    }
    breaker.report(outcome)
    return 'sent'
  }
  return { breaker, call, pass: (ms: number) => (nowMs += ms) }
}

void t.test('it opens after so many silences in a row, and says until when', async t => {
  const { breaker, call } = made()
  t.same([call(away), call(away), call({ kind: 'answered' }), call(away), call(away)], Array(5).fill('sent'))
  t.equal(call({ kind: 'abandoned' }), 'sent', 'a caller that gave up says nothing')
  t.equal(call(away), 'sent')
  t.throws(() => breaker.enter('listZones'), {
    code: 'CLOUDSTACK_UNREACHABLE',
    message: /after 2026-01-01T00:00:01.000Z/,
    effect: 'none',
  })
})

void t.test(
  'one call at a time looks whether it is back; in vain it waits longer, up to a limit',
  async t => {
    const { breaker, call, pass } = made()
    t.same([call(away), call(away), call(away)], ['sent', 'sent', 'sent'])
    for (const openMs of [1000, 2000, 3000, 3000]) {
      pass(openMs - 1)
      t.equal(call(away), 'CLOUDSTACK_UNREACHABLE', `closed to calls for ${openMs} ms`)
      pass(1)
      breaker.enter('listZones')
      t.throws(() => breaker.enter('another'), { code: 'CLOUDSTACK_UNREACHABLE' })
      breaker.report(away)
    }
    pass(3000)
    breaker.enter('listZones')
    breaker.report({ kind: 'abandoned' })
    t.equal(call({ kind: 'answered' }), 'sent', 'a probe that was given up leaves the place to another')
    t.equal(call(away), 'sent')
  },
)

void t.test('it waits as long as the server asks, and after a refused key', async t => {
  const { call, pass } = made()
  t.equal(call(asked(7000)), 'sent')
  pass(6999)
  t.equal(call(away), 'CLOUDSTACK_BUSY')
  pass(1)
  t.equal(call({ kind: 'refused' }), 'sent')
  t.equal(call(away), 'CLOUDSTACK_REFUSED')
  pass(5000)
  t.equal(call({ kind: 'answered' }), 'sent')
  t.equal(call(asked(24 * 3600_000)), 'sent')
  pass(10 * 60_000)
  t.equal(call({ kind: 'answered' }), 'sent', 'no server may ask for more than ten minutes')
})
