import t from 'tap'
import { inParallel } from '../../../agent/source/in-parallel.js'

const never = new AbortController().signal

/** Promises settled by hand, in whatever order. */
function gates(count: number) {
  const open: (() => void)[] = []
  const waits = Array.from(
    { length: count },
    (_, index) =>
      new Promise<void>(resolve => {
        open[index] = resolve
      }),
  )
  return { waits, open: (index: number) => open[index]?.() }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

void t.test('results come in the order of the items, and never more run than allowed', async t => {
  const { waits, open } = gates(4)
  let running = 0
  let most = 0
  const done = inParallel([0, 1, 2, 3], 2, never, async index => {
    running += 1
    most = Math.max(most, running)
    await waits[index]
    running -= 1
    return index * 10
  })
  for (const index of [1, 2, 3, 0]) {
    open(index)
    await turn()
  }
  t.same(await done, [0, 10, 20, 30])
  t.equal(most, 2)
})

void t.test(
  'the first failure aborts the others, begins no more, and is told when all have ended',
  async t => {
    const { waits, open } = gates(3)
    const begun: number[] = []
    let settled = false
    const failed = inParallel([0, 1, 2], 2, never, async (index, signal) => {
      begun.push(index)
      if (index === 0) throw new Error('the first')
      await waits[index]
      t.ok(signal.aborted)
      throw new Error('a later one')
    })
    failed.catch(() => undefined).finally(() => (settled = true))
    await turn()
    t.notOk(settled, 'the other still runs')
    open(1)
    await t.rejects(failed, { message: 'the first' })
    t.same(begun, [0, 1])
  },
)

void t.test('an abort from outside begins nothing more and gives its reason', async t => {
  const stop = new AbortController()
  const begun: number[] = []
  const stopped = inParallel([0, 1, 2], 1, stop.signal, async index => {
    begun.push(index)
    stop.abort(new Error('stopping'))
  })
  await t.rejects(stopped, { message: 'stopping' })
  t.same(begun, [0])
})
