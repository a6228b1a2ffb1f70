import t from 'tap'
import { demoClient } from '../../console/demo/client.js'
import { Driven, drivenNowMs } from './driven.js'
import { pageScenes } from './page-scenes.js'
import { randomOf } from './random-keys.js'

/** `RANDOM_KEYS=100000` makes it the long run, `RANDOM_SEED` another one. */
const keyCount = Number(process.env['RANDOM_KEYS'] ?? 3000)
const seed = Number(process.env['RANDOM_SEED'] ?? 11)

const names = [
  ...Array.from('123456781234567 aAbBcCdDefFiInoOpQrRsSvwxXyzZ*/?+-jkgGT~é日\u001b\u009b\u202e'),
  ...['enter', 'enter', 'enter', 'tab', 'tab', 'backtab', 'up', 'down', 'down', 'left', 'right', 'escape'],
  ...['pageup', 'pagedown', 'home', 'end', 'f1', 'f2', 'f6', 'f7', 'f8', 'f10', 'f12', 'backspace', 'delete'],
  ...['ctrl-a', 'ctrl-u', 'ctrl-k', 'ctrl-l', 'ctrl-t', 'ctrl-r', 'ctrl-c'],
]
/** Words a question may want: typed whole now and then, so that what is behind it is reached. */
const words = ['DELETE', 'REMOVE', 'CANCEL', 'DETACH', 'REVOKE', 'CLEANUP', 'UNPIN', 'LESS']

const ways = Object.values(pageScenes)

/** Calls that take something away from somebody. */
const destructive = new Set([
  'deleteJob',
  'unmanageVm',
  'cancelVerification',
  'cancelPass',
  'removeOrphan',
  'operate',
  'goBack',
  'restoreTo',
  'remove',
  'close',
])
const harmlessOperations = new Set(['create', 'attach', 'attach-root'])

type Client = ReturnType<typeof demoClient>

/** The recorded site; each call is told before it is made. */
function watched(called: (name: string, first: unknown) => void): Client {
  const wrap = <T extends object>(calls: T): T =>
    new Proxy(calls, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver)
        if ((name === 'volumes' || name === 'points') && typeof value === 'object' && value !== null)
          return wrap(value)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          called(String(name), args[0])
          return Reflect.apply(value, target, args)
        }
      },
    })
  return wrap(demoClient(() => drivenNowMs))
}

void t.test(`${keyCount} random keys, seed ${seed}`, async t => {
  const random = randomOf(seed)
  const pick = <T>(items: readonly T[]): T => items[random(items.length)]!
  let confirmed: string | null = null
  const unasked: string[] = []
  const calls = new Map<string, number>()
  let losses = 0
  const onCall = (name: string, first: unknown): void => {
    calls.set(name, (calls.get(name) ?? 0) + 1)
    if (!destructive.has(name)) return
    const kind = typeof first === 'object' && first !== null && 'kind' in first ? String(first.kind) : ''
    if (name === 'operate' && harmlessOperations.has(kind)) return
    if (confirmed === null) unasked.push(`${name} ${kind}`)
    losses += 1
    confirmed = null
  }
  const start = (): Driven => new Driven({ client: watched(onCall) })
  let console = start()
  t.teardown(() => console.stop())
  await console.settled()
  const places = new Set<string>()
  for (let count = 0; count < keyCount; count += 1) {
    const { overlay } = console.state
    const typed = overlay?.kind === 'question' || overlay?.kind === 'confirm' ? overlay.typed : null
    const whole = (word: string): readonly string[] => Array.from(random(10) < 7 ? word : pick(words))
    // Fingers that know the way, now and then: chance alone seldom gets deep.
    const way = ['escape', 'escape', 'escape', 'escape', ...pick(ways)]
    const one: readonly string[] = random(15) === 0 ? way : [pick(names)]
    // A question is where it matters: words and near misses come oftener there.
    const keys =
      typed === null
        ? one
        : [one, ['tab', 'enter'], whole(typed.wanted), [...whole(typed.wanted), 'tab', 'enter']][random(4)]!
    for (const key of keys) {
      const now = console.state.overlay
      const asked = now?.kind === 'question' || now?.kind === 'confirm' ? now : null
      // Enter on the other button, with the whole word in the field, is the only way to a loss.
      const word = asked?.typed ?? null
      const isTyped = word !== null && asked?.button === 1 && word.line.text === word.wanted
      confirmed = isTyped && key === 'enter' ? word.wanted : null
      console.send({ kind: 'key', key })
      await console.settled()
    }
    if (random(50) === 0) console.send({ kind: 'paste', text: 'pasted\r\u001b[2Jtext' })
    if (random(50) === 0) {
      const size = { cols: 20 + random(200), rows: 5 + random(60) }
      console.send({ kind: 'resized', ...size })
    }
    await console.settled()
    const { screen, tier, size } = console.state
    places.add(screen.kind === 'page' ? screen.page : screen.kind)
    const text = console.picture()
    if (/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/u.test(text))
      t.fail(`a control character is drawn: ${text}`)
    if (tier !== 'plain' && text.split('\n').length !== size.rows)
      t.fail(`rows are missing after key ${count}`)
    if (console.quits > 0) console.quits = 0
    // The record fills and empties: a new one from time to time.
    if (count % 500 === 499) {
      console.stop()
      console = start()
      await console.settled()
    }
  }
  t.ok(losses > 5, `${losses} losses were asked for`)
  t.same(unasked, [], 'nothing is lost without a typed confirmation')
  t.comment(`places: ${[...places].sort().join(' ')}`)
  t.comment(`calls: ${JSON.stringify(Object.fromEntries(calls))}`)
  for (let count = 0; count < 20; count += 1) {
    const typing = console.state.overlay?.kind === 'filter'
    await console.press(typing ? 'enter' : 'escape')
  }
  t.equal(console.state.screen.kind, 'home', 'Esc always leads home')
})
