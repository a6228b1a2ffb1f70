import t from 'tap'
import { SharedLook } from '../../../agent/domain/shared-look.js'

void t.test('a look is shared by those who asked before it began', async t => {
  const ends: ((value: number) => void)[] = []
  let running = 0
  let most = 0
  const look = new SharedLook(async () => {
    running += 1
    most = Math.max(most, running)
    return new Promise<number>((resolve, reject) =>
      ends.push(value => (value < 0 ? reject(new Error('blind')) : resolve(value))),
    ).finally(() => (running -= 1))
  })
  const begun = async (count: number) => {
    while (ends.length < count) await new Promise(resolve => setImmediate(resolve))
  }
  const first = look.take()
  t.equal(look.take(), first, 'not begun yet')
  await begun(1)
  const [second, third] = [look.take(), look.take()]
  t.equal(second, third)
  t.not(second, first, 'what is seen already may be older than the question')
  ends[0]?.(1)
  t.equal(await first, 1)
  await begun(2)
  const fourth = look.take()
  ends[1]?.(-1)
  await t.rejects(second, { message: 'blind' })
  await begun(3)
  ends[2]?.(3)
  t.equal(await fourth, 3, 'a failed look does not fail the next')
  t.equal(most, 1, 'one at a time')
})
