import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { migrate } from '../../../agent/store/database.js'
import { startMariadb } from '../../lib/mariadb.js'
import { mib, stand } from '../../lib/pass-stand.js'

type Stand = Awaited<ReturnType<typeof stand>>

/** What a disk or a controller does without a word. */
function spoil(path: string, at: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, randomBytes(64), 0, 64, at)
  closeSync(file)
}

function bytesAt(path: string, at: number): Buffer {
  const file = openSync(path, 'r')
  const bytes = Buffer.alloc(64)
  readSync(file, bytes, 0, bytes.length, at)
  closeSync(file)
  return bytes
}

void t.test('what was read of the source has to be found where it was written', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const pass = async (s: Stand) => {
    const begun = await s.begin()
    return { ...begun, outcome: await s.resume(begun.saga) }
  }
  const checked = (id: string): Promise<unknown[]> =>
    db('pass_disks').where('pass_id', id).orderBy('disk_key').pluck('is_checked')
  const before = (s: Stand, call: string, act: () => void): void => {
    s.site.fault = (asked, moment) => {
      if (asked !== call || moment !== 'before') return
      s.site.fault = () => undefined
      act()
    }
  }

  await t.test('a first pass, whose volumes changed under it', async t => {
    const s = await stand(t, db)
    const written = randomBytes(64)
    const at = Number(8n * mib)
    await s.site.guestWrites('2001', BigInt(at), written)
    before(s, 'check', () => {
      const volumes = readdirSync(s.site.byIdDir).map(name => readlinkSync(join(s.site.byIdDir, name)))
      const held = volumes.filter(volume => bytesAt(volume, at).equals(written))
      t.equal(held.length, 1)
      for (const volume of held) spoil(volume, at)
    })
    const spoilt = await pass(s)
    t.match(spoilt.outcome, { kind: 'undone', failure: { code: 'COPY_DIFFERS' } })
    t.same(await s.replica(), { kind: 'none' }, 'it is no recovery point')
    const next = await pass(s)
    t.same(next.outcome, { kind: 'succeeded' })
    t.same(await checked(next.pass), [1, 1])
    t.equal(await s.volumesDigest(), await s.sourceDigest())
  })

  await t.test('a staged pass, whose overlay changed before it was sealed', async t => {
    const s = await stand(t, db)
    await pass(s)
    const point = await s.volumesDigest()
    const written = randomBytes(300_000)
    await s.site.guestWrites('2000', 30n * mib, written)
    before(s, 'seal', () => {
      const overlays = readdirSync(s.stagingDir).map(name => join(s.stagingDir, name))
      const held = overlays.map(path => ({
        path,
        at: readFileSync(path).indexOf(written.subarray(0, 9_000)),
      }))
      for (const { path, at } of held) if (at !== -1) spoil(path, at)
      t.equal(held.filter(({ at }) => at !== -1).length, 1)
    })
    const spoilt = await pass(s)
    t.match(spoilt.outcome, { kind: 'undone', failure: { code: 'COPY_DIFFERS' } })
    t.equal(await s.volumesDigest(), point)
    t.same(await s.replica(), { kind: 'at-point' })
    const next = await pass(s)
    t.same(next.outcome, { kind: 'succeeded' })
    t.same(await checked(next.pass), [1, 1])
    t.equal(await s.volumesDigest(), await s.sourceDigest())
  })

  await t.test('a compare writes only what differs: noted as not checked', async t => {
    const s = await stand(t, db)
    await pass(s)
    s.site.fullReason = 'CBT was reset'
    const compared = await pass(s)
    t.same(compared.outcome, { kind: 'succeeded' })
    t.same(await checked(compared.pass), [0, 0])
    t.match(await db('pass_notes').where({ pass_id: compared.pass, kind: 'not-checked' }).first(), {
      note: /2000, 2001/,
    })
  })
})
