import t, { type Test } from 'tap'
import { budgetedReaders } from '../../../agent/source/budgeted-readers.js'
import { DiskBudget } from '../../../agent/source/disk-budget.js'

const never = new AbortController().signal
const on = (host: string, datastore: string) => ({ host, datastore })

/** Lets everything that can go on go on. */
const settle = () => new Promise(resolve => setImmediate(resolve))

function bench(disksPerHost: number, disksPerDatastore: number) {
  const limits = { disksPerHost, disksPerDatastore }
  const budget = new DiskBudget(() => limits)
  const inside: string[] = []
  const enter = async (name: string, place: ReturnType<typeof on>, signal = never) => {
    const leave = await budget.enter(place, signal)
    inside.push(name)
    return () => {
      if (inside.includes(name)) inside.splice(inside.indexOf(name), 1)
      leave()
    }
  }
  return { budget, limits, inside, enter }
}

const seen = async (t: Test, inside: readonly string[], wanted: readonly string[]) => {
  await settle()
  t.same([...inside].sort(), wanted)
}

void t.test('so many disks of one host and of one datastore, and no more', async t => {
  const { inside, enter } = bench(2, 3)
  const leaveA = await enter('a', on('h1', 'd1'))
  await enter('b', on('h1', 'd1'))
  void enter('c', on('h1', 'd2'))
  await enter('d', on('h2', 'd1'))
  void enter('e', on('h3', 'd1'))
  await enter('f', on('h3', 'd3'))
  await seen(t, inside, ['a', 'b', 'd', 'f'])
  leaveA()
  leaveA()
  await seen(t, inside, ['b', 'c', 'd', 'e', 'f'])
})

void t.test('who waits is not passed by those who came later for the same place', async t => {
  const { inside, enter } = bench(1, 1)
  const leave = await enter('a', on('h1', 'd1'))
  void enter('b', on('h1', 'd2'))
  void enter('c', on('h2', 'd2'))
  void enter('d', on('h3', 'd3'))
  await seen(t, inside, ['a', 'd'])
  leave()
  await seen(t, inside, ['b', 'd'])
})

void t.test('an aborted wait leaves nothing behind, also for those behind it', async t => {
  const { inside, enter, limits } = bench(1, 9)
  const leave = await enter('a', on('h1', 'd1'))
  const abort = new AbortController()
  const waiting = enter('b', on('h1', 'd1'), abort.signal)
  void enter('c', on('h1', 'd1'))
  abort.abort(new Error('cancelled'))
  await t.rejects(waiting, { message: 'cancelled' })
  await t.rejects(enter('x', on('h9', 'd9'), abort.signal), { message: 'cancelled' })
  leave()
  await seen(t, inside, ['c'])
  limits.disksPerHost = 2
  const more = await enter('d', on('h1', 'd1'))
  more()
})

void t.test(
  'a reader holds its place until it is closed, one that could not be opened holds none',
  async t => {
    const { budget } = bench(1, 1)
    let fails = true
    const readers = budgetedReaders(
      {
        open: async () => {
          if (fails) throw new Error('no reader')
          return { socketPath: 's', complaint: () => '', close: async () => undefined }
        },
      },
      budget,
    )
    const request = { vmMoref: 'vm-1', snapshotMoref: null, host: 'h1', diskKey: '2000' as never }
    const open = (fileName: string) => readers.open({ ...request, fileName }, never)
    await t.rejects(open('[d1] a/a.vmdk'), { message: 'no reader' })
    fails = false
    const reader = await open('[d1] a/a.vmdk')
    let isOpen = false
    const second = open('[d2] a/a.vmdk').then(() => (isOpen = true))
    await settle()
    t.notOk(isOpen, 'the host has one place')
    await reader.close()
    await second
    t.ok(isOpen)
  },
)
