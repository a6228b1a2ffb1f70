import t from 'tap'
import { stepsOf, vmOf } from './fake-agent.js'
import { injections } from './injections.js'
import { openListFor, siteFor } from './open-console.js'
import { key } from './pty-console.js'

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
  const view = await openListFor(t, agent, { rows: 50 })
  await view.shows('zz00', 'zz24')
  const aligned = view.rows().filter(row => /zz\d\d/.test(row))
  t.equal(aligned.length, injections.length)
  for (const row of aligned) t.match(row.trimEnd(), /-- not replicated {8}none$/, 'the columns stand')
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

void t.test('broken input, pastes and terminal replies do nothing', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
  await view.shows('erp-db-02')
  view.press('\u001b[200~q\rq\rs\r\u001b[201~')
  await view.shows('Pasted text was ignored')
  const plain = await openListFor(t, agent, { term: 'linux' })
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
