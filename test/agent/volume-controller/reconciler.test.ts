import { randomUUID } from 'node:crypto'
import t from 'tap'
import { fenceToken } from '../../../agent/domain/fence.js'
import {
  diskKey,
  jobId,
  serialOfVolume,
  snapshotId,
  snapshotSetId,
  volumeId,
  type VolumeId,
} from '../../../agent/domain/ids.js'
import { makerOfVolumeName, volumeNameOf } from '../../../agent/domain/names.js'
import { AppError } from '../../../agent/errors.js'
import { createSnapshotSet, snapshotSetStore } from '../../../agent/store/snapshot-set-store.js'
import { volumeFindings } from '../../../agent/store/volume-findings.js'
import { operationAdmin } from '../../../agent/store/volume-operation-admin.js'
import { findingsOf, type Observed, type Recorded } from '../../../agent/volume-controller/findings.js'
import { Reconciler } from '../../../agent/volume-controller/reconciler.js'
import { silent } from '../../lib/saga-harness.js'
import { database, elsewhere, gib, here, stand, type FakeSite } from './stand.js'

const never = new AbortController().signal
const uuid = (): VolumeId => volumeId(randomUUID())

const observedOf = (site: FakeSite, more: Partial<Observed> = {}): Observed => ({
  applianceVmId: here,
  volumes: [...site.volumes.values()],
  devices: [...site.devices].map(id => ({
    serial: serialOfVolume(id),
    path: `/dev/${id}`,
    name: 'vol',
    sizeBytes: gib,
  })),
  doubts: [],
  exports: [],
  snapshots: [...site.snapshots.values()],
  ...more,
})
const nothing: Recorded = {
  volumes: [],
  replicas: [],
  snapshots: [],
  busySets: new Set(),
  busy: new Set(),
  makers: new Map(),
}
const kinds = (observed: Observed, recorded: Recorded) =>
  findingsOf(observed, recorded).map(({ kind, subject }) => [kind, subject])

void t.test('what is not as recorded', async t => {
  const db = await database(t)

  await t.test('orphans are ours, and nothing needs them', async t => {
    const { site } = stand(db)
    const job = jobId(randomUUID())
    const orphan = site.add()
    const named = site.add({ isOurs: false, name: volumeNameOf(job, diskKey('2000')) })
    const strangers = [site.add({ isOurs: false, name: 'payroll' }), site.add({ isOurs: false })]
    const makers = new Map<string, boolean>([[job, false]])
    t.same(kinds(observedOf(site), { ...nothing, makers }), [
      ['orphan-volume', orphan],
      ['orphan-volume', named],
    ])
    t.equal(strangers.length, 2, 'another installation gives names like ours')
    const needed = {
      volumes: [{ id: orphan, vmId: null }],
      replicas: [{ id: named, passRuns: false }],
      makers,
    }
    t.same(kinds(observedOf(site), { ...nothing, ...needed }), [])
    t.same(kinds(observedOf(site), { ...nothing, makers: new Map([[job, true]]) }), [
      ['orphan-volume', orphan],
    ])
    t.same(kinds(observedOf(site), { ...nothing, busy: new Set([orphan]) }), [])
  })

  await t.test('recorded and gone, or elsewhere', async t => {
    const { site } = stand(db)
    const [lost, moved, replica] = [uuid(), site.add({ vmId: elsewhere }), uuid()]
    const recorded = {
      ...nothing,
      volumes: [
        { id: lost, vmId: null },
        { id: moved, vmId: here },
      ],
      replicas: [{ id: replica, passRuns: false }],
    }
    t.same(kinds(observedOf(site), recorded), [
      ['lost-volume', lost],
      ['lost-volume', replica],
      ['moved-volume', moved],
    ])
    t.same(kinds(observedOf(site), { ...recorded, busy: new Set([lost, moved, replica]) }), [])
  })

  await t.test('devices and exports', async t => {
    const { site } = stand(db)
    const [good, bare, open, writing] = [1, 2, 3, 4].map(() => site.add({ vmId: here, isOurs: false }))
    if (good === undefined || bare === undefined || open === undefined || writing === undefined)
      throw new Error('no volumes')
    site.devices.delete(bare)
    const root = site.add({ vmId: here, isOurs: false, deviceId: 0 })
    site.devices.delete(root)
    const stray = uuid()
    site.devices.add(stray)
    const exports = [open, writing].map(id => ({
      serial: serialOfVolume(id),
      sizeBytes: gib,
      fence: fenceToken(1n),
    }))
    const doubts = [{ serial: serialOfVolume(uuid()), why: 'two carry it' }]
    const recorded = {
      ...nothing,
      replicas: [{ id: writing, passRuns: true }],
      busy: new Set([writing]),
    }
    t.same(kinds(observedOf(site, { exports, doubts }), recorded), [
      ['unproven-device', doubts[0]?.serial],
      ['unknown-device', serialOfVolume(stray)],
      ['missing-device', bare],
      ['orphan-export', open],
    ])
  })

  await t.test('snapshots, both ways', async t => {
    const { site } = stand(db)
    const volume = site.add()
    const set = randomUUID()
    const name = `ossea-set-${set}-${volume}`
    const [kept, orphan, strange, bare, lost] = [
      site.addSnapshot(volume, { name }),
      site.addSnapshot(volume, { name }),
      site.addSnapshot(volume, { name: 'nightly' }),
      site.addSnapshot(volume, { volumeId: undefined }),
      snapshotId(randomUUID()),
    ]
    site.addSnapshot(volume, { name, isOurs: false })
    const volumes = [{ id: volume, vmId: null }]
    const snapshots = [kept, lost].map(id => ({ id, volumeId: volume, setId: set }))
    const recorded = { ...nothing, volumes, snapshots }
    t.same(kinds(observedOf(site), recorded), [
      ['orphan-snapshot', orphan],
      ['unknown-snapshot', strange],
      ['unknown-snapshot', bare],
      ['lost-snapshot', lost],
    ])
    t.same(
      kinds(observedOf(site), { ...recorded, busySets: new Set([set]) }),
      [
        ['unknown-snapshot', strange],
        ['unknown-snapshot', bare],
      ],
      'a set that is being taken records its snapshots when they are usable',
    )
    t.same(kinds(observedOf(site), { ...recorded, busy: new Set([volume]) }), [
      ['unknown-snapshot', bare],
      ['lost-snapshot', lost],
    ])
  })

  await t.test('an orphan snapshot is removed; the only way back is not', async t => {
    const { site, run, view } = stand(db)
    const volume = site.add({ isOurs: false, name: 'payroll' })
    site.addSnapshot(volume)
    const wanted = site.addSnapshot(volume)
    const set = snapshotSetId(randomUUID())
    await createSnapshotSet(db, () => new Date(), set, [volume])
    await snapshotSetStore(db).recordSnapshot(set, volume, { snapshotId: wanted, proof: 'p' })
    const admin = operationAdmin(db, () => new Date())
    const reconciler = new Reconciler({
      cloud: site.cloud,
      daemon: {
        ...site.daemon,
        mendNames: () => Promise.resolve({ made: [], repaired: [], dropped: [] }),
      },
      store: volumeFindings(db, () => new Date()),
      request: admin.request,
      onWork: () => undefined,
      orphanAgeMs: 0,
      removesByItself: true,
      now: () => new Date(),
      logger: silent,
    })
    await reconciler.compare(never)
    const [row] = await db('volume_operations')
      .where({ kind: 'delete-snapshot' })
      .select<{ readonly id: string }[]>('id')
    t.equal(await run(row?.id ?? ''), 'succeeded')
    t.match(await view(row?.id ?? ''), { kind: 'delete-snapshot', volumeId: volume, state: 'succeeded' })
    t.same([...site.snapshots.keys()], [wanted])
    t.same((await reconciler.sync(never)).findings, [])
    const refused = await admin
      .request(randomUUID(), { kind: 'delete-snapshot', volumeId: volume, snapshotId: wanted })
      .catch((error: unknown) => (error instanceof AppError ? error.code : error))
    t.equal(refused, 'VOLUME_IN_USE')
  })

  await t.test('an orphan is removed when it is old enough, by an operation, once', async t => {
    const { site, run, view } = stand(db)
    const orphan = site.add()
    const foreign = site.add({ isOurs: false, name: 'payroll' })
    let nowMs = Date.now()
    const reconciler = new Reconciler({
      cloud: site.cloud,
      daemon: {
        ...site.daemon,
        mendNames: () => Promise.resolve({ made: [], repaired: [], dropped: [] }),
      },
      store: volumeFindings(db, () => new Date(nowMs)),
      request: operationAdmin(db, () => new Date(nowMs)).request,
      onWork: () => undefined,
      orphanAgeMs: 1000,
      removesByItself: false,
      now: () => new Date(nowMs),
      logger: silent,
    })
    const codeOf = (attempt: Promise<unknown>) =>
      attempt.then(
        () => 'accepted',
        (error: unknown) => (error instanceof AppError ? error.code : String(error)),
      )
    const found = async () =>
      (await reconciler.sync(never)).findings.map(({ kind, subject }) => [kind, subject])
    t.same(await found(), [['orphan-volume', orphan]])
    t.equal(await codeOf(reconciler.remove('orphan-volume', orphan, never)), 'ORPHAN_TOO_YOUNG')
    t.equal(await codeOf(reconciler.remove('orphan-volume', foreign, never)), 'NOT_FOUND')
    nowMs += 2000
    const { id } = await reconciler.remove('orphan-volume', orphan, never)
    t.same(
      await reconciler.remove('orphan-volume', orphan, never).catch(() => 'gone'),
      'gone',
      'it is busy now',
    )
    t.same(await found(), [])
    t.equal(await run(id), 'succeeded')
    t.equal((await view(id)).kind, 'delete')
    t.notOk(site.volumes.has(orphan))
    t.ok(site.volumes.has(foreign))
    const blind = new AppError('CLOUDSTACK_UNREACHABLE', 'away')
    const second = site.add()
    await found()
    Object.assign(site.cloud, { all: () => Promise.reject(blind) })
    t.equal(await codeOf(reconciler.sync(never)), 'CLOUDSTACK_UNREACHABLE')
    t.match(await reconciler.findings(), [{ subject: second }], 'what was found before stays')
  })

  await t.test('names tell their maker', t => {
    const id = randomUUID()
    t.equal(makerOfVolumeName(`ossea-${id}-disk-2000`), id)
    t.equal(makerOfVolumeName(`ossea-${id}`), id)
    t.equal(makerOfVolumeName(`ossea-data-1-${id}`), id)
    for (const name of ['payroll', 'ossea-', `x-${id}`, `ossea-${id}-disk-x`, `ossea-${id}x`])
      t.equal(makerOfVolumeName(name), undefined, name)
    t.end()
  })
})
