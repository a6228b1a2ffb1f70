import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { spawn } from 'node:child_process'
import t from 'tap'
import pty from 'node-pty'
import { until } from '../lib/until.js'
import { canaries, omaAnswers, thumbprint, tomlOf } from './answers-of.js'
import { key, PtyConsole } from '../console/pty-console.js'

const program = (name: string): string => path.join(import.meta.dirname, '../../dist', name)
const salt = Buffer.alloc(16, 7).toString('base64')

interface Test {
  teardown(end: () => unknown): void
}

function directoryFor(t: Test): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'wizard-test-'))
  t.teardown(() => fs.rmSync(dir, { recursive: true }))
  fs.mkdirSync(path.join(dir, 'state'))
  fs.writeFileSync(path.join(dir, 'state/salt'), salt)
  return dir
}

const optionsIn = (dir: string): string[] => [
  '--state-dir',
  path.join(dir, 'state'),
  '--result-dir',
  path.join(dir, 'result'),
]

const filesOf = (dir: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    fs
      .readdirSync(dir)
      .sort()
      .map(name => [name, fs.readFileSync(path.join(dir, name), 'utf8')]),
  )

const [interfaceName = ''] = fs
  .readdirSync('/sys/class/net')
  .filter(name => name !== 'lo')
  .sort()
const answers = { ...omaAnswers, 'network.interface': interfaceName, 'keyboard.layout': 'us' }

/** What the answers file of the same answers gives. */
async function wantedResult(t: Test): Promise<Readonly<Record<string, string>>> {
  const dir = directoryFor(t)
  fs.writeFileSync(path.join(dir, 'given'), tomlOf(answers))
  const child = spawn(process.execPath, [
    program('wizard/main.js'),
    ...optionsIn(dir),
    '--answers',
    path.join(dir, 'given'),
  ])
  await until('it ends', () => child.exitCode !== null)
  return filesOf(path.join(dir, 'result'))
}

/** Lines of a run, by what the prompt begins with; a prompt that is not here gets an empty line. */
const lines: Readonly<Record<string, string>> = {
  'Keyboard layout': '1',
  'This appliance is': '1',
  VLAN: '120',
  MTU: '1500',
  'IPv4 (1 DHCP': '2',
  'IPv4 with prefix': '192.0.2.10/24',
  'IPv4 gateway': '192.0.2.1',
  'Name servers': '192.0.2.53, 192.0.2.54',
  'Search domains': 'example.net',
  'Host name': 'oma-01',
  'Time servers': 'ntp.example.net',
  Password: canaries['admin.password'],
  'The same again': canaries['admin.password'],
  'API address': omaAnswers['cloudstack.url']!,
  'API key': 'the-api-key',
  'Secret key': canaries['cloudstack.secret_key'],
  'SHA-256': thumbprint,
  'Type KEEP': 'KEEP',
}

/** Plays a person on a terminal in the plain tier; `stopAt`: killed when that prompt comes. */
async function play(
  t: Test,
  dir: string,
  more: readonly string[],
  stopAt: string | null,
  stops = new Set<string>(),
) {
  const child = pty.spawn(process.execPath, [program('wizard/main.js'), ...optionsIn(dir), ...more], {
    name: 'dumb',
    env: { PATH: '/usr/bin', TERM: 'dumb' },
    cols: 200,
  })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  let from = 0
  const ended: { code: number | null } = { code: null }
  child.onData(text => (said += text))
  child.onExit(({ exitCode }) => (ended.code = exitCode))
  for (;;) {
    await until(
      'a prompt or the end',
      () => ended.code !== null || / : $|: $/.test(said.slice(from)),
      30_000,
    ).catch((cause: unknown) => {
      throw new Error(`it said:\n${said}`, { cause })
    })
    if (ended.code !== null) return { exit: ended.code, said }
    const prompt = said.slice(from).split('\n').at(-1) ?? ''
    from = said.length
    if (stopAt !== null && prompt.startsWith(stopAt)) {
      child.kill('SIGKILL')
      await until('it is dead', () => ended.code !== null)
      return { exit: ended.code, said }
    }
    stops.add(prompt.replace(/[,(:].*$/s, '').trim())
    const known = Object.keys(lines).find(each => prompt.startsWith(each))
    // An echoed line ends in \r\n and never looks like a prompt.
    child.write(`${known === undefined ? '' : lines[known]!}\r`)
    await until('the line is taken', () => said.length > from || ended.code !== null)
  }
}

void t.test('asked line by line, it gives the bytes of the answers file; secrets never show', async t => {
  const dir = directoryFor(t)
  const { exit, said } = await play(t, dir, [], null)
  t.equal(exit, 0)
  t.same(filesOf(path.join(dir, 'result')), await wantedResult(t))
  t.notMatch(said, 'canary', 'no secret is echoed')
  t.notMatch(said, /\u001b/, 'nothing acts on the terminal')
  t.match(said, 'could not be read', 'the certificate of nobody is said to be unreadable')
  t.same(fs.readdirSync(path.join(dir, 'state')), ['salt'])
})

void t.test('killed at every prompt of the way, it goes on and ends the same', async t => {
  const dir = directoryFor(t)
  const wanted = await wantedResult(t)
  for (const stop of [
    'This appliance is',
    'VLAN',
    'IPv4 with prefix',
    'Host name',
    'Password',
    'API address',
    'SHA-256',
  ]) {
    await play(t, dir, [], stop)
    t.notMatch(fs.readFileSync(path.join(dir, 'state/salt'), 'utf8'), 'canary')
    const progress = path.join(dir, 'state/progress.json')
    if (fs.existsSync(progress))
      t.notMatch(fs.readFileSync(progress, 'utf8'), 'canary', `${stop}: no secret in it`)
  }
  const seen = new Set<string>()
  const { exit } = await play(t, dir, [], null, seen)
  t.equal(exit, 0)
  t.notOk(seen.has('Password'), 'what was stored is not asked again')
  t.same(filesOf(path.join(dir, 'result')), wanted)
})

void t.test('the network helper applies; KEEP keeps, a timer that ran out does not', async t => {
  const dir = directoryFor(t)
  const socket = path.join(dir, 'helper.sock')
  const args = [
    '--socket',
    socket,
    '--state-dir',
    path.join(dir, 'helper'),
    '--root',
    path.join(dir, 'etc'),
    '--files-only',
  ]
  const helper = spawn(process.execPath, [program('agent/nethelper/main.js'), ...args], { stdio: 'ignore' })
  t.teardown(() => helper.kill('SIGKILL'))
  await until('the helper listens', () => fs.existsSync(socket))
  const { exit, said } = await play(t, dir, ['--nethelper', socket], 'Type KEEP')
  t.match(said, 'go back in')
  t.not(exit, null)
  t.ok(fs.existsSync(path.join(dir, 'helper/pending.json')), 'the change waits without the wizard')
  const resumed = await play(t, dir, ['--nethelper', socket], null)
  t.equal(resumed.exit, 0)
  t.notOk(fs.existsSync(path.join(dir, 'helper/pending.json')))
  t.match(fs.readFileSync(path.join(dir, 'etc/hostname'), 'utf8'), 'oma-01')
  t.match(fs.readFileSync(path.join(dir, 'etc/systemd/network/10-ossea.network'), 'utf8'), '192.0.2.10/24')
})

void t.test('drawn: validation inline, back keeps what was typed, a secret is masked', async t => {
  const dir = directoryFor(t)
  const view = new PtyConsole({ socketPath: null, main: '../wizard/main.js', args: optionsIn(dir) })
  t.teardown(() => view.dispose())
  await view.shows('Step 1 of', 'Keyboard layout', '< English (US) >')
  view.press('\u001b[21~')
  await view.shows('Step 2 of', 'OMA, inside CloudStack')
  view.press('\u001b[21~')
  await view.shows('Network link', interfaceName)
  for (const press of [key.tab, '5', '0', '0', '0', key.tab]) view.press(press)
  await view.shows('A whole number from 1 to 4094')
  view.press('\u001b[21~')
  await view.shows('Step 3 of')
  for (const press of ['\u007f', '\u007f', '\u007f', '\u007f', '7', key.tab, key.tab, '\u001b[C'])
    view.press(press)
  await view.shows('[7', '< Static >')
  view.press('\u001b[21~')
  await view.shows('Step 4 of', 'IPv4 gateway')
  for (const letter of '192.0.2.300/24') view.press(letter)
  view.press(key.tab)
  await view.shows('300 is more than 255')
  view.press(key.escape)
  await view.shows('Step 3 of', '[7', '< Static >')
  view.press('\u001b[21~')
  await view.shows('192.0.2.300/24')
  t.same(view.children(), [])
  t.same(view.intrusions, [])
})
