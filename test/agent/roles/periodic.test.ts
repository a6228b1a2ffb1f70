import t from 'tap'
import { Periodic } from '../../../agent/roles/periodic.js'
import { until } from '../../lib/until.js'

void t.test('a turn that fails is told and the next one comes, never two at once', async t => {
  const failures: unknown[] = []
  let [turns, running, most] = [0, 0, 0]
  const periodic = new Periodic({
    first: 'at-once',
    intervalMs: 1,
    work: async () => {
      turns += 1
      running += 1
      most = Math.max(most, running)
      await new Promise(resolve => setImmediate(resolve))
      running -= 1
      if (turns === 2) throw new Error('this once')
    },
    onFailure: error => failures.push(error),
  })
  periodic.start()
  await until('four turns', () => turns >= 4)
  await periodic.stop()
  const ended = turns
  await new Promise(resolve => setImmediate(resolve))
  t.equal(turns, ended, 'none after the stop')
  t.equal(running, 0, 'stop waits for the one that runs')
  t.equal(most, 1)
  t.match(failures, [{ message: 'this once' }])
  t.equal(failures.length, 1)
})

void t.test('a stop ends the turn and the wait, and what it breaks is no failure', async t => {
  const failures: unknown[] = []
  let aborted = false
  const turning = new Periodic({
    first: 'at-once',
    intervalMs: 3_600_000,
    work: signal =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true
          reject(new Error('stopped'))
        })
      }),
    onFailure: error => failures.push(error),
  })
  let turned = false
  const waiting = new Periodic({
    first: 'after-interval',
    intervalMs: 3_600_000,
    work: () => Promise.resolve((turned = true)),
    onFailure: error => failures.push(error),
  })
  for (const periodic of [turning, waiting]) periodic.start()
  await Promise.all([turning.stop(), waiting.stop()])
  t.ok(aborted)
  t.notOk(turned, 'one that waits first never turned')
  t.same(failures, [])
})
