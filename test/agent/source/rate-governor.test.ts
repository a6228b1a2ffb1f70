import { appendFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type RunningCopy } from '../../../native/copy.js'
import { usualLimits, type LoadLimits } from '../../../agent/domain/load-limits.js'
import { CopySteering } from '../../../agent/source/copy-steering.js'
import { LiveLimits } from '../../../agent/source/live-limits.js'
import { RateGovernor } from '../../../agent/source/rate-governor.js'
import { temporaryDir } from '../../lib/nbdkit.js'
import { silent } from '../../lib/saga-harness.js'
import { recorder } from '../vsphere/fixture.js'

class Copy implements RunningCopy {
  readonly result = new Promise<never>(() => undefined)
  startedAt: bigint | undefined
  rate: bigint | undefined = 0n
  isPaused = false
  readonly pause = (): void => void (this.isPaused = true)
  readonly resume = (): void => void (this.isPaused = false)
  readonly setRate = (rate: bigint | undefined): void => void (this.rate = rate)
  readonly start = (rate: bigint | undefined): this => {
    this.startedAt = rate
    return this
  }
}

const MIB = 1024n * 1024n
const limited = (read: bigint | null): LoadLimits => ({
  ...usualLimits,
  timetable: { timeZone: 'UTC', otherwise: { read, send: null }, windows: [] },
})

void t.test('copies of all tasks share the rate, held ones leave theirs, and time moves it', async t => {
  let limits: LoadLimits = {
    ...usualLimits,
    timetable: {
      timeZone: 'UTC',
      otherwise: { read: 100n * MIB, send: null },
      windows: [{ days: ['wed'], fromMinute: 480, toMinute: 1080, read: 12n * MIB, send: null }],
    },
  }
  let now = new Date('2026-11-25T07:59:00Z')
  const governor = new RateGovernor({ limits: () => limits, now: () => now })
  const [one, two, three] = [new Copy(), new Copy(), new Copy()]
  const task = new CopySteering(false, governor, null)
  const other = new CopySteering(false, governor, null)
  const { release } = task.attach(one.start)
  t.same([one.startedAt, one.rate], [100n * MIB, 100n * MIB])
  task.attach(two.start)
  t.equal(two.startedAt, 50n * MIB, 'it never reads faster than its share')
  other.attach(three.start)
  t.same(
    [one, two, three].map(copy => copy.rate),
    Array(3).fill((100n * MIB) / 3n),
  )
  now = new Date('2026-11-25T08:00:00Z')
  governor.look()
  t.same(
    [one, two, three].map(copy => copy.rate),
    Array(3).fill(4n * MIB),
  )
  task.hold(true)
  t.equal(three.rate, 12n * MIB, 'a held copy needs no share')
  t.ok(one.isPaused && two.isPaused && !three.isPaused)
  task.hold(false)
  t.equal(three.rate, 4n * MIB)
  release()
  t.equal(three.rate, 6n * MIB)
  limits = limited(null)
  governor.look()
  t.equal(three.rate, undefined, 'no limit is said as none')
})

void t.test('a pass of its own may be slower than its share', async t => {
  const governor = new RateGovernor({ limits: () => limited(8n), now: () => new Date() })
  const [slow, fast] = [new Copy(), new Copy()]
  governor.add(slow, 3n)
  governor.add(fast, null)
  t.same([slow.rate, fast.rate], [3n, 4n])
})

void t.test('the file of limits', async t => {
  const path = join(await temporaryDir(t), 'limits.toml')
  t.same((await LiveLimits.open(undefined, silent)).current, usualLimits)
  await t.rejects(LiveLimits.open(path, silent), { code: 'CONFIG_INVALID' })
  await writeFile(
    path,
    [
      'time_zone = "Europe/Berlin"',
      'disks_per_host = 3',
      'datastore_floor_mib = 10240',
      'read_mib_per_second = 200',
      '[[windows]]',
      'days = ["mon", "fri"]',
      'from = "08:00"',
      'to = "18:30"',
      'send_mib_per_second = 0.5',
    ].join('\n'),
  )
  const { lines, logger } = recorder()
  const limits = await LiveLimits.open(path, logger)
  const wanted = {
    timetable: {
      timeZone: 'Europe/Berlin',
      otherwise: { read: 200n * MIB, send: null },
      windows: [{ days: ['mon', 'fri'], fromMinute: 480, toMinute: 1110, read: null, send: MIB / 2n }],
    },
    disksPerHost: 3,
    disksPerDatastore: 8,
    datastoreFloorBytes: 10240n * MIB,
  }
  t.same(limits.current, wanted)
  for (const broken of ['surprise = 1', 'days = ["mon"', 'to = "24:00"']) {
    await writeFile(path, broken)
    await limits.look()
    t.same(limits.current, wanted, `${broken} changes nothing`)
  }
  await writeFile(path, 'time_zone = "Mars/Olympus"')
  await limits.look()
  await rm(path)
  await limits.look()
  await limits.look()
  t.same(limits.current, wanted)
  t.equal(lines.filter(line => line.includes('CONFIG_INVALID')).length, 5, 'each is told once')
  await writeFile(path, 'disks_per_host = 5')
  await limits.look()
  t.same(limits.current, { ...usualLimits, disksPerHost: 5 })
  await appendFile(path, '\ndisks_per_datastore = 6\n')
  await utimes(path, 1, 1)
  await limits.look()
  t.equal(limits.current.disksPerDatastore, 6)
})
