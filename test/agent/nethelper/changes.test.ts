import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { HostState, type HostSettings } from '../../../agent/api/host-settings.js'
import { HostChanges, type Touched } from '../../../agent/nethelper/changes.js'
import { UnixCaller } from '../../../agent/http-client/unix-caller.js'
import { until } from '../../lib/until.js'
import { settingsOf } from './settings.js'

interface Test {
  teardown(end: () => unknown): void
}
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, fatal: () => {} }

/** A machine whose starts and clock the test decides on. */
function machineFor(t: Test) {
  const dir = mkdtempSync(path.join(tmpdir(), 'nethelper-test-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const machine = {
    dir,
    bootId: 'boot-1',
    uptimeMs: () => performance.now(),
    activated: [] as Touched[],
    failing: 0,
    network: () => {
      const file = path.join(dir, 'etc/systemd/network/10-ossea.network')
      return existsSync(file) ? readFileSync(file, 'utf8') : null
    },
    pendingFile: path.join(dir, 'state/pending.json'),
    helper: () => {
      const changes = new HostChanges({
        rootDir: path.join(dir, 'etc'),
        stateDir: path.join(dir, 'state'),
        activate: async touched => {
          machine.activated.push(touched)
          if (machine.failing-- > 0) throw new Error('networkctl: refused')
        },
        clock: { bootId: async () => machine.bootId, uptimeMs: async () => machine.uptimeMs() },
        logger,
      })
      t.teardown(() => changes.close())
      return changes
    },
  }
  return machine
}

const apply = (changes: HostChanges, settings: HostSettings, seconds = 60) =>
  changes.apply({ settings, confirmWithinSeconds: seconds })
const at = (address: string) => settingsOf({ ipv4: { method: 'static', address, gateway: null } })

void t.test('a change waits, is kept, and the next one comes back to it', async t => {
  const machine = machineFor(t)
  const changes = machine.helper()
  const waiting = await apply(changes, at('192.0.2.10/24'))
  t.match(waiting, { settings: null, pending: { secondsLeft: 60 } })
  t.match(machine.network(), '192.0.2.10/24')
  await t.rejects(apply(changes, at('192.0.2.11/24')), { code: 'HOST_CHANGE_PENDING' })
  await t.rejects(changes.keep('00000000-0000-4000-8000-000000000000'), { code: 'NOT_FOUND' })
  const kept = await changes.keep(waiting.pending!.id)
  t.match(kept, { settings: at('192.0.2.10/24'), pending: null })
  t.notOk(existsSync(machine.pendingFile))
  const next = await apply(changes, at('192.0.2.20/24'))
  t.match(machine.network(), '192.0.2.20/24')
  t.match(await changes.undo(next.pending!.id), { settings: at('192.0.2.10/24'), pending: null })
  t.match(machine.network(), '192.0.2.10/24')
  await t.rejects(changes.keep(next.pending!.id), { code: 'NOT_FOUND' }, 'what came back is not kept')
})

void t.test('nobody confirms: it comes back by itself', async t => {
  const machine = machineFor(t)
  const changes = machine.helper()
  await apply(changes, at('192.0.2.10/24'), 0.2)
  t.match(machine.network(), '192.0.2.10/24')
  await until('it is undone', () => machine.network() === null)
  t.match(await changes.state(), { settings: null, pending: null })
  t.match(machine.activated.at(-1), { interfaces: ['port0'], hostName: null })
})

void t.test('the helper dies: the next one goes on counting, and undoes what is over', async t => {
  const machine = machineFor(t)
  const first = machine.helper()
  const { pending } = await apply(first, at('192.0.2.10/24'), 100)
  await first.close()
  const second = machine.helper()
  await second.start()
  t.match(machine.network(), '192.0.2.10/24', 'not over yet')
  t.equal((await second.state()).pending?.id, pending!.id)
  await second.close()
  const since = machine.uptimeMs
  machine.uptimeMs = () => since() + 100_000
  await machine.helper().start()
  t.equal(machine.network(), null)
})

void t.test('a reboot undoes it, however much time is left', async t => {
  const machine = machineFor(t)
  const before = machine.helper()
  await before.keep((await apply(before, at('192.0.2.10/24'))).pending!.id)
  await apply(before, at('192.0.2.66/24'), 600)
  await before.close()
  machine.bootId = 'boot-2'
  machine.uptimeMs = () => 1000
  const after = machine.helper()
  await after.start()
  t.match(machine.network(), '192.0.2.10/24')
  t.equal((await after.state()).pending, null)
})

void t.test('too late to keep, and more time when asked for', async t => {
  const machine = machineFor(t)
  const changes = machine.helper()
  const { pending } = await apply(changes, at('192.0.2.10/24'))
  t.match((await changes.extend(pending!.id, 300)).pending, { secondsLeft: 300 })
  const since = machine.uptimeMs
  machine.uptimeMs = () => since() + 301_000
  await t.rejects(changes.keep(pending!.id), { code: 'NOT_FOUND' })
  t.equal(machine.network(), null)
})

void t.test('what cannot be applied is undone; an undo that fails is tried again', async t => {
  const machine = machineFor(t)
  const changes = machine.helper()
  machine.failing = 1
  await t.rejects(apply(changes, at('192.0.2.10/24')), { code: 'HOST_APPLY_FAILED' })
  t.equal(machine.network(), null)
  t.equal((await changes.state()).pending, null)
  machine.failing = 2
  await t.rejects(apply(changes, at('192.0.2.10/24'), 0.2))
  t.ok(existsSync(machine.pendingFile), 'what is not undone is not forgotten')
  await until('the timer undoes it', () => !existsSync(machine.pendingFile))
  t.equal(machine.network(), null)
})

void t.test('wrong settings change nothing; a broken record is not taken for none', async t => {
  const machine = machineFor(t)
  const changes = machine.helper()
  await t.rejects(apply(changes, at('192.0.2.0/24')), { code: 'REQUEST_INVALID' })
  t.notOk(existsSync(machine.pendingFile))
  t.same(machine.activated, [])
  await apply(changes, at('192.0.2.10/24'))
  writeFileSync(machine.pendingFile, '{"id":')
  await t.rejects(machine.helper().start(), { code: 'HOST_STATE_BROKEN' })
  t.match(machine.network(), '192.0.2.10/24')
})

void t.test('the program: killed in the middle, and started on another boot', async t => {
  const dir = mkdtempSync(path.join(tmpdir(), 'nethelper-test-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const main = path.join(import.meta.dirname, '../../../dist/agent/nethelper/main.js')
  const socketPath = path.join(dir, 'api.sock')
  const stateDir = path.join(dir, 'state')
  const start = async (): Promise<ChildProcess> => {
    const args = [
      '--socket',
      socketPath,
      '--state-dir',
      stateDir,
      '--root',
      path.join(dir, 'etc'),
      '--files-only',
    ]
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    let log = ''
    child.stdout.on('data', (text: Buffer) => (log += text.toString()))
    await until('it listens', () => log.includes('"started"'))
    return child
  }
  const caller = new UnixCaller({
    socketPath,
    connections: 1,
    unreachable: 'OMA_UNREACHABLE',
    misunderstood: 'OMA_PROTOCOL',
  })
  t.teardown(() => caller.close())
  const signal = new AbortController().signal
  const ask = async (method: 'GET' | 'PUT' | 'POST', where: string, body?: unknown) =>
    caller.understood(
      HostState,
      await caller.call({ method, path: where, body, timeoutMs: 5000 }, signal),
      where,
    )
  const network = () => readFileSync(path.join(dir, 'etc/systemd/network/10-ossea.network'), 'utf8')

  const first = await start()
  const kept = await ask('PUT', '/v1/host', { settings: at('192.0.2.10/24'), confirmWithinSeconds: 120 })
  await ask('POST', '/v1/host/keep', { id: kept.pending!.id })
  await ask('PUT', '/v1/host', { settings: at('192.0.2.66/24'), confirmWithinSeconds: 120 })
  await t.rejects(ask('PUT', '/v1/host', { settings: at('192.0.2.0/24'), confirmWithinSeconds: 120 }), {
    code: 'REQUEST_INVALID',
  })
  await t.rejects(
    ask('PUT', '/v1/host', { settings: { ...at('192.0.2.9/24'), shell: 'sh' }, confirmWithinSeconds: 120 }),
    {
      code: 'REQUEST_INVALID',
    },
  )
  first.kill('SIGKILL')
  await until('it is dead', () => first.signalCode !== null)
  t.match(network(), '192.0.2.66/24')
  const second = await start()
  t.ok((await ask('GET', '/v1/host')).pending!.secondsLeft > 60, 'it goes on counting')
  second.kill('SIGKILL')
  await until('it is dead', () => second.signalCode !== null)
  const file = path.join(stateDir, 'pending.json')
  const pending = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, JSON.stringify({ ...pending, bootId: 'of-an-earlier-boot' }))
  await start()
  t.match(network(), '192.0.2.10/24')
  t.equal((await ask('GET', '/v1/host')).pending, null)
})
