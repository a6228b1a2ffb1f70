import t from 'tap'
import { GIB } from './fake-agent.js'
import { modesRestored, openListFor, siteFor } from './open-console.js'
import { key } from './pty-console.js'

void t.test('opens, lists, filters, shows a VM and its job, leaves a clean terminal', async t => {
  const agent = await siteFor(t)
  const view = await openListFor(t, agent)
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
  const view = await openListFor(t, agent)
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
  await view.shows('Type CANCEL first')
  t.same(site.requests, [], 'nor does the other one without the word')
  for (const letter of 'CANCEL') view.press(letter)
  await view.shows('[CANCEL')
  view.press(key.enter)
  await view.shows('is being cancelled', 'PASS_CANCELLED')
  t.same(site.requests, [`POST /v1/passes/${pass.id}/cancellation`])
  view.press('p')
  await view.shows('A pass of erp-db-02 was started', 'Pass 3')
  t.equal(site.requests.at(-1), 'POST /v1/replication-jobs/job-1/passes')
})

void t.test('a job is paused, resumed and stopped from the keyboard', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  const view = await openListFor(t, agent)
  await view.shows('erp-db-02')
  view.press(key.enter)
  await view.shows('VMs > erp-db-02', 'z Pause')
  view.press('z')
  await view.shows('is paused', 'Z Resume', 'nothing moves until Z is pressed')
  view.press('Z')
  await view.shows('goes on')
  await view.until('it is not paused any more', text => !text.includes('nothing moves until'))
  view.press('x')
  await view.shows('starts no further pass', 'X Allow passes', 'no pass starts until X is pressed')
  view.press('X')
  await view.shows('may start passes again')
  const path = '/v1/replication-jobs/job-1'
  t.same(site.requests, [
    `PUT ${path}/pause`,
    `DELETE ${path}/pause`,
    `PUT ${path}/stop`,
    `DELETE ${path}/stop`,
  ])
})

void t.test('starts replication of a VM, and shows what the agent refuses', async t => {
  const agent = await siteFor(t)
  const { site } = agent
  const view = await openListFor(t, agent)
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
