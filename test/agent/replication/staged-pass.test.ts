import { randomBytes } from 'node:crypto'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { isCommitted, type PassState } from '../../../agent/domain/pass-state.js'
import { AppError } from '../../../agent/errors.js'
import { passSaga } from '../../../agent/replication/pass/saga.js'
import { type SagaLog } from '../../../agent/saga/log.js'
import { migrate } from '../../../agent/store/database.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { startMariadb } from '../../lib/mariadb.js'
import { mib, stand } from '../../lib/pass-stand.js'
import { aHolder } from '../../lib/saga-harness.js'

const now = (): Date => new Date()
const nothingLeft = { snapshots: [], sockets: [], staged: [] }
const atPoint = { kind: 'at-point' }
const broken = new AppError('VSPHERE_FAULT', 'broken by the test')
type Stand = Awaited<ReturnType<typeof stand>>

/** Everything a pass asks of the source. */
const sourceCalls = new Set(['inspect', 'snapshot', 'at-rest', 'copy', 'remove-snapshot'])
const loseSource = (s: Stand): void => {
  s.site.fault = call => {
    if (sourceCalls.has(call)) throw new AppError('WORKER_ABSENT', 'the source burnt down')
  }
}
const findSource = (s: Stand): void => {
  s.site.fault = () => undefined
}

void t.test('a staged pass', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)

  /** A job with a first pass, and changes no pass has seen. */
  const prepared = async () => {
    const s = await stand(t, db)
    t.same(await s.resume((await s.begin()).saga), { kind: 'succeeded' })
    const point = await s.sourceDigest()
    t.equal(await s.volumesDigest(), point)
    await change(s)
    return { s, point }
  }
  const change = async (s: Stand): Promise<void> => {
    await s.site.guestWrites('2000', 30n * mib + 77n, randomBytes(300_000))
    await s.site.guestWrites('2000', 5n * mib, Buffer.alloc(1_000_000))
    await s.site.guestWrites('2001', 24n * mib, randomBytes(512))
  }
  const stateOf = async (s: Stand, pass: string): Promise<PassState> => (await s.stateOf(pass)) as PassState
  /** What the volumes have to be: the newest committed point, once nothing of it is left to be applied. */
  const proveRecoverable = async (
    s: Stand,
    run: { saga: string; pass: string },
    before: string,
    what: string,
  ) => {
    const after = await s.sourceDigest()
    loseSource(s)
    const outcome = await s.resume(run.saga)
    const committed = isCommitted(await stateOf(s, run.pass))
    t.equal(await s.volumesDigest(), committed ? after : before, `${what}: ${outcome.kind}`)
    t.same(await s.replica(), atPoint, what)
    findSource(s)
    return committed
  }

  await t.test('leaves the volumes alone until it is committed, and drops what it staged', async t => {
    const { s, point } = await prepared()
    const seen: string[] = []
    s.site.fault = (call, moment) => {
      if (call === 'seal' && moment === 'before') seen.push(call)
      if (call === 'remove-snapshot') seen.push('snapshot removed')
      if (call === 'apply' && seen.at(-1) !== 'apply') seen.push(call)
    }
    const { saga, pass } = await s.begin()
    t.same(await s.resume(saga), { kind: 'succeeded' })
    t.same([...new Set(seen)], ['seal', 'apply', 'snapshot removed'])
    t.equal(await s.stateOf(pass), 'applied')
    t.equal(await s.volumesDigest(), await s.sourceDigest())
    t.not(await s.volumesDigest(), point)
    t.same(await s.leftovers(), nothingLeft)
    t.match(await db('passes').where('id', pass).first(), { way: 'staged', staged_bytes: /^\d+$/ })
  })

  await t.test(
    'broken at any call, before or after its effect: the volumes are a committed point',
    async t => {
      const { s } = await prepared()
      for (const call of ['space', 'copy', 'seal', 'apply', 'drop', 'remove-snapshot']) {
        for (const moment of ['before', 'after'] as const) {
          const before = await s.volumesDigest()
          await change(s)
          const after = await s.sourceDigest()
          s.site.fault = (asked, when) => {
            if (asked === call && when === moment) throw broken
          }
          const { saga, pass } = await s.begin()
          const outcome = await s.resume(saga)
          const what = `${moment} ${call}: ${outcome.kind}`
          s.site.fault = () => undefined
          const committed = isCommitted(await stateOf(s, pass))
          t.equal(committed, ['apply', 'drop', 'remove-snapshot'].includes(call), what)
          if (outcome.kind === 'needs-operator') t.same(await s.resume(saga), { kind: 'succeeded' }, what)
          t.equal(await s.volumesDigest(), committed ? after : before, what)
          t.same(await s.replica(), atPoint, what)
          t.same(await s.leftovers(), nothingLeft, what)
        }
      }
      t.same(await s.resume((await s.begin()).saga), { kind: 'succeeded' })
      t.equal(await s.volumesDigest(), await s.sourceDigest())
    },
  )

  await t.test(
    'an agent dies at any write of the step log and the source with it: a committed point',
    async t => {
      const { s } = await prepared()
      let committedOnes = 0
      let crashAt = 0
      for (; ; crashAt += 1) {
        const before = await s.volumesDigest()
        await change(s)
        const run = await s.begin()
        const real = sagaLog(db, now, aHolder)
        let writes = 0
        const dying: SagaLog = {
          ...real,
          append: async (claim, event, state) => {
            if (writes++ === crashAt) throw new AppError('STORE_UNAVAILABLE', 'killed by the test')
            await real.append(claim, event, state)
          },
        }
        if ((await s.resume(run.saga, dying)).kind === 'succeeded') break
        const what = `died at write ${crashAt}`
        if (await proveRecoverable(s, run, before, what)) committedOnes += 1
        if ((await db('sagas').where('id', run.saga).first<{ state: string }>('state')).state !== 'done')
          await s.resume(run.saga)
        t.same(await s.leftovers(), nothingLeft, what)
      }
      t.equal(crashAt, 2 * passSaga.steps.length)
      // Once copied and saved so, a pass needs nothing of the source to be committed.
      const copied = passSaga.steps.findIndex(step => step.name === 'copy-disks')
      t.equal(committedOnes, 2 * (passSaga.steps.length - copied - 1))
    },
  )

  await t.test('a copy that breaks goes on in the same overlay', async t => {
    const { s, point } = await prepared()
    await s.site.guestWrites('2000', 8n * mib, randomBytes(Number(32n * mib)))
    s.site.nbdkitMore = ['--filter=rate']
    s.site.nbdkitParameters = ['rate=200M', 'burstiness=0.1']
    s.site.fault = (call, moment) => {
      if (call === 'seal' && moment === 'before') throw broken
    }
    t.match(await s.resume((await s.begin()).saga), { kind: 'undone' })
    t.equal(await s.volumesDigest(), point)
    findSource(s)
    s.site.breakCopy = { atBytes: 16n * mib, error: new AppError('WORKER_LOST', 'by the test') }
    t.same(await s.resume((await s.begin()).saga), { kind: 'succeeded' })
    const resumed = s.site.orders.filter(order => order.earlier !== null)
    t.ok(resumed.length > 0)
    t.equal(await s.volumesDigest(), await s.sourceDigest())
  })

  await t.test('a compare is staged as well: only what differs', async t => {
    const { s, point } = await prepared()
    s.site.fullReason = 'CBT was reset'
    const { saga, pass } = await s.begin()
    s.site.fault = (call, moment) => {
      if (call === 'copy' && moment === 'after') throw broken
    }
    t.match(await s.resume(saga), { kind: 'undone' })
    t.equal(await s.volumesDigest(), point)
    findSource(s)
    const next = await s.begin()
    t.same(await s.resume(next.saga), { kind: 'succeeded' })
    t.match(await db('pass_disks').where('pass_id', next.pass).first(), { sync_type: 'compare' })
    const row = await db('passes').where('id', next.pass).first<{ staged_bytes: string }>('staged_bytes')
    t.ok(BigInt(row.staged_bytes) < 4n * mib, row.staged_bytes)
    t.equal(await s.volumesDigest(), await s.sourceDigest())
    t.equal(await s.stateOf(pass), 'failed')
  })

  for (const [what, spoil] of [
    ['gone', (path: string) => rm(path)],
    [
      'damaged',
      async (path: string) => {
        const file = await open(path, 'r+')
        const { size } = await file.stat()
        await file.write(randomBytes(4096), 0, 4096, size - 70_000)
        await file.close()
      },
    ],
  ] as const) {
    await t.test(`staging that is ${what} after the commit: no point, said so, and a compare`, async t => {
      const { s } = await prepared()
      const { saga, pass } = await s.begin()
      s.site.fault = (call, moment) => {
        if (call === 'apply' && moment === 'before') throw broken
      }
      t.match(await s.resume(saga), { kind: 'needs-operator' })
      t.same(await s.replica(), { kind: 'finishing' })
      const [name] = (await readdir(s.stagingDir)).toSorted()
      await spoil(join(s.stagingDir, name ?? 'nothing staged'))
      s.restartDaemon()
      findSource(s)
      t.same(await s.resume(saga), { kind: 'succeeded' })
      t.equal(await s.stateOf(pass), 'applied')
      t.match(await s.replica(), { kind: 'no-point', why: /staged cannot be used/ })
      const next = await s.begin()
      t.same(await s.resume(next.saga), { kind: 'succeeded' })
      const types = await db('pass_disks').where('pass_id', next.pass).orderBy('disk_key').pluck('sync_type')
      t.same(types.toSorted(), ['compare', 'incremental'])
      t.equal(await s.volumesDigest(), await s.sourceDigest())
      t.same(await s.replica(), atPoint)
    })
  }

  await t.test(
    'staging that cannot hold the pass: it waits, or takes the point away where it may',
    async t => {
      const { s, point } = await prepared()
      s.site.stagingFreeBytes = 63n * mib
      const { saga } = await s.begin()
      t.match(await s.resume(saga), { kind: 'undone', failure: { code: 'STAGING_FULL' } })
      t.equal(await s.volumesDigest(), point)
      t.same(await s.replica(), atPoint)
      await db('replication_jobs').where('id', s.job).update({ staging_policy: 'apply-directly' })
      let during: unknown
      s.site.fault = (call, moment) => {
        if (call === 'copy' && moment === 'before') during = s.replica()
        if (call === 'copy' && moment === 'after') throw broken
      }
      const direct = await s.begin()
      t.match(await s.resume(direct.saga), { kind: 'undone' })
      t.match(await during, { kind: 'no-point', why: /directly: the staging space has/ })
      t.match(await s.replica(), { kind: 'no-point' }, 'what broke stays said')
      t.not(await s.volumesDigest(), point)
      findSource(s)
      const next = await s.begin()
      t.same(await s.resume(next.saga), { kind: 'succeeded' })
      t.match(await db('passes').where('id', next.pass).first(), { way: 'direct' })
      t.same(await s.replica(), atPoint)
      t.equal(await s.volumesDigest(), await s.sourceDigest())
    },
  )

  await t.test('a pass that did not fit is not begun again before there is room for it', async t => {
    const { s } = await prepared()
    s.site.fault = (call, moment) => {
      if (call === 'copy' && moment === 'before') throw new AppError('TARGET_FULL', 'ENOSPC')
    }
    const full = await s.begin()
    t.match(await s.resume(full.saga), { kind: 'undone', failure: { code: 'STAGING_FULL' } })
    await db('pass_disks')
      .where('pass_id', full.pass)
      .update({ sync_type: 'incremental', planned_bytes: 1n << 40n })
    findSource(s)
    for (const again of [1, 2])
      t.match(
        await s.resume((await s.begin()).saga),
        { kind: 'undone', failure: { code: 'STAGING_FULL' } },
        `try ${again}`,
      )
    s.site.stagingFreeBytes = 1n << 41n
    t.same(await s.resume((await s.begin()).saga), { kind: 'succeeded' })
  })
})
