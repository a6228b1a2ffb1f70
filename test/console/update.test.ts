import t from 'tap'
import { type Action } from '../../console/event.js'
import { commandFor } from '../../console/keymap.js'
import { focusedTable, vmRows } from '../../console/lists.js'
import {
  lacksSomething,
  pollIntervalMs,
  retryDelayMs,
  staleSeconds,
  wantedParts,
} from '../../console/polling.js'
import { type Deed, type State } from '../../console/state.js'
import type { Failure } from '../../console/part.js'
import { update } from '../../console/update.js'
import { vmOf } from './fake-agent.js'
import { answered, emptySite, openedOn, pressed, pressStep, recordedSite, startState } from './recorded.js'
import { siteNowMs } from './sites.js'

const kinds = (actions: readonly Action[]): string[] => actions.map(action => action.kind)
const deedOf = (actions: readonly Action[]): Deed | undefined =>
  actions.flatMap(action => (action.kind === 'do' ? [action.deed] : []))[0]
const tick = (state: State, nowMs: number) => update(state, { kind: 'tick', nowMs })
const away = (state: State, nowMs: number): State =>
  update(state, {
    kind: 'agent-away',
    number: state.polling.inFlight!,
    nowMs,
    reason: 'nobody listens on its socket',
  }).state

void t.test('polls: one at a time, and at once for what a screen lacks', async t => {
  const first = tick(startState(), siteNowMs)
  t.same(kinds(first.actions), ['poll'])
  t.same(tick(first.state, siteNowMs + 60_000).actions, [], 'a silent agent gets no second poll')
  const site = recordedSite()
  const state = answered(first.state, site)
  t.equal(state.link.kind, 'up')
  t.notOk(lacksSomething(state))
  const opened = pressStep(pressed(state, site, '2'), 'enter')
  const [poll] = opened.actions
  t.equal(poll?.kind, 'poll', 'opening a VM asks for it without waiting')
  t.match(
    wantedParts(opened.state).map(part => `${part.name} ${part.key}`),
    ['status ', 'jobs ', 'job job-1', 'pass job-1-pass-2'],
  )
  t.equal(pollIntervalMs(state), 1000, 'something runs: every second')
  t.equal(pollIntervalMs(openedOn(emptySite())), 5000, 'nothing runs: every 5 s')
})

void t.test('an answer to an older poll changes nothing', async t => {
  const state = openedOn(recordedSite())
  t.equal(update(state, { kind: 'polled', number: 0, nowMs: siteNowMs + 1, parts: [] }).state, state)
  t.equal(update(state, { kind: 'agent-away', number: 0, nowMs: siteNowMs + 1, reason: 'x' }).state, state)
})

void t.test('the agent goes away and comes back', async t => {
  const site = recordedSite()
  let state = openedOn(site)
  state = tick(state, siteNowMs + 1000).state
  state = away(state, siteNowMs + 1000)
  t.match(state.link, { kind: 'away', attempts: 1, retryAtMs: siteNowMs + 2000 })
  t.equal(vmRows(state).length, 6, 'what was known stays readable')
  state = away(tick(state, siteNowMs + 2000).state, siteNowMs + 2000)
  t.match(state.link, { kind: 'away', attempts: 2, sinceMs: siteNowMs + 1000, retryAtMs: siteNowMs + 4000 })
  t.same([1, 2, 3, 4, 5, 20].map(retryDelayMs), [1000, 2000, 4000, 8000, 10_000, 10_000])
  const vm = pressed(state, null, 'down', 'enter')
  const tried = pressStep(vm, 'p')
  t.equal(deedOf(tried.actions), undefined, 'no action while nobody answers')
  t.match(tried.state.message?.text, 'actions are off')
  state = tick(state, siteNowMs + 4000).state
  state = answered(state, site, siteNowMs + 4000)
  t.equal(state.link.kind, 'up')
  t.match(state.message?.text, 'answers again')
})

void t.test('data is stale after three missed polls, not before', async t => {
  const state = openedOn(recordedSite())
  t.equal(staleSeconds({ ...state, nowMs: siteNowMs + 3000 }, 'jobs'), null)
  t.equal(staleSeconds({ ...state, nowMs: siteNowMs + 4000 }, 'jobs'), 4)
  t.equal(staleSeconds({ ...state, nowMs: siteNowMs + 90_000 }, 'vms'), null)
  t.equal(staleSeconds({ ...state, nowMs: siteNowMs + 120_000 }, 'vms'), 120)
})

void t.test('a refused reading keeps the old value and names the failure', async t => {
  const state = tick(openedOn(recordedSite()), siteNowMs + 1000).state
  const failure: Failure = { code: 'STORE_UNAVAILABLE', sentence: 's', message: 'm', next: 'n' }
  const { state: after } = update(state, {
    kind: 'polled',
    number: state.polling.inFlight!,
    nowMs: siteNowMs + 1000,
    parts: [{ name: 'jobs', key: '', reading: { ok: false, failure } }],
  })
  t.equal(after.data.jobs.value?.length, 4)
  t.equal(after.data.jobs.failure?.code, 'STORE_UNAVAILABLE')
  t.equal(after.data.jobs.okMs, siteNowMs)
})

void t.test('the selection follows its VM when the list changes under it', async t => {
  const site = recordedSite()
  let state = pressed(openedOn(site), site, 'down', 'down')
  t.equal(state.tables.vms.selectedId, site.vms[2]!.id)
  site.vms.unshift(vmOf(90, 'aaa-new'))
  state = answered(tick(state, siteNowMs + 6000).state, site, siteNowMs + 6000)
  const { ids } = focusedTable(state)
  t.equal(ids.length, 7)
  t.equal(pressed(state, site, 'enter').screen.kind, 'vm')
  t.match(pressed(state, site, 'enter').screen, { vmId: site.vms[3]!.id }, 'still fin-share')
  site.vms.splice(3, 1)
  state = answered(tick(state, siteNowMs + 12_000).state, site, siteNowMs + 12_000)
  t.match(pressed(state, site, 'enter').screen, { kind: 'vm', vmId: site.vms[0]!.id }, 'gone: the first row')
})

void t.test('start replication: asked first, then the job, then its first pass', async t => {
  const site = recordedSite()
  const asked = pressed(openedOn(site), site, 'end', 'enter', 's')
  t.match(asked.overlay, { kind: 'confirm', button: 0, typed: null }, 'the safe button is chosen')
  t.same(pressStep(asked, 'enter').actions, [], 'Enter alone changes nothing')
  t.same(pressStep(asked, 'escape').actions, [])
  t.same(pressStep(asked, 's').actions, [], 'the same letter again does not confirm')
  const sent = pressStep(pressed(asked, null, 'tab'), 'enter')
  const deed = deedOf(sent.actions)!
  t.match(deed, { kind: 'start-replication', vmName: 'old-print' })
  t.equal(deedOf(pressStep(sent.state, 'p').actions), undefined, 'one action at a time')
  const created = update(sent.state, {
    kind: 'deed-ended',
    nowMs: siteNowMs,
    deed,
    outcome: { kind: 'job-created', jobId: 'job-9' },
  })
  t.match(deedOf(created.actions), { kind: 'start-pass', jobId: 'job-9', vmName: 'old-print' })
  const done = update(created.state, {
    kind: 'deed-ended',
    nowMs: siteNowMs,
    deed: created.state.deed!,
    outcome: { kind: 'done' },
  }).state
  t.equal(done.deed, null)
  t.match(done.message, { tone: 'good' })
})

void t.test('a VM with a job cannot get a second, a running pass no sibling', async t => {
  const site = recordedSite()
  const running = pressed(openedOn(site), site, 'enter')
  t.equal(pressed(running, null, 's').overlay, null)
  t.match(pressed(running, null, 's').message?.text, 'already has')
  t.match(pressed(running, null, 'p').message?.text, 'is running')
  const idle = pressed(openedOn(site), site, 'down', 'enter')
  t.match(pressed(idle, null, 'c').message?.text, 'No pass')
  t.match(deedOf(pressStep(idle, 'p').actions), { kind: 'start-pass', jobId: 'job-2' })
})

void t.test('cancel a pass: only after the other button was chosen', async t => {
  const site = recordedSite()
  const asked = pressed(openedOn(site), site, 'enter', 'c')
  t.equal(deedOf(pressStep(asked, 'enter').actions), undefined)
  const chosen = pressed(asked, null, 'tab')
  t.equal(deedOf(pressStep(chosen, 'enter').actions), undefined, 'not without the word')
  t.match(pressed(chosen, null, 'enter').message?.text, 'Type CANCEL first')
  const nearly = pressed(chosen, null, 'C', 'A', 'N', 'C', 'E')
  t.equal(deedOf(pressStep(nearly, 'enter').actions), undefined, 'not with a part of it')
  t.equal(deedOf(pressStep(pressed(nearly, null, 'l'), 'enter').actions), undefined, 'not in other letters')
  const pasted = update(chosen, { kind: 'paste', text: 'CANCEL' }).state
  t.equal(deedOf(pressStep(pasted, 'enter').actions), undefined, 'not pasted')
  t.match(deedOf(pressStep(pressed(nearly, null, 'L'), 'enter').actions), {
    kind: 'cancel-pass',
    passId: 'job-1-pass-2',
    number: 2,
  })
})

void t.test('a silent agent leaves it open whether a deed happened', async t => {
  const site = recordedSite()
  const sent = pressStep(pressed(openedOn(site), site, 'down', 'enter'), 'p')
  const ended = update(sent.state, {
    kind: 'deed-ended',
    nowMs: siteNowMs,
    deed: sent.state.deed!,
    outcome: { kind: 'unknown', reason: 'no answer in 8 s' },
  })
  t.match(ended.state.message?.text, 'may still have happened')
  t.same(kinds(ended.actions), ['poll'], 'and looks at once')
})

void t.test('filter: typed, kept, dropped; keys are letters meanwhile', async t => {
  const site = recordedSite()
  const typing = pressed(openedOn(site), site, '/', 'q', 'backspace', 'e', 'r', 'p')
  t.match(typing.overlay, { kind: 'filter' }, 'q did not leave')
  t.same(
    vmRows(typing).map(row => row.vm.name),
    ['erp-db-02', 'erp-web-01'],
  )
  t.equal(vmRows(pressed(typing, site, 'escape')).length, 6)
  const kept = pressed(typing, site, 'enter')
  t.equal(vmRows(kept).length, 2)
  t.equal(vmRows(pressed(kept, site, 'escape')).length, 6, 'Esc on the list takes the filter away')
  t.equal(vmRows(pressed(kept, site, '/', 'ctrl-u', 's', 't', 'a', 't', 'e', ':', 'f')).length, 1)
})

void t.test('pastes are text in a field and nothing elsewhere', async t => {
  const site = recordedSite()
  const state = openedOn(site)
  const ignored = update(state, { kind: 'paste', text: 'q\nq\n' })
  t.same(ignored.actions, [])
  t.match(ignored.state.message?.text, 'ignored')
  const filtered = update(pressed(state, site, '/'), { kind: 'paste', text: 'erp\u001b[2J\u202e\n' }).state
  t.match(filtered.tables.vms.filter, /^erp\?\[2J\? $/)
})

void t.test('Esc always goes one level up and never leaves; q and ^L act', async t => {
  const site = recordedSite()
  let state = pressed(openedOn(site), site, 'enter', 'j', '?')
  for (let level = 0; level < 20; level += 1) state = pressed(state, site, 'escape')
  t.same(state.screen, { kind: 'home' })
  t.equal(state.overlay, null)
  t.same(kinds(pressStep(state, 'q').actions), ['quit'])
  t.same(kinds(pressStep(state, 'ctrl-l').actions), ['redraw'])
  t.equal(pressed(state, null, 'ctrl-t').tier, 'vt')
  t.equal(commandFor('typing', 'q'), null)
})

void t.test('the clock and the ages are the agent’s', async t => {
  const site = recordedSite()
  const state = answered(tick(startState(siteNowMs - 60_000), siteNowMs - 60_000).state, site)
  t.equal(state.skewMs, 60_000)
})

void t.test('jobs of VMs that left the inventory stay reachable', async t => {
  const site = recordedSite()
  site.vms.splice(0)
  const job = pressed(openedOn(site), site, '3', 'enter')
  t.match(job.screen, { kind: 'job', jobId: 'job-1' })
  t.match(pressed(job, site, 'escape').screen, { kind: 'jobs' })
})
