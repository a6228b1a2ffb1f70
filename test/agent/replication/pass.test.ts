import { randomBytes } from 'node:crypto'
import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { passSaga } from '../../../agent/replication/pass/saga.js'
import { type SagaLog } from '../../../agent/saga/log.js'
import { migrate } from '../../../agent/store/database.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { startMariadb } from '../../lib/mariadb.js'
import { mib, stand } from '../../lib/pass-stand.js'
import { aHolder } from '../../lib/saga-harness.js'

const now = (): Date => new Date()
const never = new AbortController().signal
const nothingLeft = { snapshots: [], sockets: [], staged: [] }

void t.test('a pass', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)

  await t.test('full, then incremental: identical, and only what changed is read', async t => {
    const s = await stand(t, db)
    const first = await s.begin()
    t.same(await s.resume(first.saga), { kind: 'succeeded' })
    t.equal(await s.stateOf(first.pass), 'applied')
    t.ok(await s.identical())
    await s.site.guestWrites('2000', 40n * mib + 5n, randomBytes(1000))
    await s.site.guestWrites('2001', 0n, randomBytes(70_000))
    t.notOk(await s.identical(), 'the comparison sees a difference')
    const second = await s.begin()
    t.same(await s.resume(second.saga), { kind: 'succeeded' })
    t.ok(await s.identical())
    type Row = Record<'sync_type' | 'planned_bytes' | 'read_bytes' | 'written_bytes' | 'zeroed_bytes', string>
    const rows = (await db('pass_disks')
      .where({ pass_id: second.pass })
      .orderBy('disk_key')
      .select()) as Row[]
    t.match(rows, [
      { sync_type: 'incremental', change_id_before: '52 aa/3', change_id_after: '52 aa/5' },
      { sync_type: 'incremental', change_id_before: '52 aa/3', change_id_after: '52 aa/5' },
    ])
    // What changed, rounded to 64 KiB: one grain on the first disk, two on the second.
    t.same(
      rows.map(row => BigInt(row.written_bytes) + BigInt(row.zeroed_bytes)),
      [65536n, 131072n],
    )
    for (const row of rows) t.equal(row.read_bytes, row.planned_bytes)
    t.same(await s.leftovers(), nothingLeft)
  })

  const calls = ['inspect', 'ensure-volume', 'attach', 'snapshot', 'copy']
  const broken = new AppError('VSPHERE_FAULT', 'broken by the test')

  await t.test(
    'a fault of any call before or after its effect: named error, nothing left, the next pass is good',
    async t => {
      for (const call of calls) {
        for (const moment of ['before', 'after'] as const) {
          const s = await stand(t, db)
          s.site.fault = (asked, when) => {
            if (asked === call && when === moment) throw broken
          }
          const bad = await s.begin()
          t.match(
            await s.resume(bad.saga),
            { kind: 'undone', failure: { code: 'VSPHERE_FAULT' } },
            `${moment} ${call}`,
          )
          t.equal(await s.stateOf(bad.pass), 'failed')
          t.same(await s.leftovers(), nothingLeft)
          t.equal(s.site.volumes.size, 0, 'no volume without a recovery point')
          t.same(
            (await s.store.job(s.job)).disks.filter(disk => disk.changeId !== null),
            [],
          )
          s.site.fault = () => undefined
          const good = await s.begin()
          t.same(await s.resume(good.saga), { kind: 'succeeded' })
          t.ok(await s.identical(), `${moment} ${call}`)
        }
      }
    },
  )

  await t.test('a broken incremental pass moves no change ID and keeps the volumes', async t => {
    const s = await stand(t, db)
    t.same(await s.resume((await s.begin()).saga), { kind: 'succeeded' })
    const before = (await s.store.job(s.job)).disks.map(disk => [disk.changeId, disk.volumeId])
    await s.site.guestWrites('2000', mib, randomBytes(200_000))
    s.site.nbdkitMore = ['--filter=error']
    const failing = await s.begin()
    s.site.fault = (asked, when) => {
      if (asked === 'copy' && when === 'after')
        throw new AppError('TARGET_FLUSH_FAILED', 'broken by the test')
    }
    t.match(await s.resume(failing.saga), { kind: 'undone', failure: { code: 'TARGET_FLUSH_FAILED' } })
    t.same(
      (await s.store.job(s.job)).disks.map(disk => [disk.changeId, disk.volumeId]),
      before,
    )
    t.same(await s.leftovers(), nothingLeft)
    s.site.fault = () => undefined
    await s.site.guestWrites('2000', 9n * mib, randomBytes(1000))
    t.same(await s.resume((await s.begin()).saga), { kind: 'succeeded' })
    t.ok(await s.identical())
  })

  await t.test('an agent that dies at any write of the step log is taken up again', async t => {
    const s = await stand(t, db)
    let survived = 0
    for (let crashAt = 0; ; crashAt += 1) {
      await s.site.guestWrites('2000', BigInt(crashAt) * mib, randomBytes(4096))
      const { saga, pass } = await s.begin()
      const real = sagaLog(db, now, aHolder)
      let writes = 0
      const dying: SagaLog = {
        ...real,
        append: async (claim, event, state) => {
          if (writes++ === crashAt) throw new AppError('STORE_UNAVAILABLE', 'killed by the test')
          await real.append(claim, event, state)
        },
      }
      const first = await s.resume(saga, dying)
      if (first.kind === 'succeeded') break
      t.equal(first.kind, 'left')
      t.same(await s.resume(saga), { kind: 'succeeded' }, `died at write ${crashAt}`)
      t.equal(await s.stateOf(pass), 'applied')
      t.ok(await s.identical())
      t.same(await s.leftovers(), nothingLeft)
      survived += 1
    }
    t.equal(survived, 2 * passSaga.steps.length)
  })

  await t.test(
    'a broken copy goes on from its durable mark, through new exports, in the same pass',
    async t => {
      const s = await stand(t, db)
      await s.site.guestWrites('2000', 8n * mib, randomBytes(Number(32n * mib)))
      s.site.nbdkitMore = ['--filter=rate']
      s.site.nbdkitParameters = ['rate=200M', 'burstiness=0.1']
      s.site.breakCopy = { atBytes: 16n * mib, error: new AppError('WORKER_LOST', 'by the test') }
      const { saga, pass } = await s.begin()
      t.same(await s.resume(saga), { kind: 'succeeded' })
      t.equal(await s.stateOf(pass), 'applied')
      t.ok(await s.identical())
      const [first, second] = s.site.orders.filter(order => order.diskKey === '2000')
      t.equal(first?.earlier, null)
      const { below } = second?.earlier as unknown as { below: bigint }
      t.ok(below >= 16n * mib && below < 40n * mib, String(below))
      t.not(second?.exportName, first?.exportName, 'the old export is gone')
      t.same(await s.leftovers(), nothingLeft)
    },
  )

  await t.test('a copy is not tried again where that could not help', async t => {
    const s = await stand(t, db)
    s.site.fault = (asked, when) => {
      if (asked === 'copy' && when === 'before') throw new AppError('TARGET_FLUSH_FAILED', 'by the test')
    }
    const { saga } = await s.begin()
    t.match(await s.resume(saga), { kind: 'undone', failure: { code: 'TARGET_FLUSH_FAILED' } })
    t.equal(s.site.orders.length, 0)
  })

  await t.test('a snapshot that cannot be removed after the commit does not undo it', async t => {
    const s = await stand(t, db)
    let refusals = 0
    s.site.fault = (asked, when) => {
      if (asked === 'remove-snapshot' && when === 'before' && refusals++ < 5)
        throw new AppError('VSPHERE_UNREACHABLE', 'away')
    }
    const { saga, pass } = await s.begin()
    t.match(await s.resume(saga), { kind: 'needs-operator', failure: { code: 'VSPHERE_UNREACHABLE' } })
    t.equal(await s.stateOf(pass), 'applied')
    t.same(await s.resume(saga), { kind: 'succeeded' })
    t.same(await s.leftovers(), nothingLeft)
  })

  await t.test('a snapshot that took long makes the next pass gentler, and says so', async t => {
    const s = await stand(t, db)
    const run = async () => {
      const { saga, pass } = await s.begin()
      t.same(await s.resume(saga), { kind: 'succeeded' })
      const notes = await db<{ pass_id: string; kind: string; note: string }>('pass_notes').where({
        pass_id: pass,
        kind: 'pace',
      })
      return { pace: s.site.pace, notes: notes.map(({ note }) => note) }
    }
    t.match(await run(), { pace: { level: 0, bytesPerSec: null }, notes: [] })
    s.site.removalSeconds = 61
    t.match(await run(), { pace: { level: 0 } }, 'what the pass itself will take is not known before')
    s.site.removalSeconds = 1
    s.site.freezeSeconds = 61
    t.match(await run(), { pace: { level: 1 }, notes: [/^removing the snapshot of pass 2 took 61 s/] })
    s.site.freezeSeconds = 1
    t.match(await run(), { pace: { level: 2 }, notes: [/^taking the snapshot of pass 3/] })
    s.site.fault = (asked, when) => {
      if (asked === 'copy' && when === 'before') throw broken
    }
    s.site.removalSeconds = 90
    t.match(await s.resume((await s.begin()).saga), { kind: 'undone' })
    s.site.fault = () => undefined
    s.site.removalSeconds = 1
    t.match(
      await run(),
      { pace: { level: 2 }, notes: [/^removing the snapshot of pass 5/] },
      'a pass that failed counts as well',
    )
    t.match(await run(), { pace: { level: 1 }, notes: [/went well/] })
    t.match(await run(), { pace: { level: 0, bytesPerSec: null }, notes: [] })
  })

  await t.test('a volume the operator chose is checked for size and never deleted', async t => {
    const s = await stand(t, db)
    const small = await s.site.target.ensure('mine', 1n, never)
    s.site.volumes.set(small.id, { name: 'mine', sizeBytes: 8n * mib })
    const column = {
      job_id: s.job,
      disk_key: '2000',
      label: '',
      capacity_bytes: '0',
      backing_uuid: '',
      change_id: null,
    }
    await db('job_disks').insert({ ...column, volume_id: small.id, volume_is_ours: false })
    const { saga } = await s.begin()
    t.match(await s.resume(saga), { kind: 'undone', failure: { code: 'TARGET_VOLUME_TOO_SMALL' } })
    t.same([...s.site.volumes.keys()], [small.id])
  })
})
