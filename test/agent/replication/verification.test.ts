import { randomBytes } from 'node:crypto'
import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { Scrubber } from '../../../agent/replication/scrubber.js'
import { verifySaga } from '../../../agent/replication/verify/saga.js'
import { type SagaLog } from '../../../agent/saga/log.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { jobAdmin } from '../../../agent/store/job-admin.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { verificationAdmin } from '../../../agent/store/verifications.js'
import { views } from '../../../agent/store/views.js'
import { startMariadb } from '../../lib/mariadb.js'
import { mib, stand } from '../../lib/pass-stand.js'
import { aHolder, silent } from '../../lib/saga-harness.js'

const now = (): Date => new Date()
const nothingLeft = { snapshots: [], sockets: [], staged: [] }
type Stand = Awaited<ReturnType<typeof stand>>

async function passes(s: Stand): Promise<void> {
  const { saga } = await s.begin()
  await s.resume(saga)
}

const sagaOf = async (db: Database, id: string): Promise<string> =>
  (await db<{ id: string; saga_id: string }>('verifications').where({ id }).first())?.saga_id ?? ''

async function verifies(s: Stand) {
  const admin = verificationAdmin(s.db, now)
  const id = await admin.start(s.job, {})
  const outcome = await s.resume(await sagaOf(s.db, id))
  return { outcome, view: await admin.one(id) }
}

void t.test('a verification', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const detail = (s: Stand) => views(db, { version: '1', now, workerSilenceMs: 1, passSteps: [] }).job(s.job)

  await t.test('needs a recovery point, and works on its job alone', async t => {
    const s = await stand(t, db)
    const admin = verificationAdmin(db, now)
    await t.rejects(admin.start(s.job, {}), { code: 'JOB_HAS_NO_POINT' })
    await t.rejects(admin.start('none', {}), { code: 'NOT_FOUND' })
    await passes(s)
    const id = await admin.start(s.job, {})
    await t.rejects(admin.start(s.job, {}), { code: 'JOB_BUSY', message: /verification/ })
    await t.rejects(jobAdmin(db, now).startPass(s.job, 'snapshot'), { code: 'JOB_BUSY' })
    t.match(await admin.one(id), { state: null, endedAt: null, trigger: 'operator', sagaState: 'running' })
    await s.resume(await sagaOf(db, id))
    await passes(s)
  })

  await t.test(
    'compares what did not change since the recovery point, and says what it left out',
    async t => {
      const s = await stand(t, db)
      await passes(s)
      await s.site.guestWrites('2000', 30n * mib + 7n, randomBytes(100))
      const { outcome, view } = await verifies(s)
      t.same(outcome, { kind: 'succeeded' })
      t.match(view, { state: 'identical', algorithm: 'xxh3-128', blockBytes: 1048576, failure: null })
      t.match(view.disks, [
        { state: 'identical', blocks: 64, differingBlocks: 0, leftOutBytes: '65536', fromBytes: '0' },
        { state: 'identical', blocks: 25, differingBlocks: 0, leftOutBytes: '0' },
      ])
      t.equal(view.disks[0]?.comparedBytes, String(64n * mib - 65536n))
      t.match((await detail(s)).lastVerification, { state: 'identical', blocks: 89, differingBlocks: 0 })
      t.same(await s.leftovers(), nothingLeft)
    },
  )

  await t.test('finds every block that differs, and the next pass mends it', async t => {
    const s = await stand(t, db)
    await passes(s)
    const [volume] = s.site.volumes.keys()
    await s.site.spoilVolume(volume!, 40n * mib + 5n, Buffer.from([1]))
    await s.site.spoilVolume(volume!, 50n * mib - 1n, Buffer.from([1, 2]))
    const { view } = await verifies(s)
    t.match(view, { state: 'different' })
    t.match(view.disks, [
      { state: 'different', blocks: 64, differingBlocks: 3, firstDifference: String(40n * mib) },
      { state: 'identical' },
    ])
    t.match((await detail(s)).lastVerification, { state: 'different', differingBlocks: 3 })
    t.same(
      (await s.store.job(s.job)).disks.map(disk => disk.changeId === null),
      [true, false],
      'only the disk that differs is in doubt',
    )
    await passes(s)
    t.ok(await s.identical())
    t.match((await verifies(s)).view, { state: 'identical' })
  })

  await t.test('tells nothing where nothing can be told', async t => {
    const s = await stand(t, db)
    await passes(s)
    s.site.fullReason = 'tracking is off'
    const { outcome, view } = await verifies(s)
    t.same(outcome, { kind: 'succeeded' })
    t.match(view, { state: 'unknown', disks: [{ state: 'unknown', why: 'no change ID', blocks: null }, {}] })
  })

  await t.test('that fails leaves nothing behind and says why', async t => {
    for (const call of ['snapshot', 'verify']) {
      for (const moment of ['before', 'after'] as const) {
        const s = await stand(t, db)
        await passes(s)
        s.site.fault = (asked, when) => {
          if (asked === call && when === moment) throw new AppError('VSPHERE_FAULT', 'by the test')
        }
        const { outcome, view } = await verifies(s)
        t.match(outcome, { kind: 'undone', failure: { code: 'VSPHERE_FAULT' } }, `${moment} ${call}`)
        t.match(view, { state: null, failure: { code: 'VSPHERE_FAULT' }, sagaState: 'done' })
        t.ok(view.endedAt)
        t.same(await s.leftovers(), nothingLeft)
      }
    }
  })

  await t.test('goes on after a crash at any write of its log', async t => {
    const admin = verificationAdmin(db, now)
    let survived = 0
    for (let crashAt = 0; ; crashAt += 1) {
      const s = await stand(t, db)
      await passes(s)
      const id = await admin.start(s.job, {})
      const saga = await sagaOf(db, id)
      const real = sagaLog(db, now, aHolder)
      let writes = 0
      const dying: SagaLog = {
        ...real,
        append: async (claim, event, state) => {
          if (writes++ === crashAt) throw new AppError('STORE_UNAVAILABLE', 'killed by the test')
          await real.append(claim, event, state)
        },
      }
      if ((await s.resume(saga, dying)).kind === 'succeeded') break
      t.same(await s.resume(saga), { kind: 'succeeded' }, `died at write ${crashAt}`)
      t.match(await admin.one(id), { state: 'identical' })
      t.same(await s.leftovers(), nothingLeft)
      survived += 1
    }
    t.equal(survived, 2 * verifySaga.steps.length)
  })

  await t.test('in the background rolls over the disks, part by part', async t => {
    const s = await stand(t, db)
    await db('replication_jobs').whereNot('id', s.job).delete()
    await passes(s)
    const admin = verificationAdmin(db, now)
    let pokes = 0
    const scrubber = new Scrubber({
      verifications: admin,
      onWork: () => (pokes += 1),
      bytesPerSecond: 20n * mib,
      lookMs: 2000,
      everyMs: 0,
      now: () => new Date(Date.now() + 1000),
      logger: silent,
    })
    const windows: string[] = []
    for (let look = 0; look < 5; look += 1) {
      t.equal(await scrubber.next(), true)
      t.equal(await scrubber.next(), false, 'one at a time')
      const [newest] = await admin.list(s.job)
      t.same(await s.resume(await sagaOf(db, newest!.id)), { kind: 'succeeded' })
      const { trigger, bytesPerSecond, disks } = await admin.one(newest!.id)
      t.match({ trigger, bytesPerSecond }, { trigger: 'scrub', bytesPerSecond: String(20n * mib) })
      windows.push(
        disks.map(disk => `${Number(disk.fromBytes) / 2 ** 20}-${BigInt(disk.untilBytes) / mib}`).join(' '),
      )
    }
    t.equal(pokes, 5)
    t.same(windows, ['0-21 0-21', '21-42 21-24', '42-63 0-21', '63-64 21-24', '0-21 0-21'])
    const later = new Scrubber({
      verifications: admin,
      onWork: () => undefined,
      bytesPerSecond: mib,
      lookMs: 1000,
      everyMs: 3_600_000,
      now,
      logger: silent,
    })
    t.equal(await later.next(), false, 'not before its time')
  })
})
