import { randomBytes } from 'node:crypto'
import t from 'tap'
import { type FindingCode } from '../../../agent/domain/preflight.js'
import { AppError } from '../../../agent/errors.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { views } from '../../../agent/store/views.js'
import { hardwareHistory } from '../../../agent/store/vm-hardware.js'
import { hardware } from '../../fake/hardware.js'
import { startMariadb } from '../../lib/mariadb.js'
import { mib, stand } from '../../lib/pass-stand.js'

type Stand = Awaited<ReturnType<typeof stand>>

const passDetail = (db: Database, pass: string) =>
  views(db, { version: '1', now: () => new Date(), workerSilenceMs: 1, passSteps: [] }).pass(pass)

async function runs(s: Stand, input: object = {}) {
  const { saga, pass } = await s.begin(input)
  return { outcome: await s.resume(saga), view: await passDetail(s.db, pass) }
}

const unknownVm = new AppError('SOURCE_VM_UNKNOWN', 'deleted by the test')

void t.test('what the source tells decides how a pass goes', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)

  await t.test('without tracking the first pass copies, later ones compare, and all say why', async t => {
    const s = await stand(t, db)
    s.site.fullReason = 'tracking could not be switched on'
    for (let pass = 0; pass < 2; pass += 1) {
      const { outcome, view } = await runs(s)
      t.same(outcome, { kind: 'succeeded' })
      t.ok(await s.identical())
      t.equal(view.syncType, pass === 0 ? 'full' : 'compare')
      for (const disk of view.disks) {
        if (pass > 0) t.same([disk.writtenBytes, disk.zeroedBytes], ['0', '0'], 'nothing differed')
        t.same(disk.fallbacks, ['tracking could not be switched on'])
        t.equal(disk.changeIdAfter, null)
      }
    }
    s.site.fullReason = null
    const third = await runs(s)
    t.match(third.view.disks[0]?.fallbacks, ['the last recovery point has no change ID of this disk'])
    t.equal((await runs(s)).view.syncType, 'incremental')
  })

  await t.test('a gap in tracking makes a pass compare although change IDs are stored', async t => {
    const s = await stand(t, db)
    await runs(s)
    await s.site.guestWrites('2000', mib, randomBytes(5000))
    s.site.fullReason = 'tracking was off for a while'
    const { view } = await runs(s)
    t.equal(view.syncType, 'compare')
    t.same(
      view.disks.map(disk => [disk.writtenBytes, disk.fallbacks]),
      [
        ['8192', ['tracking was off for a while']],
        ['0', ['tracking was off for a while']],
      ],
      'only what differs is sent, in grains of the target',
    )
    t.ok(await s.identical())
  })

  await t.test('a compare mends whatever else happened to a volume', async t => {
    const s = await stand(t, db)
    await runs(s)
    const [volume] = s.site.volumes.keys()
    await s.site.spoilVolume(volume!, 30n * mib, randomBytes(100_000))
    await s.site.spoilVolume(volume!, 5n * mib, Buffer.alloc(70_000))
    t.notOk(await s.identical())
    t.equal((await runs(s)).view.syncType, 'incremental')
    t.notOk(await s.identical(), 'the changes of the source alone do not')
    s.site.fullReason = 'by the test'
    t.equal((await runs(s)).view.syncType, 'compare')
    t.ok(await s.identical())
  })

  await t.test(
    'a disk that grew is compared as far as it was copied, and its volume grows with it',
    async t => {
      const s = await stand(t, db)
      await runs(s)
      await s.site.growDisk('2000', 1100n * mib + 512n)
      await s.site.guestWrites('2000', 1090n * mib, randomBytes(100_000))
      s.site.fault = (asked, when) => {
        if (asked === 'copy' && when === 'before') throw new AppError('VSPHERE_FAULT', 'by the test')
      }
      t.match((await runs(s)).outcome, { kind: 'undone' })
      s.site.fault = () => undefined
      const { outcome, view } = await runs(s)
      t.same(outcome, { kind: 'succeeded' })
      t.equal(view.syncType, 'mixed')
      t.match(
        view.disks.map(disk => [disk.syncType, disk.fallbacks]),
        [
          ['compare', [/grew from 67108864 to 1153434112 bytes/]],
          ['incremental', []],
        ],
        'also when the pass that saw it first broke',
      )
      t.ok(await s.identical())
      t.equal((await runs(s)).view.syncType, 'incremental')
    },
  )

  await t.test('snapshots of somebody else during a pass make the next one compare', async t => {
    const s = await stand(t, db)
    await runs(s)
    s.site.disturbance = 'a snapshot by a customer'
    const disturbed = await runs(s)
    t.equal(disturbed.view.syncType, 'incremental')
    t.same(disturbed.view.notes, ['the next pass compares: a snapshot by a customer'])
    s.site.disturbance = null
    const next = await runs(s)
    t.match(next.view, { syncType: 'compare', disks: [{ fallbacks: ['a snapshot by a customer'] }, {}] })
    t.equal((await runs(s)).view.syncType, 'incremental')
  })

  await t.test('a disk nothing proves to be the same one is compared, also after a failure', async t => {
    const s = await stand(t, db)
    s.site.backingUuid = () => ''
    await runs(s)
    t.equal((await runs(s)).view.syncType, 'incremental', 'the same file is the same disk')
    s.site.baseFile = key => `[other] vm/${key}.vmdk`
    s.site.fault = (asked, when) => {
      if (asked === 'snapshot' && when === 'before') throw new AppError('VSPHERE_FAULT', 'by the test')
    }
    t.match((await runs(s)).outcome, { kind: 'undone' })
    s.site.fault = () => undefined
    const { outcome, view } = await runs(s)
    t.same(outcome, { kind: 'succeeded' })
    t.equal(view.syncType, 'compare')
    t.match(view.disks[0]?.fallbacks[0], /nothing proves .* \[ds\] vm\/2000.vmdk and is \[other\]/)
    t.equal((await runs(s)).view.syncType, 'incremental', 'the reason ends with the commit')
  })

  await t.test('a VM deleted in mid-pass parks nothing, and what was left is noted', async t => {
    const s = await stand(t, db)
    s.site.fault = (asked, when) => {
      if (when === 'before' && (asked === 'copy' || asked === 'remove-snapshot')) throw unknownVm
    }
    const undone = await runs(s)
    t.match(undone.outcome, { kind: 'undone', failure: { code: 'SOURCE_VM_UNKNOWN' } })
    t.match(undone.view.notes, [/no longer has VM .* its snapshot ossea-pass-/])
    s.site.fault = (asked, when) => {
      if (when === 'before' && asked === 'remove-snapshot') throw unknownVm
    }
    const committed = await runs(s)
    t.same(committed.outcome, { kind: 'succeeded' })
    t.equal(committed.view.notes.length, 1)
  })

  await t.test('a final pass takes and removes no snapshot, and only of a VM that is off', async t => {
    const s = await stand(t, db)
    await runs(s)
    await s.site.guestWrites('2001', mib, randomBytes(5000))
    t.match((await runs(s, { mode: 'final' })).outcome, { failure: { code: 'SOURCE_VM_NOT_OFF' } })
    const asked: string[] = []
    s.site.power = 'off'
    s.site.fault = call => asked.push(call)
    const { outcome, view } = await runs(s, { mode: 'final' })
    t.same(outcome, { kind: 'succeeded' })
    t.ok(await s.identical())
    t.match(view, { syncType: 'incremental', consistency: 'powered-off' })
    t.notOk(asked.includes('snapshot') || asked.includes('remove-snapshot'))
  })

  await t.test('a blocker ends the pass before anything is made, under its own name', async t => {
    const s = await stand(t, db)
    const blocker = (code: FindingCode) => ({ code, severity: 'blocker', what: code, remedy: '' }) as const
    const cases: [FindingCode, string][] = [
      ['privilege-missing', 'VSPHERE_PERMISSION_MISSING'],
      ['datastore-full', 'SOURCE_DATASTORE_FULL'],
      ['snapshot-chain-full', 'SOURCE_SNAPSHOTS_FULL'],
      ['vddk-unsuitable', 'VDDK_UNSUITABLE'],
      ['disk-multi-writer', 'SOURCE_DISK_UNSUPPORTED'],
    ]
    for (const [code, error] of cases) {
      s.site.findings = [blocker(code), { ...blocker('tools-not-running'), severity: 'warning' }]
      const { outcome } = await runs(s)
      t.match(outcome, { kind: 'undone', failure: { code: error, message: `VM vm: ${code}` } })
      t.equal(s.site.volumes.size, 0)
    }
    s.site.power = 'off'
    s.site.findings = [blocker('datastore-full')]
    t.same((await runs(s, { mode: 'final' })).outcome, { kind: 'succeeded' }, 'a final pass needs no room')
  })

  await t.test('hardware is kept in versions, one for each change', async t => {
    const s = await stand(t, db)
    await runs(s)
    await runs(s)
    s.site.hardware = { ...hardware, cpuCount: 8 }
    await runs(s)
    const vm = (await s.store.job(s.job)).sourceVmId
    const history = hardwareHistory(db)
    t.same(
      (await history.versions(vm)).map(one => one.version),
      [2, 1],
    )
    t.match(await history.compare(vm, 1, 2), { differences: [{ field: 'cpuCount', from: '2', to: '8' }] })
    t.equal((await history.version(vm, 2)).hardware.cpuCount, 8)
    await t.rejects(history.compare(vm, 1, 3), { code: 'NOT_FOUND' })
  })
})
