import { randomBytes, randomInt } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AppError } from '../../../agent/errors.js'
import { closePointDisks, openPointDisks } from '../../../agent/replication/points/point-disks.js'
import { tendAll } from '../../../agent/replication/points/tend-points.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { pointAdmin } from '../../../agent/store/point-admin.js'
import { openNbd } from '../../../native/handle.js'
import { startMariadb } from '../../lib/mariadb.js'
import { mib, stand } from '../../lib/pass-stand.js'
import { until } from '../../lib/until.js'
import { codeOf } from '../../lib/code-of.js'

const now = (): Date => new Date()
const never = new AbortController().signal
const keys = ['2000', '2001'] as const

/** A job with points, and what each of them was. */
async function pointStand(t: Test, db: Database) {
  const s = await stand(t, db)
  const admin = pointAdmin(db, now)
  const images = new Map<string, Buffer[]>()
  const change = async (): Promise<void> => {
    for (const key of keys)
      for (let times = 0; times < 3; times += 1)
        await s.site.guestWrites(
          key,
          BigInt(randomInt(23)) * mib + BigInt(randomInt(999)),
          randomBytes(90_000),
        )
  }
  /** Runs a pass to its end, however often it breaks by the fault of the test. */
  const pass = async (): Promise<string> => {
    await change()
    const { pass: id, saga } = await s.begin()
    images.set(id, await Promise.all(keys.map(key => s.site.content(key))))
    for (let tries = 0; (await s.resume(saga)).kind !== 'succeeded'; tries += 1)
      if (tries > 5) throw new Error('the pass does not end')
    return id
  }
  const read = async (id: string): Promise<Buffer[]> => {
    const { points, daemon, target } = s.deps
    const opened = await openPointDisks({ points, daemon, target }, s.pointIdOf(id), 60, never)
    const found: Buffer[] = []
    for (const disk of opened.disks) {
      const handle = await openNbd({ kind: 'unix', path: disk.socket, exportName: disk.exportName })
      const parts: Buffer[] = []
      for (let at = 0n; at < disk.sizeBytes; at += 16n * mib)
        parts.push(await handle.pread(at, disk.sizeBytes - at < 16n * mib ? disk.sizeBytes - at : 16n * mib))
      handle.close()
      found.push(Buffer.concat(parts))
    }
    await closePointDisks(daemon, opened.id, never)
    return found
  }
  const usable = async (): Promise<string[]> =>
    (await admin.list(s.job)).items.filter(point => point.isUsable).map(point => point.id)
  /** Every usable point is what its source was; gives how many there are. */
  const prove = async (what: string): Promise<number> => {
    const all = await usable()
    for (const id of all) {
      const [found, wanted] = [await read(id), images.get(id) ?? []]
      const isSame =
        found.length === wanted.length &&
        found.every((disk, index) => disk.equals(wanted[index] ?? Buffer.alloc(0)))
      t.ok(isSame, `${what}: point ${id}`)
    }
    return all.length
  }
  const restore = async (id: string, newerPoints: 'keep' | 'drop') => {
    const restoreId = await admin.startRestore(id, { newerPoints })
    const { saga_id: saga } = (await db<{ id: string; saga_id: string }>('restores')
      .where('id', restoreId)
      .first()) ?? { saga_id: '' }
    let outcome = await s.resume(saga)
    for (let tries = 0; outcome.kind === 'needs-operator' || outcome.kind === 'left'; tries += 1) {
      if (tries > 5) throw new Error('the restore does not end')
      outcome = await s.resume(saga)
    }
    return { outcome, view: await admin.restore(restoreId) }
  }
  /** The call of this name fails once, before or after its effect. */
  const breakOnce = (call: string, moment: 'before' | 'after'): void => {
    let left = 1
    s.site.fault = (asked, when) => {
      if (asked !== call || when !== moment || left === 0) return
      left -= 1
      throw new AppError('VOLUMED_UNREACHABLE', 'broken by the test')
    }
  }
  return {
    ...s,
    admin,
    images,
    pass,
    usable,
    prove,
    restore,
    breakOnce,
    policy: (maxPoints: number, capBytes: string) =>
      admin.changePolicy(s.job, { maxPoints, maxAgeSeconds: null, capBytes }),
  }
}

const plenty = '1000000000'

void t.test('points', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)

  await t.test('are kept over passes that break while they save and apply', async t => {
    const s = await pointStand(t, db)
    const made = [await s.pass(), await s.pass()]
    for (const [call, moment] of [
      ['save', 'before'],
      ['save', 'after'],
      ['apply', 'before'],
      ['apply', 'after'],
    ] as const) {
      s.breakOnce(call, moment)
      made.unshift(await s.pass())
    }
    t.equal((await s.usable()).length, made.length)
    t.equal(await s.prove('after all'), 6)
    t.match(await s.admin.list(s.job), { usable: 6, items: [{ standing: { kind: 'on-volume' } }] })

    await t.test('expire by count; a pinned one stays; undo goes with the oldest only', async t => {
      const before = (await readdir(s.undoDir)).length
      const oldest = (await s.usable()).at(-1) ?? ''
      await s.admin.pin(oldest, true)
      await s.policy(3, plenty)
      await tendAll(s.deps, now(), never)
      t.equal(await s.prove('with a pinned one'), 3)
      t.equal((await readdir(s.undoDir)).length, before, 'the oldest point still needs all of it')
      await s.admin.pin(oldest, false)
      await s.admin.remove(oldest)
      await tendAll(s.deps, now(), never)
      t.equal(await s.prove('without it'), 2)
      t.ok((await readdir(s.undoDir)).length < before)
    })

    await t.test(
      'without room they are given up before anything is overwritten, and it is noted',
      async t => {
        await s.policy(5, '100000')
        const id = await s.pass()
        t.same(await s.usable(), [id])
        t.same(await readdir(s.undoDir), [])
        t.match(await db('pass_notes').where({ pass_id: id }), [{ note: /no older point is kept/ }])
        const lost = (await s.admin.list(s.job)).items.filter(point => point.standing.kind === 'lost')
        t.ok(lost.length > 0)
        t.ok(await s.identical())
      },
    )

    await t.test('are lost, and say so, when their undo is gone; files of others stay', async t => {
      await s.policy(5, plenty)
      await s.pass()
      await s.pass()
      t.equal(await s.prove('again'), 3)
      const [file = ''] = await readdir(s.undoDir)
      await rm(join(s.undoDir, file))
      const foreign = file.replace(/[0-9a-f-]{36}/, '00000000-0000-4000-8000-000000000000')
      await writeFile(join(s.undoDir, foreign), '')
      await tendAll(s.deps, now(), never)
      t.equal(await s.prove('after a loss'), 2)
      t.ok((await readdir(s.undoDir)).includes(foreign))
      const lost = (await s.admin.list(s.job)).items[2]
      t.match(lost?.standing, { kind: 'lost', why: /not there any more/ })
    })
  })

  await t.test('a restore: the volumes are the point, newer points stay, the next pass compares', async t => {
    const s = await pointStand(t, db)
    const made: string[] = []
    for (let count = 0; count < 4; count += 1) made.push(await s.pass())
    const [first = '', second = '', third = ''] = made
    for (const [call, moment] of [
      ['save', 'after'],
      ['restore', 'before'],
      ['restore', 'after'],
    ] as const) {
      const target = call === 'save' ? first : moment === 'before' ? third : second
      s.breakOnce(call, moment)
      const { outcome, view } = await s.restore(target, 'keep')
      if (outcome.kind === 'undone') {
        t.match(view.failure, { code: 'VOLUMED_UNREACHABLE' })
        s.site.fault = () => undefined
        // What the daemon had begun for the broken one ends first.
        await until(
          'the restore succeeds',
          async () => (await s.restore(target, 'keep')).outcome.kind === 'succeeded',
          60_000,
        )
      } else t.equal(outcome.kind, 'succeeded')
      const job = await s.store.job(s.job)
      const images = s.images.get(target) ?? []
      for (const [index, disk] of job.disks.entries()) {
        t.ok(
          disk.volumeId !== null &&
            (await s.site.volumeHolds(disk.volumeId, images[index] ?? Buffer.alloc(0))),
          'the volume',
        )
        t.match(disk, { changeId: null, fullReason: /brought back/ })
      }
      t.equal(await s.prove(`${moment} ${call}`), 4)
    }
    t.equal(
      await codeOf(s.admin.startRestore(second, { newerPoints: 'keep' })),
      'POINT_UNUSABLE',
      'it is there already',
    )
    const next = await s.pass()
    const types = (await db('pass_disks').where({ pass_id: next })) as { sync_type: string }[]
    t.same(
      types.map(row => row.sync_type),
      ['compare', 'compare'],
    )
    t.ok(await s.identical())
    t.equal(await s.prove('after the compare'), 5)

    await s.policy(10, '100000')
    t.match((await s.restore(third, 'keep')).view.failure, { code: 'UNDO_FULL' })
    t.equal(await s.prove('a restore without room changes nothing'), 5)
    t.equal((await s.restore(third, 'drop')).outcome.kind, 'succeeded')
    t.ok((await s.usable()).includes(third))
    t.ok((await s.prove('newer ones given up')) < 5)
  })
})
