import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type RunningCopy } from '../../../native/copy.js'
import { openNbd } from '../../../native/handle.js'
import { moveDisk, nothingCarried } from '../../../agent/nbd/move-disk.js'
import { planDisk } from '../../../agent/nbd/plan-disk.js'
import { RateGovernor } from '../../../agent/source/rate-governor.js'
import { usualLimits } from '../../../agent/domain/load-limits.js'
import { CopySteering } from '../../../agent/source/copy-steering.js'
import { startNbdkit, temporaryDir, unixTarget } from '../../lib/nbdkit.js'

const mib = 1024 * 1024
const unlimited = new RateGovernor({ limits: () => usualLimits, now: () => new Date() })
const never = new AbortController().signal

async function disks(t: Test, sizeBytes: number) {
  const bytes = randomBytes(sizeBytes)
  const path = join(await temporaryDir(t), 'disk.img')
  await writeFile(path, bytes)
  const source = unixTarget(await startNbdkit(t, ['-r', 'file', path]))
  const target = unixTarget(await startNbdkit(t, ['memory', String(sizeBytes)]))
  return {
    bytes,
    source,
    target,
    plan: await planDisk(
      '2000',
      source,
      { wanted: { kind: 'everything' }, identity: 'disk', mark: null },
      never,
    ),
  }
}

void t.test('a copy that begins while its task is held reads nothing until it is let go', async t => {
  const held = await disks(t, 8 * mib)
  const free = await disks(t, 8 * mib)
  const steering = new CopySteering(true, unlimited, null)
  t.ok(steering.isHeld)
  let readBytes = 0n
  const copy = moveDisk(
    '2000',
    held,
    held.plan,
    nothingCarried,
    never,
    now => (readBytes = now.readBytes),
    steering.attach,
  )
  const other = await moveDisk('2001', free, free.plan, nothingCarried, never, () => undefined)
  t.equal(other.readBytes, BigInt(8 * mib), 'another one has run from start to end meanwhile')
  t.equal(readBytes, 0n)
  steering.hold(false)
  t.match(await copy, { readBytes: BigInt(8 * mib), flushed: true })
  const handle = await openNbd(held.target)
  t.same(await handle.pread(0n, BigInt(8 * mib)), held.bytes)
  handle.close()
})

void t.test('a held copy can be aborted, and one that ended is steered no more', async t => {
  const { source, target, plan } = await disks(t, 4 * mib)
  const steering = new CopySteering(false, unlimited, null)
  t.match(
    await moveDisk('2000', { source, target }, plan, nothingCarried, never, () => undefined, steering.attach),
    {
      flushed: true,
    },
  )
  steering.hold(true)
  steering.hold(false)
  steering.hold(true)
  const abort = new AbortController()
  const copy = moveDisk(
    '2000',
    { source, target },
    plan,
    nothingCarried,
    abort.signal,
    () => undefined,
    steering.attach,
  )
  abort.abort(new Error('cancelled'))
  await t.rejects(copy, { message: 'cancelled' })
})

void t.test('each copy of a task is steered, however often', async t => {
  const said: string[] = []
  const copy = (name: string): RunningCopy => ({
    result: new Promise<never>(() => undefined),
    pause: () => void said.push(`${name} pause`),
    resume: () => void said.push(`${name} resume`),
    setRate: () => undefined,
  })
  const steering = new CopySteering(false, unlimited, null)
  const { release } = steering.attach(() => copy('a'))
  steering.hold(true)
  steering.hold(true)
  steering.attach(() => copy('b'))
  release()
  steering.hold(false)
  t.same(said, ['a pause', 'b pause', 'b resume'])
})
