import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { type PointView } from '../../agent/api/points.js'
import { runPass, waitForPass } from '../site/passes.js'
import { SagaHold } from '../site/saga-hold.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { exportIs, proveUsable, volumesAre, type PointBench } from './point-evidence.js'
import { sagasEnd } from './leftovers.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const kept = 12

const vm: VmSpec = {
  name: 'ledger',
  disks: [
    { sizeBytes: 40n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] },
    { sizeBytes: 16n * MIB + 512n, content: [{ kind: 'random', offsetBytes: MIB, lengthBytes: 8n * MIB }] },
    { sizeBytes: 9n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 9n * MIB }] },
  ],
}

/** Twelve points over twelve passes, each read and compared; crashes, restores, expiry, and all of them compared again. */
export const points: Scenario = {
  name: 'points',
  title: `${kept} points kept, exported, restored, expired; crashes in mid-save, mid-apply and mid-restore`,
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, leaseSeconds: 20 })
    const job = await site.createJob(vm.name)
    const bench: PointBench = { site, checks, job }
    await setPolicy(bench, kept)
    const seconds: number[] = []
    for (let pass = 1; pass <= kept; pass += 1) {
      await change(bench)
      const startedMs = performance.now()
      const done = await runPass(site.operator, job, () => undefined)
      seconds.push(Math.round((performance.now() - startedMs) / 100) / 10)
      checks.equal(`pass ${pass}`, [done.state, done.sagaState], ['applied', 'done'])
    }
    const list = await site.points.list(job.id)
    checks.equal('all points can be used', list.usable, kept)
    say(`undo of ${kept - 1} points: ${list.undoBytes} bytes, ${list.hoursKept ?? 0} hours kept`)
    await proveUsable(bench, 'after twelve passes', kept)

    await readWhileApplied(bench)
    await crashes(bench)
    const restores = await goBack(bench)
    await expire(bench)
    await noRoom(bench)
    await sagasEnd(site)
    return { passSeconds: seconds, undoBytes: list.undoBytes, restores }
  },
}

const setPolicy = ({ site, job }: PointBench, maxPoints: number, capBytes = '8589934592') =>
  site.points.changePolicy(job.id, { maxPoints, maxAgeSeconds: null, capBytes })

async function change({ site }: PointBench): Promise<void> {
  const machine = site.vcenter.vm(vm.name)
  for (const disk of machine.disks)
    await site.vcenter.guestWrites(machine, { diskKey: disk.options.key, blocks: 60, pattern: 'mixed' })
}

/** The points that can be used, oldest first. */
async function usable({ site, job }: PointBench): Promise<readonly PointView[]> {
  return (await site.points.list(job.id)).items.filter(point => point.isUsable).toReversed()
}

/** One export stays open over a whole pass, and reads the same afterwards. */
async function readWhileApplied(bench: PointBench): Promise<void> {
  const { site, job, checks } = bench
  const oldest = (await usable(bench))[1]
  if (oldest === undefined) throw new Error('there is no second point')
  const opened = await site.points.open(oldest.id)
  await exportIs(bench, oldest, opened, 'before a pass')
  await change(bench)
  await runPass(site.operator, job, () => undefined)
  await exportIs(bench, oldest, opened, 'the same export after a pass')
  const refused = await site.points.remove(oldest.id).then(
    () => 'deleted',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : String(error)),
  )
  checks.equal('a point that is read is not deleted', refused, 'POINT_IN_USE')
  await site.points.close(opened.id)
  checks.equal('no export is left open', (await site.points.exports()).length, 0)
}

/** Daemon and OMA are killed while undo is saved and while the pass is applied. */
async function crashes(bench: PointBench): Promise<void> {
  const { site, job, checks } = bench
  let round = 0
  for (const step of ['keep-points', 'apply-staged'])
    for (const phase of ['during', 'after'] as const)
      for (const victim of ['oma', 'volumed'] as const) {
        const what = `${victim} killed ${phase} ${step}`
        await change(bench)
        const kind = phase === 'after' ? 'succeeded' : 'started'
        const hold = await SagaHold.arm(site.mariadb, { step, kind }, join(site.dir, 'hold.log'))
        const { id } = await site.operator.startPass(job.id)
        // What a killed agent left in the database may still be held as well.
        await until(
          'the pass is committed',
          async () => ((await site.operator.pass(id)).state === 'committed' ? true : undefined),
          120_000,
        )
        await hold.reached()
        if (phase === 'during') {
          await hold.release()
          await after(killDelaysMs[round % killDelaysMs.length] ?? 0)
        }
        round += 1
        await site.product.kill(victim)
        await hold.disarm()
        await site.product.start(victim)
        await site.answers()
        const ended = await waitForPass(site.operator, id, () => undefined)
        checks.equal(
          `${what}: the pass`,
          [ended.state, ended.sagaState, ended.failure?.message ?? null],
          ['applied', 'done', null],
        )
        await pointsAnswer(bench)
        await proveUsable(bench, what, kept, 3)
      }
  await proveUsable(bench, 'after all crashes', kept)
}

/** Into the step: long enough for the work to have begun, short enough for it to go on. */
const killDelaysMs = [20, 90, 250, 400]

/** The daemon may still be starting. */
const pointsAnswer = ({ site }: PointBench): Promise<true> =>
  until(
    'the volume daemon answers',
    () =>
      site.points.exports().then(
        () => true as const,
        () => undefined,
      ),
    60_000,
  )

/** Old, middle and new; a restore is killed in the middle; the newer points stay, and the next pass compares. */
async function goBack(bench: PointBench): Promise<number> {
  const { site, job, checks } = bench
  let done = 0
  for (const [index, victim] of [
    [1, null],
    [7, 'volumed'],
    [4, 'oma'],
  ] as const) {
    const point = (await usable(bench))[index]
    if (point === undefined) throw new Error(`there is no point ${index}`)
    const what = `restore to pass ${point.passNumber}`
    const hold =
      victim === null
        ? undefined
        : await SagaHold.arm(
            site.mariadb,
            { step: 'write-volumes', kind: 'succeeded' },
            join(site.dir, 'hold.log'),
          )
    const { id } = await site.points.restoreTo(point.id, 'keep')
    if (hold !== undefined && victim !== null) {
      await hold.reached()
      await site.product.kill(victim)
      await hold.disarm()
      await site.product.start(victim)
      await site.answers()
    }
    const ended = await until(
      `${what} ends`,
      async () => {
        const restore = await site.points.restore(id)
        return restore.endedAt === null ? undefined : restore
      },
      120_000,
    )
    checks.equal(`${what}: no failure`, ended.failure, null)
    await sagasEnd(site)
    await pointsAnswer(bench)
    await volumesAre(bench, point, what)
    const detail = await site.operator.job(job.id)
    checks.equal(`${what}: is the point of the job`, detail.recoveryPointAt, point.at)
    await proveUsable(bench, what, kept, 4)
    done += 1
  }
  await change(bench)
  const next = await runPass(site.operator, job, () => undefined)
  checks.equal(
    'the pass after a restore compares, and says why',
    next.disks.map(disk => [disk.syncType, disk.fallbacks.some(why => why.includes('brought back'))]),
    vm.disks.map(() => ['compare', true]),
  )
  const newest = (await usable(bench)).at(-1)
  if (newest === undefined) throw new Error('there is no point')
  await volumesAre(bench, newest, 'after the compare')
  await proveUsable(bench, 'after the compare', kept)
  return done
}

async function expire(bench: PointBench): Promise<void> {
  const { site, job, checks } = bench
  const before = await usable(bench)
  const [oldest, , middle] = before
  if (oldest === undefined || middle === undefined) throw new Error('there are too few points')
  await site.points.pin(oldest.id, true)
  checks.equal('a deleted point says so', (await site.points.remove(middle.id)).standing.kind, 'deleted')
  await proveUsable(bench, 'after one was deleted', kept - 1)
  await setPolicy(bench, 5)
  await change(bench)
  await runPass(site.operator, job, () => undefined)
  const left = await usable(bench)
  checks.that(
    'the pinned point stays',
    left.some(point => point.id === oldest.id),
    `${left.length} points`,
  )
  await proveUsable(bench, 'after expiry', 5)
  await site.points.pin(oldest.id, false)
  await setPolicy(bench, 3)
  await change(bench)
  await runPass(site.operator, job, () => undefined)
  await proveUsable(bench, 'without the pinned one', 3)
}

/** No room at all: the older points are given up before anything is overwritten, said aloud; later ones are kept again. */
async function noRoom(bench: PointBench): Promise<void> {
  const { site, job, checks } = bench
  await setPolicy(bench, 5, '65536')
  await change(bench)
  const pass = await runPass(site.operator, job, () => undefined)
  checks.that(
    'the pass notes it',
    pass.notes.some(note => note.includes('no older point is kept')),
    pass.notes.join('; '),
  )
  await proveUsable(bench, 'without room', 1)
  const { items } = await site.points.list(job.id)
  const lost = items.filter(point => point.standing.kind === 'lost')
  checks.that(
    'lost points say why',
    lost.length > 0 && lost.every(one => 'why' in one.standing && one.standing.why !== ''),
    `${lost.length} lost`,
  )
  await setPolicy(bench, 5)
  await change(bench)
  await runPass(site.operator, job, () => undefined)
  await proveUsable(bench, 'with room again', 2)
}
