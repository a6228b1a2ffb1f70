import t from 'tap'
import type { PointPolicyView, PointView } from '../../agent/api/points.js'
import { demoClient } from '../../console/demo/client.js'
import { bytesOf, exactBytes, exactSeconds, secondsOf } from '../../console/pages/amounts.js'
import { typedName } from '../../console/pages/typed-name.js'
import { until } from '../lib/until.js'
import { driven, drivenNowMs } from './driven.js'

type Client = ReturnType<typeof demoClient>

/** The recorded site, with every call that changes a point told. */
function watchedClient(): { client: Client; asked: unknown[][] } {
  const demo = demoClient(() => drivenNowMs)
  const asked: unknown[][] = []
  const points: Client['points'] = {
    ...demo.points,
    restoreTo: (...args) => {
      asked.push(['restoreTo', ...args])
      return demo.points.restoreTo(...args)
    },
    changePolicy: (...args) => {
      asked.push(['changePolicy', ...args])
      return demo.points.changePolicy(...args)
    },
    pin: (...args) => {
      asked.push(['pin', ...args])
      return demo.points.pin(...args)
    },
  }
  return { client: { ...demo, points }, asked }
}

void t.test('a restore wants the name of the VM, and opens what it does', async t => {
  const { client, asked } = watchedClient()
  const console = await driven(t, { client })
  await console.press('3', 'enter', 'P', 'R')
  t.match(console.picture(), /The volumes are this point/, 'the newest point needs no restore')
  await console.press('down', 'R', 'right', 'f10')
  t.match(console.picture(), /given up where there is no room/)
  await console.type('crm-app-0')
  await console.press('tab', 'enter')
  t.same(asked, [], 'not with a part of the name')
  await console.type('1')
  await console.press('enter')
  t.match(asked, [['restoreTo', /^point-j1-39$/, 'drop']])
  t.match(console.picture(), /writing the volumes[^]*not known before its end/, 'no figure is made up')
  await console.press('escape')
  t.match(console.picture(), /Recovery points > crm-app-01/)
})

void t.test('keeping less is asked for with a word, keeping more is not', async t => {
  const { client, asked } = watchedClient()
  const console = await driven(t, { client })
  await console.press('3', 'enter', 'P', 'y', 'backspace', '9', 'tab', 'ctrl-u', 'f10')
  t.match(asked, [['changePolicy', 'j1', { maxPoints: 9, maxAgeSeconds: null }]])
  await console.press('y', 'tab', 'ctrl-u', '2', 'h', 'f10')
  t.match(console.picture(), /no limit now, then 2h/)
  t.equal(asked.length, 1)
  await console.press('tab')
  await console.type('LESS')
  await console.press('enter')
  t.match(asked[1], [
    'changePolicy',
    'j1',
    { maxPoints: 9, maxAgeSeconds: 7200 } satisfies Partial<PointPolicyView>,
  ])
  await console.press('y', 'ctrl-u', '9', '9', 'f10')
  t.match(console.picture(), /a whole number from 1 to 64/)
  t.equal(asked.length, 2, 'what the API does not take is not sent')
})

void t.test('a pin is set at once and taken away with a word', async t => {
  const { client, asked } = watchedClient()
  const console = await driven(t, { client })
  await console.press('3', 'enter', 'P', 'p')
  t.same(asked, [['pin', 'point-j1-40', true]])
  await console.press('p', 'tab', 'enter')
  t.equal(asked.length, 1)
  await console.type('UNPIN')
  await console.press('enter')
  t.same(asked[1], ['pin', 'point-j1-40', false])
})

void t.test('what cannot be told of points is not told as none', async t => {
  const demo = demoClient(() => drivenNowMs)
  const never = new Promise<never>(() => undefined)
  const lost = (point: PointView): PointView => ({
    ...point,
    isUsable: false,
    standing: { kind: 'lost', why: 'a layer is gone', endedAt: point.committedAt },
  })
  const client: Client = {
    ...demo,
    verifications: () => never,
    points: {
      ...demo.points,
      exports: () => never,
      list: async id => {
        const list = await demo.points.list(id)
        return { ...list, items: list.items.map(lost), usable: 0, hoursKept: null }
      },
    },
  }
  const console = await driven(t, { client, cols: 132, rows: 43 })
  await console.press('3', 'enter')
  // Two readings never come, so nothing is ever settled.
  const send = (key: string, said: () => boolean): Promise<void> => {
    console.send({ kind: 'key', key })
    return until(`${key} has its effect`, said)
  }
  await send('P', () => 'points j1' in console.state.readings)
  const text = console.picture()
  t.match(text, /!! lost +unknown +unknown/, 'comparison and export')
  t.match(text, /Usable {4}0, none to tell a span from/)
  t.match(text, /Why {7}a layer is gone/)
  for (const key of ['R', 'e'])
    await send(key, () => console.state.message?.text === 'This point cannot be used.')
})

void t.test('a name that no keyboard types has a word in its place', t => {
  t.equal(typedName('erp db 01', 'RESTORE'), 'erp db 01')
  for (const name of ['', ' x', 'x ', 'a  b', 'd\u00e9j\u00e0', '\u65e5\u672c', 'x'.repeat(41)])
    t.equal(typedName(name, 'RESTORE'), 'RESTORE', name)
  t.end()
})

void t.test('a long name has a line of its own, and room to be typed', async t => {
  const name = 'a-name-of-just-forty-characters-it-is-so'
  const demo = demoClient(() => drivenNowMs)
  const client: Client = {
    ...demo,
    jobs: async () => (await demo.jobs()).map(job => ({ ...job, vmName: name })),
  }
  const console = await driven(t, { client })
  await console.press('3', 'enter', 'P', 'b', 'tab')
  await console.type(name.slice(0, -1))
  t.match(console.picture(), new RegExp(`Type ${name} to go on:[^]*\\[${name.slice(0, -1)} `))
})

void t.test('amounts are said and read in one way', t => {
  for (const [text, seconds] of [
    ['90s', 90],
    ['90 m', 5400],
    ['36h', 129_600],
    ['7d', 604_800],
  ] as const)
    t.equal(secondsOf(text), seconds, text)
  for (const text of ['', '5', 'h', '-1h', '1.5h', '1w', '1h 2m']) t.equal(secondsOf(text), null, text)
  for (const seconds of [1, 90, 3600, 5400, 129_600, 90_061])
    t.equal(secondsOf(exactSeconds(seconds)), seconds)
  t.equal(bytesOf('20 GiB'), String(20n << 30n))
  for (const text of ['', '5', 'GiB', '1.5 GiB', '5 GB']) t.equal(bytesOf(text), null, text)
  for (const bytes of ['1', '1048576', '1073741825', String(3n << 40n)])
    t.equal(bytesOf(exactBytes(bytes)), bytes)
  t.end()
})
