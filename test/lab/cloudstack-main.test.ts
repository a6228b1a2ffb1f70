import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { cleanUpStale } from '../../lab/cloudstack/local-devices.js'
import { attachLoop, detachLoop, loopsBelow, mountsBelow } from '../../lab/cloudstack/loop-device.js'
import { type CloudIds } from '../../lab/cloudstack/simulator.js'
import { temporaryDir } from '../lib/nbdkit.js'
import { until } from '../lib/until.js'
import { RawCloudstack } from './cloudstack-client.js'
import { makeVolume } from './cloudstack-fixture.js'

const program = join(import.meta.dirname, '../../dist/lab/cloudstack/main.js')

interface Facts {
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
  readonly ids: CloudIds
  readonly devices: string
  readonly byIdDir: string
  readonly directory: string
}

async function startMain(t: Test, argv: readonly string[]) {
  const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  const facts = JSON.parse(line) as Facts
  const end = async (signal: NodeJS.Signals): Promise<unknown> => {
    const ended = once(child, 'exit')
    child.kill(signal)
    return (await ended)[0] as unknown
  }
  return { facts, end }
}

async function attachOne(facts: Facts): Promise<string> {
  const client = new RawCloudstack(facts)
  const id = await makeVolume({ client, ids: facts.ids } as never, 'one')
  const job = await client.job('attachVolume', { id, virtualmachineid: facts.ids.applianceVm })
  if (job['jobstatus'] !== 1) throw new Error(JSON.stringify(job))
  return id
}

void t.test('the program prints its facts and leaves nothing behind', async t => {
  const { facts, end } = await startMain(t, ['--devices', 'loop'])
  t.match(facts, { devices: 'loop', url: /^http:\/\/127\.0\.0\.1:\d+\/client\/api$/ })
  await attachOne(facts)
  t.equal((await loopsBelow(facts.directory)).length, 1)
  t.equal(await end('SIGTERM'), 0)
  t.notOk(existsSync(facts.directory))
  const { stdout } = await execa('/usr/sbin/losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'])
  t.notMatch(stdout, facts.directory)
})

void t.test('after a kill the next start frees the devices of its own directory, and only those', async t => {
  const directory = await temporaryDir(t)
  const other = await temporaryDir(t)
  const byIdDir = await temporaryDir(t)
  const bystander = join(other, 'file')
  await execa('/usr/bin/truncate', ['--size=1M', bystander])
  const kept = await attachLoop(bystander)
  t.teardown(() => detachLoop(kept))
  const argv = ['--devices', 'loop', '--directory', directory, '--by-id', byIdDir]
  const first = await startMain(t, argv)
  await attachOne(first.facts)
  await first.end('SIGKILL')
  t.equal((await loopsBelow(directory)).length, 1)
  const second = await startMain(t, argv)
  t.same(await loopsBelow(directory), [])
  t.same(await readdir(byIdDir), [])
  await attachOne(second.facts)
  await second.end('SIGKILL')
  const [{ device } = { device: '' }] = await loopsBelow(directory)
  const holder = await open(device, 'r')
  let isSettled = false
  const cleaned = cleanUpStale(directory, byIdDir).finally(() => (isSettled = true))
  await until('the device is let go of', async () =>
    (
      await execa('/usr/sbin/losetup', ['--list', '--noheadings', '--output', 'AUTOCLEAR', device])
    ).stdout.includes('1'),
  )
  // All that would be left to do, several times over.
  for (let times = 0; times < 5; times += 1) await mountsBelow(directory)
  t.equal((await loopsBelow(directory)).length, 1, 'somebody has it open still')
  t.notOk(isSettled, 'so it is not called free')
  await holder.close()
  t.same(await cleaned, [device])
  t.same(await loopsBelow(directory), [], 'and now it is free')
  t.equal((await loopsBelow(other)).length, 1)
  t.same(await cleanUpStale(directory, byIdDir), [])
})
