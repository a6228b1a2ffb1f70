import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { modesRestored, openFor, openListFor, siteFor } from './open-console.js'

void t.test('every way out leaves a clean terminal', async t => {
  const agent = await siteFor(t)
  for (const [signal, term] of [
    ['SIGTERM', 'xterm-256color'],
    ['SIGHUP', 'xterm-256color'],
    ['SIGINT', 'linux'],
    ['SIGQUIT', 'vt100'],
  ] as const) {
    const view = await openListFor(t, agent, { term })
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
  await view.shows('Needs attention')
  process.kill(view.process.pid, 'SIGUSR2')
  t.equal((await view.ended()).exitCode, 1)
  modesRestored(t, view)
  t.match(view.raw, 'an unexpected error ended it')
})

void t.test('refuses to draw without a terminal, and to start without a socket, with status 2', async t => {
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
  t.equal(run(['--socket', 'x', '--tier', 'rich']).status, 2)
})
