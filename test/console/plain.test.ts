import { spawn } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { answerFor } from '../../console/plain/answer.js'
import { plainPrompt, plainText } from '../../console/plain/text.js'
import { frameView } from '../../console/panes/frame.js'
import { update } from '../../console/update.js'
import { type State } from '../../console/state.js'
import { until } from '../lib/until.js'
import { injections } from './injections.js'
import { openFor, siteFor, type Test } from './open-console.js'
import { homeOf, openedOn, pressed, recordedSite } from './recorded.js'

const main = path.join(import.meta.dirname, '../../dist/console/main.js')

/** What `line` makes of the state; the actions it asks for are counted by kind. */
function typed(state: State, line: string): { readonly state: State; readonly actions: readonly string[] } {
  const answer = answerFor(state, line)
  if (!answer.ok) throw new Error(answer.problem)
  let now = state
  const actions: string[] = []
  for (const event of answer.events) {
    const step = update(now, event)
    now = step.state
    actions.push(...step.actions.map(action => action.kind))
  }
  return { state: now, actions }
}

void t.test('lines mean what keys mean', async t => {
  const site = recordedSite()
  const list = openedOn(site, 'plain')
  t.match(typed(list, '3').state.screen, { kind: 'vm', vmId: site.vms[2]!.id }, 'the third row')
  t.match(typed(list, 'jobs').state.screen, { kind: 'jobs' })
  t.match(typed(list, '0').state.screen, { kind: 'home' })
  t.equal(typed(list, '/fin').state.tables.vms.filter, 'fin')
  t.same(typed(list, 'q').actions, ['quit'])
  t.same(typed(list, '').actions, [])
  for (const wrong of ['7', 'zz', 'p', '1.5', '\u001b[A']) t.equal(answerFor(list, wrong).ok, false, wrong)
})

void t.test('nothing is changed by a line but the right one', async t => {
  const site = recordedSite()
  const asked = pressed(openedOn(site, 'plain'), site, 'enter', 'c')
  t.match(plainPrompt(frameView(asked)), 'Type CANCEL to go on, Enter changes nothing: ')
  for (const line of ['', 'cancel', 'CANCE', 'yes', 'y', '2'])
    t.notOk(typed(asked, line).actions.includes('do'), `"${line}" cancels nothing`)
  t.ok(typed(asked, 'CANCEL').actions.includes('do'))
  const start = pressed(openedOn(site, 'plain'), site, 'end', 'enter', 's')
  t.equal(plainPrompt(frameView(start)), 'Choice (1 Cancel, 2 Start): ')
  t.notOk(typed(start, '1').actions.includes('do'))
  t.notOk(typed(start, '').actions.includes('do'))
  t.ok(typed(start, '2').actions.includes('do'))
})

void t.test('no line is too long, none acts, every prompt ends in a colon', async t => {
  const site = recordedSite()
  for (const vm of site.vms) vm.name += injections.join('')
  for (const job of site.jobs) job.vmName += injections.join('')
  let state = homeOf(site, 'plain')
  for (const keys of [[], ['2'], ['enter'], ['j'], ['?'], ['escape', '3'], ['4'], ['5']]) {
    state = pressed(state, site, ...keys)
    const view = frameView(state)
    for (const line of plainText(view)) t.match(line, /^[\x20-\x7e]{0,80}$/)
    t.match(plainPrompt(view), /: $/)
  }
})

/** The console without any terminal: lines in, lines out. */
function piped(t: Test, socketPath: string) {
  const child = spawn(process.execPath, [main, '--socket', socketPath, '--tier', 'plain'], { stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const shows = (text: string) =>
    until(`"${text}" is said`, () => out.includes(text), 15_000).catch((cause: unknown) => {
      throw new Error(`it said:\n${out}\n${errors}`, { cause })
    })
  const say = async (line: string, answer: string): Promise<void> => {
    out = ''
    child.stdin.write(`${line}\n`)
    await shows(answer)
  }
  return { child, shows, say, text: () => out }
}

void t.test('without a terminal, through pipes: look, start a pass, cancel it, leave', async t => {
  const agent = await siteFor(t)
  const { child, shows, say, text } = piped(t, agent.socketPath)
  await shows('Choice: ')
  await say('vms', '6 VMs')
  await say('2', 'VMs > erp-web-01')
  await say('nonsense', 'Error: that is none of the choices')
  await say('p', 'A pass of erp-web-01 was started')
  t.equal(agent.site.requests.at(-1), 'POST /v1/replication-jobs/job-2/passes')
  await until('it runs', () => agent.site.jobs[1]!.currentPass !== null)
  await say('r', 'Progress: 25 %')
  await say('c', 'Type CANCEL to go on')
  await say('CANCEL', 'is being cancelled')
  t.match(agent.site.requests.at(-1), 'cancellation')
  t.notMatch(text(), /\u001b/)
  await agent.stop()
  await shows('The agent does not answer')
  child.stdin.write('q\n')
  await until('it ends', () => child.exitCode !== null)
  t.equal(child.exitCode, 0)
})

void t.test('the end of the input is the end of the console', async t => {
  const agent = await siteFor(t)
  const { child, shows } = piped(t, agent.socketPath)
  await shows('Choice: ')
  child.stdin.end()
  await until('it ends', () => child.exitCode !== null)
  t.equal(child.exitCode, 0)
})

void t.test('a dumb terminal gets the plain tier, and not one escape', async t => {
  const agent = await siteFor(t)
  const view = openFor(t, agent, { term: 'dumb' })
  await view.shows('Needs attention:', 'Choice:')
  view.press('vms\r')
  await view.shows('Name: erp-db-02')
  view.press('T\r')
  await view.shows('can do no other tier than plain')
  t.notMatch(view.raw, /\u001b/)
  view.press('q\r')
  t.equal((await view.ended()).exitCode, 0)
})
