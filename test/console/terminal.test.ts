import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { runPass, stepsOf, vmOf, GIB, type FakeAgent } from './fake-agent.js'
import { injections } from './injections.js'
import { key, PtyConsole, type ConsoleOptions } from './pty-console.js'
import { startSite } from './sites.js'
import { until } from '../lib/until.js'

/** What the helpers need of a test. */
interface Test {
  teardown(end: () => unknown): void
  equal(found: unknown, wanted: unknown, message: string): unknown
  ok(holds: boolean, message: string): unknown
}

async function siteFor(t: Test): Promise<FakeAgent> {
  const agent = await startSite()
  t.teardown(() => agent.remove())
  return agent
}

function openFor(t: Test, agent: FakeAgent, more: Partial<ConsoleOptions> = {}): PtyConsole {
  const view = new PtyConsole({ socketPath: agent.socketPath, ...more })
  t.teardown(() => view.dispose())
  return view
}

/** What a shell gets back: nothing may be left switched on. */
function modesRestored(t: Test, view: PtyConsole): void {
  const { modes, buffer } = view.terminal
  t.equal(buffer.active.type, 'normal', 'the alternate screen is left')
  t.equal(modes.mouseTrackingMode, 'none', 'no mouse reports')
  t.equal(modes.bracketedPasteMode, false, 'no bracketed paste')
  t.equal(modes.applicationCursorKeysMode, false, 'no application keys')
  t.ok(view.raw.lastIndexOf('\u001b[?25h') > view.raw.lastIndexOf('\u001b[?25l'), 'the cursor is shown')
}

void t.test('opens, lists, filters, shows a VM and its job, leaves a clean terminal', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  const list = await view.shows('erp-db-02', 'replicating', 'needs operator', '6 VMs')
  t.match(list.split('\n')[23], 'Enter Open')
  t.equal(view.terminal.buffer.active.type, 'alternate')
  view.press('/')
  await view.shows('-- typing --')
  for (const letter of 'share') view.press(letter)
  await view.until('only the match is left', text => text.includes('1 of 6 VMs') && !text.includes('mail-01'))
  view.press(key.enter)
  await view.until('the filter is kept', text => !text.includes('-- typing --'))
  view.press(key.enter)
  await view.shows(
    'VMs > fin-share',
    'TARGET_FULL',
    'Make room on the primary storage',
    'Hard disk 2',
    '40.0 GiB',
  )
  view.press('j')
  await view.shows('Steps of pass 1', '!! Move the data', 'failed')
  view.press(key.escape)
  await view.shows('VMs > fin-share')
  t.same(view.children(), [], 'no process was started')
  view.press('q')
  t.same(await view.ended(), { exitCode: 0, signal: 0 })
  modesRestored(t, view)
  t.same(view.intrusions, [])
})

void t.test('live progress, and a pass started and cancelled from the keyboard', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  const view = openFor(t, agent)
  await view.shows('erp-db-02')
  view.press(key.enter)
  await view.shows('25 %', '1.00 GiB of 4.00 GiB', 'ETA 1m 04s', 'unknown')
  const job = site.jobs[0]!
  const pass = site.passes.find(each => each.id === job.currentPass!.id)!
  pass.movedBytes = String(3n * GIB)
  pass.etaSeconds = null
  job.currentPass = { ...job.currentPass!, movedBytes: pass.movedBytes, etaSeconds: null }
  await view.shows('75 %', '3.00 GiB of 4.00 GiB', 'ETA unknown')
  view.press('c')
  await view.shows('Cancel pass 2?', '[ Let it run ]')
  view.press(key.enter)
  await view.shows('Nothing was changed')
  t.same(site.requests, [], 'the safe button sends nothing')
  view.press('c')
  await view.shows('Cancel pass 2?')
  view.press(key.tab)
  await view.shows('[ Cancel the pass ]')
  view.press(key.enter)
  await view.shows('is being cancelled', 'PASS_CANCELLED')
  t.same(site.requests, [`POST /v1/passes/${pass.id}/cancellation`])
  view.press('p')
  await view.shows('A pass of erp-db-02 was started', 'Pass 3')
  t.equal(site.requests.at(-1), 'POST /v1/replication-jobs/job-1/passes')
})

void t.test('starts replication of a VM, and shows what the agent refuses', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  const view = openFor(t, agent)
  await view.shows('old-print')
  view.press(key.end)
  view.press(key.enter)
  await view.shows('VMs > old-print', 'none: this VM is not replicated')
  site.refuse = { code: 'CLOUDSTACK_UNREACHABLE', message: 'making a volume of 8 GiB' }
  view.press('s')
  await view.shows('Start replication?', 'old-print', '8.00 GiB', '[ Cancel ]')
  view.press(key.tab)
  view.press(key.enter)
  await view.shows(
    'CLOUDSTACK_UNREACHABLE',
    'CloudStack does not answer.',
    'making a volume',
    'Check the API address',
  )
  view.press(key.enter)
  view.press('s')
  await view.shows('Start replication?')
  view.press(key.tab)
  view.press(key.enter)
  await view.shows('Pass 1', 'copying')
  t.equal(site.requests.length, 3)
  t.match(site.requests[1], `POST /v1/replication-jobs {"sourceVmId":"${site.vms[3]!.id}"}`)
  t.match(site.requests[2], 'POST /v1/replication-jobs/job-5/passes')
})

void t.test('the agent dies and returns; the screen stays readable, actions are off', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('erp-web-01')
  view.press(key.down)
  view.press(key.enter)
  await view.shows('VMs > erp-web-01')
  await agent.stop()
  await view.shows('The agent does not answer', 'Trying again', 'VMs > erp-web-01', '!! agent away')
  view.press('p')
  await view.shows('actions are off')
  t.same(agent.site.requests, [])
  await agent.start()
  await view.until(
    'the banner goes',
    text => text.includes('answers again') && !text.includes('does not answer'),
    20_000,
  )
  view.press('p')
  await view.shows('was started')
})

void t.test('started before the agent: says so, and opens when it is there', async t => {
  const agent = await siteFor(t)
  await agent.stop()
  const view = openFor(t, agent)
  await view.shows('its socket does not exist', 'Reading the VMs')
  await agent.start()
  await view.shows('erp-db-02')
})

void t.test('database down: the failure and what to do are shown over the old data', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('erp-db-02')
  agent.site.failReads = 'STORE_UNAVAILABLE'
  await view.shows('STORE_UNAVAILABLE', 'erp-db-02', 'stale')
  agent.site.failReads = null
  await view.until('it heals', text => !text.includes('STORE_UNAVAILABLE'))
})

void t.test('an answer that does not fit the contract is a message, not a crash', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('erp-db-02')
  agent.site.jobs[0]!.state = 'levitating' as never
  await view.shows('described the jobs', 'erp-db-02')
  agent.site.jobs[0]!.state = 'replicating'
  await view.until('it heals', text => !text.includes('described the jobs'))
})

void t.test('hostile strings in every field neither act nor break the rows', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  const nowMs = Date.now()
  injections.forEach((text, index) =>
    site.vms.push(vmOf(100 + index, `zz${String(index).padStart(2, '0')}${text}`)),
  )
  const job = site.jobs[2]!
  const nasty = injections.join('')
  job.vmName = `fin-share${nasty}`
  job.lastPass = { ...job.lastPass!, failure: { ...job.lastPass!.failure!, message: nasty, next: nasty } }
  for (const disk of job.disks) Object.assign(disk, { label: nasty, changeId: nasty })
  site.passes[2]!.steps = stepsOf(nowMs, 4, 'failed').map(step => ({
    ...step,
    title: `${step.title} ${nasty}`,
  }))
  site.passes[2]!.disks = site.passes[2]!.disks.map(disk => ({
    ...disk,
    label: nasty,
    fallbacks: [nasty, nasty],
  }))
  const { status } = site
  site.status = () => ({ ...status(), version: `0.1.0${nasty}` })
  const view = openFor(t, agent, { rows: 50 })
  await view.shows('zz00', 'zz24')
  const aligned = view.rows().filter(row => /zz\d\d/.test(row))
  t.equal(aligned.length, injections.length)
  for (const row of aligned) t.match(row, /-- not replicated {8}none$/, 'the columns stand')
  view.press('/')
  for (const letter of 'name:fin') view.press(letter)
  await view.shows('1 of ')
  view.press(key.enter)
  view.press(key.enter)
  await view.shows('VMs > fin-share', 'Target')
  view.press('j')
  await view.shows('Move the data')
  view.press('?')
  await view.shows('What they do here')
  view.press(key.ctrlL)
  view.press('q')
  await view.shows('Move the data')
  view.press('q')
  await view.ended()
  t.same(view.intrusions, [], 'no title, no clipboard, no device control')
  t.notMatch(
    view.raw,
    /[\u0080-\u009f\u202a-\u202e\u2066-\u2069\u200b-\u200f]/u,
    'none of them reached the terminal',
  )
  const sequences = new Set(view.raw.match(/\u001b(\[[?>]?[\d;]*[a-zA-Z]|[^[])/g))
  // 22;0;0t and 23;0;0t keep and bring back the title: newer terminfo puts them into smcup and rmcup of xterm.
  const allowed =
    /^\u001b(\[\?(1|7|12|25|1000|1002|1003|1005|1006|1049|2004)[hl]|\[[\d;]*[HCDABdGrJKm]|\[[\d;]*l|\[2[23];0;0t|[=>78(])$/
  t.same(
    [...sequences].filter(sequence => !allowed.test(sequence)),
    [],
    'only the sequences of the painter',
  )
  t.notMatch(view.raw, /\u001b\[(\d+;)*8m/, 'nothing concealed')
})

void t.test('a storm of sizes down to 1x1 and back', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('erp-db-02')
  for (let round = 0; round < 60; round += 1) view.resize(1 + ((round * 37) % 219), 1 + ((round * 13) % 64))
  view.resize(30, 8)
  await view.shows('Needs 80x24, now 30x8.')
  view.resize(132, 43)
  await view.shows('erp-db-02', 'Capacity')
  view.resize(80, 24)
  await view.until('as before', text => text.includes('erp-db-02') && !text.includes('Capacity'))
  view.press('q')
  t.equal((await view.ended()).exitCode, 0)
})

void t.test('broken input, pastes and terminal replies do nothing', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('erp-db-02')
  view.press('\u001b[200~q\rq\rs\r\u001b[201~')
  await view.shows('Pasted text was ignored')
  const plain = openFor(t, agent, { term: 'linux' })
  await plain.shows('erp-db-02')
  plain.press('sq\rq\r')
  await plain.shows('Pasted text was ignored')
  t.equal(plain.exit, null, 'without brackets too')
  for (const junk of [
    '\u001b[?64;1c',
    '\u001b[5;5R',
    '\u001b]11;rgb:0/0/0\u001b\\',
    '\u001bP1$r0\u001b\\',
    '\u001b[<35;4;4M',
    '\u001bq',
  ]) {
    view.press(junk)
  }
  view.press(`\u001b]${'q'.repeat(200_000)}\u0007`)
  view.press('?')
  await view.shows('What they do here')
  view.press(key.escape)
  await view.shows('erp-db-02', '6 VMs')
  t.equal(view.exit, null)
  t.same(agent.site.requests, [])
})

void t.test('every way out leaves a clean terminal', async t => {
  const agent = await siteFor(t)
  for (const [signal, term] of [
    ['SIGTERM', 'xterm-256color'],
    ['SIGHUP', 'xterm-256color'],
    ['SIGINT', 'linux'],
    ['SIGQUIT', 'vt100'],
  ] as const) {
    const view = openFor(t, agent, { term })
    await view.shows('erp-db-02')
    process.kill(view.process.pid, 'SIGTSTP')
    view.press('?')
    await view.shows('What they do here')
    process.kill(view.process.pid, signal)
    t.equal((await view.ended()).exitCode, 0, `${signal} on ${term}`)
    modesRestored(t, view)
  }
})

void t.test('an error of our own restores the terminal, says so and ends with 1', async t => {
  const agent = await siteFor(t)
  const trap = "process.on('SIGUSR2',()=>{setImmediate(()=>{throw new Error('made up for a test')})})"
  const view = openFor(t, agent, {
    env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(trap)}` },
  })
  await view.shows('erp-db-02')
  process.kill(view.process.pid, 'SIGUSR2')
  t.equal((await view.ended()).exitCode, 1)
  modesRestored(t, view)
  t.match(view.raw, 'an unexpected error ended it')
})

void t.test('drawing tiers can be changed while it runs', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent)
  await view.shows('erp-db-02', '██')
  view.press(key.ctrlT)
  await view.shows('Drawing: vt')
  view.press(key.ctrlT)
  await view.shows('Drawing: ascii', '[##')
  t.match(view.text(), /^[\n\x20-\x7e]*$/)
  view.press(key.ctrlT)
  await view.shows('Drawing: rich', '██')
})

void t.test('terminal types draw the same screen in what they have', async t => {
  const agent = await siteFor(t)
  for (const [term, lang, mark] of [
    ['linux', 'C.UTF-8', '██'],
    ['screen-256color', 'C.UTF-8', '██'],
    ['vt100', 'C', '[##'],
    ['xterm', 'C', '[##'],
    ['no-such-terminal', 'C.UTF-8', '[##'],
  ] as const) {
    const view = openFor(t, agent, { term, lang })
    await view.shows('erp-db-02', 'replicating', mark)
    if (mark === '[##') t.match(view.raw, /^[\x00-\x7f]*$/, `${term}: 7 bits only`)
    if (term === 'vt100') t.notMatch(view.raw, /\u001b\[[\d;]*3[0-7]m/, 'vt100: no colour')
    view.press('q')
    t.equal((await view.ended()).exitCode, 0, term)
  }
})

void t.test('refuses to start without a terminal, a cursor or a socket, with status 2', async t => {
  const main = path.join(import.meta.dirname, '../../dist/console/main.js')
  const run = (args: readonly string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  const noTty = run(['--socket', '/nowhere.sock'])
  t.equal(noTty.status, 2)
  t.match(noTty.stderr, 'draws on a terminal')
  t.equal(noTty.stdout, '')
  const noSocket = run([])
  t.equal(noSocket.status, 2)
  t.match(noSocket.stderr, 'usage:')
  t.equal(run(['--socket', 'x', '--tier', 'gold']).status, 2)
  t.equal(run(['--sockets', 'x']).status, 2)
  const agent = await siteFor(t)
  const dumb = openFor(t, agent, { term: 'dumb' })
  t.equal((await dumb.ended()).exitCode, 2)
  t.match(dumb.raw, 'TERM')
  t.notMatch(dumb.raw, '\u001b[', 'nothing was drawn')
})

void t.test('1,000 and 5,000 VMs: quick keys, little memory', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  for (let number = 10; site.vms.length < 1000; number += 1) site.vms.push(vmOf(number, `web-${number}`))
  const view = openFor(t, agent)
  await view.shows('1000 VMs')
  runPass(site, 'job-2', Date.now())
  await view.until('a poll was drawn', text => text.split('replicating').length === 3)
  const kib = view.residentKib()
  t.comment(`resident with 1,000 VMs: ${Math.round(kib / 1024)} MiB`)
  t.ok(kib < 100 * 1024, 'under 100 MiB')
  for (let number = 2000; site.vms.length < 5000; number += 1) site.vms.push(vmOf(number, `app-${number}`))
  await view.shows('5000 VMs')
  const times: number[] = []
  for (let press = 0; press < 20; press += 1) {
    const before = view.text()
    const start = performance.now()
    view.press(press % 2 === 0 ? key.pageDown : key.down)
    await until('the key is drawn', () => view.text() !== before)
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  t.comment(
    `key to screen with 5,000 VMs: median ${times[10]!.toFixed(1)} ms, worst ${times.at(-1)!.toFixed(1)} ms`,
  )
  t.ok(times[10]! < 100, 'keys stay quick')
  t.comment(`resident with 5,000 VMs: ${Math.round(view.residentKib() / 1024)} MiB`)
  t.same(view.children(), [])
})
