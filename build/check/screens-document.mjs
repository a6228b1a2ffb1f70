// docs/screens/ shows the main screens as the console draws them on its recorded data; `npm run docs` writes it.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { at } from '../setup/paths.mjs'

const nowMs = Date.UTC(2026, 10, 24, 2, 0, 0)
const tiers = ['rich', 'vt', 'ascii', 'plain']

/** Name of the file, and the keys that lead there from the first screen. */
const scenes = [
  ['home', []],
  ['vms', ['2']],
  ['vms-filtered', ['2', '/', 'e', 'r', 'p']],
  ['vm', ['2', 'down', 'down', 'enter']],
  ['vm-failed', ['2', 'down', 'down', 'down', 'down', 'enter']],
  ['cancel-pass', ['2', 'down', 'down', 'enter', 'c', 'tab', 'C', 'A', 'N']],
  ['jobs', ['3']],
  ['job', ['3', 'down', 'down', 'enter']],
  ['discovery', ['2', 'a', ' ', ' ']],
  ['preflight', ['2', 'enter', 'f']],
  ['hardware', ['2', 'enter', 'w', 'enter']],
  ['verifications', ['3', 'enter', 'v']],
  ['points', ['3', 'enter', 'P', 'down', 'down']],
  ['point-restore', ['3', 'enter', 'P', 'down', 'R', 'f10']],
  ['delete-job', ['3', 'enter', 'x', 'D']],
  ['storage', ['4']],
  ['volume', ['4', 'enter']],
  ['findings', ['4', 'i']],
  ['setup', ['5']],
  ['cloudstack-keys', ['5', 'c', 'f10']],
  ['cloudstack-choices', ['5', 'c', 'f10', ' ', 'tab', 'k', 'tab', 's', 'f10']],
  ['diag', ['6']],
  ['messages', ['2', 'o', 'O', '7']],
  ['about', ['8']],
  ['help', ['2', '?']],
]

async function parts() {
  const load = file => import(at('dist/console', file))
  const files = ['demo/client.js', 'runner.js', 'state.js', 'panes/frame.js', 'ui/draw.js', 'plain/text.js']
  return Object.assign({}, ...(await Promise.all(files.map(load))))
}

const turn = () => new Promise(resolve => setImmediate(resolve))

/** The console with its runner and no terminal; a key is pressed when nothing is under way any more. */
async function drawn(kit, tier, keys) {
  const client = kit.demoClient(() => nowMs)
  const start = { cols: 80, rows: 24, tier, tiersOffered: tiers, hostName: 'oma-01', nowMs }
  let state = kit.initialState(start)
  const isBusy = () =>
    state.features === null ||
    state.polling.inFlight !== null ||
    state.asking.length > 0 ||
    state.deed !== null
  const fail = error => {
    throw error
  }
  const deps = {
    client,
    pageClient: client,
    nowMs: () => nowMs,
    draw: now => (state = now),
    quit: fail,
    crash: fail,
  }
  const runner = kit.startRunner(deps, state)
  const feed = async event => {
    runner.dispatch(event)
    do await turn()
    while (isBusy())
  }
  await feed({ kind: 'addresses', addresses: [{ interfaceName: 'ens3', address: '192.0.2.10' }] })
  await feed({ kind: 'tick', nowMs })
  for (const key of keys) await feed({ kind: 'key', key })
  runner.stop()
  const view = kit.frameView(state)
  if (tier === 'plain') return [...kit.plainText(view), kit.plainPrompt(view).trimEnd()].join('\n').trim()
  return kit.drawView(view, state.size, tier).text()
}

/** Every file of docs/screens/, by name. */
async function expected() {
  const kit = await parts()
  const files = new Map()
  for (const [name, keys] of scenes) {
    files.set(`${name}.txt`, `${await drawn(kit, 'rich', keys)}\n`)
    if (name === 'home' || name === 'vm') {
      files.set(`${name}-ascii.txt`, `${await drawn(kit, 'ascii', keys)}\n`)
      files.set(`${name}-plain.txt`, `${await drawn(kit, 'plain', keys)}\n`)
    }
  }
  return files
}

export async function screensDocument() {
  const wanted = await expected()
  const there = existsSync(at('docs/screens')) ? readdirSync(at('docs/screens')) : []
  const same = name => readFileSync(at('docs/screens', name), 'utf8') === wanted.get(name)
  const stale = [...wanted.keys()].filter(name => !there.includes(name) || !same(name))
  const strange = there.filter(name => !wanted.has(name))
  const wrong = [...stale, ...strange]
  return wrong.length === 0
    ? []
    : [`docs/screens is not what the console draws (${wrong.join(', ')}): run \`npm run docs\``]
}

export async function writeScreens() {
  rmSync(at('docs/screens'), { recursive: true, force: true })
  mkdirSync(at('docs/screens'), { recursive: true })
  for (const [name, text] of await expected()) writeFileSync(at('docs/screens', name), text)
}

if (process.argv[1] === at('build/check/screens-document.mjs')) await writeScreens()
