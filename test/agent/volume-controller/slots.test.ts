import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type VolumeId } from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { recordOwnPlaces } from '../../../agent/store/data-movers.js'
import { type Database } from '../../../agent/store/database.js'
import { operationAdmin } from '../../../agent/store/volume-operation-admin.js'
import { volumeSlots } from '../../../agent/store/volume-slots.js'
import { VolumeSlots } from '../../../agent/volume-controller/slots.js'
import { pause } from '../cloudstack/client-fixture.js'
import { silent } from '../../lib/saga-harness.js'
import { database, here, stand } from './stand.js'

const never = new AbortController().signal
const hourMs = 3_600_000

/** A job whose last pass ended so long ago; null: it still runs. */
async function replica(db: Database, volume: VolumeId, idleMs: number | null): Promise<void> {
  const [job, saga, at] = [randomUUID(), randomUUID(), new Date(Date.now() - (idleMs ?? 0))]
  await db('replication_jobs').insert({
    id: job,
    source_vm_id: randomUUID(),
    vm_name: 'vm',
    created_at: at,
  })
  const disk = { disk_key: '2000', label: '', capacity_bytes: 1, backing_uuid: '', change_id: null }
  await db('job_disks').insert({ ...disk, job_id: job, volume_id: volume, volume_is_ours: true })
  const fresh = { epoch: 0, next_seq: 0, cancel_requested: false, created_at: at }
  const state = idleMs === null ? 'running' : 'done'
  await db('sagas').insert({ ...fresh, id: saga, kind: 'pass', input: '{}', state })
  const pass = { id: randomUUID(), job_id: job, number: 1, saga_id: saga, started_at: at }
  const ended = idleMs === null ? null : at
  await db('passes').insert({ ...pass, state: 'committed', ended_at: ended })
  // Every job had an earlier pass.
  const earlier = { id: randomUUID(), job_id: job, number: 0, saga_id: randomUUID(), started_at: at }
  await db('sagas').insert({ ...fresh, id: earlier.saga_id, kind: 'pass', input: '{}', state: 'done' })
  await db('passes').insert({ ...earlier, state: 'committed', ended_at: new Date(0) })
}

function slotsOf(db: Database, limit: number | undefined) {
  const s = stand(db)
  const asked: string[] = []
  const admin = operationAdmin(db, () => new Date())
  const works: Promise<unknown>[] = []
  const slots = new VolumeSlots({
    cloud: { ...s.site.cloud, dataDiskLimit: () => Promise.resolve(limit) },
    store: volumeSlots(db),
    request: async (key, request) => {
      const recorded = await admin.request(key, request)
      if (request.kind !== 'create') asked.push(request.volumeId)
      works.push(s.run(recorded.id))
      return recorded
    },
    onWork: () => undefined,
    lookMs: 1,
    waitMs: 2000,
    idleMs: hourMs,
    now: () => new Date(),
    pause,
    logger: silent,
  })
  const attached = () => [...s.site.volumes.values()].filter(one => one.vmId === here).map(({ id }) => id)
  const settled = () => Promise.all(works)
  return { ...s, slots, asked, attached, settled }
}

const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

void t.test('places for disks', async t => {
  const db = await database(t)
  // What is idle is asked of all jobs.
  t.beforeEach(async () => {
    for (const table of ['passes', 'job_disks', 'replication_jobs', 'volume_operations', 'sagas'])
      await db(table).delete()
  })

  await t.test('the longest idle replica makes place; who is in use stays', async t => {
    const { site, slots, asked, attached, settled } = slotsOf(db, 4)
    const [busy, recent, oldest, byHand] = [1, 2, 3, 4].map(() => site.add({ vmId: here, deviceId: 1 }))
    if (busy === undefined || recent === undefined || oldest === undefined || byHand === undefined)
      throw new Error('no volumes')
    await replica(db, busy, null)
    await replica(db, recent, 1000)
    await replica(db, oldest, 5000)
    const idle = await volumeSlots(db).idleReplicas()
    t.same(
      idle.map(({ id }) => id),
      [oldest, recent],
    )
    const [first, second, third] = [site.add(), site.add(), site.add()]
    await Promise.all([slots.attach(first, never), slots.attach(second, never)])
    await settled()
    t.same(asked, [oldest, recent])
    t.same(new Set(attached()), new Set([busy, byHand, first, second]))
    t.equal(await codeOf(slots.attach(third, never)), 'APPLIANCE_FULL')
    t.equal(site.volumes.get(third)?.vmId, undefined)
    t.equal(await codeOf(slots.attach(busy, never)), 'done', 'what is attached needs no place')
  })

  await t.test('what the file of the OMA says counts more than what CloudStack tells', async t => {
    const { site, slots } = slotsOf(db, 2)
    site.add({ vmId: here, deviceId: 1 })
    await recordOwnPlaces(db, 1)
    t.equal(await codeOf(slots.attach(site.add(), never)), 'APPLIANCE_FULL')
    await recordOwnPlaces(db, null)
    t.equal(await codeOf(slots.attach(site.add(), never)), 'done')
  })

  await t.test('where nobody tells the limit, CloudStack refuses and place is made', async t => {
    const { site, slots, asked, settled } = slotsOf(db, undefined)
    const idle = site.add({ vmId: here, deviceId: 1 })
    await replica(db, idle, 1000)
    const wanted = site.add()
    site.fault = call => {
      if (call === 'attach' && site.volumes.get(idle)?.vmId === here)
        throw new AppError(
          'CLOUDSTACK_FAULT',
          'The specified VM already has the maximum number of data disks (1)',
        )
    }
    await slots.attach(wanted, never)
    await settled()
    t.same(asked, [idle])
  })

  await t.test('a pass waits for older operations on its volume, within limits', async t => {
    const { site, slots, ask, run } = slotsOf(db, undefined)
    const id = site.add({ vmId: here })
    const operation = await ask({ kind: 'detach', volumeId: id, vmId: null })
    t.equal(await codeOf(slots.ensureAttached(id, never)), 'VOLUME_BUSY')
    const waiting = slots.ensureAttached(id, never)
    await run(operation)
    await waiting
    t.same(site.calls, ['close', 'detach', 'attach'])
  })

  await t.test('idle replicas are detached after a while, nothing else is', async t => {
    const { site, slots, asked, attached, settled } = slotsOf(db, undefined)
    const [busy, recent, old] = [1, 2, 3].map(() => site.add({ vmId: here, deviceId: 1 }))
    const [byHand, away] = [site.add({ vmId: here, deviceId: 1 }), site.add()]
    if (busy === undefined || recent === undefined || old === undefined) throw new Error('no volumes')
    await replica(db, busy, null)
    await replica(db, recent, hourMs / 2)
    await replica(db, old, 2 * hourMs)
    await replica(db, away, 2 * hourMs)
    await slots.releaseIdle(never)
    await settled()
    t.same(asked, [old])
    t.same(new Set(attached()), new Set([busy, recent, byHand]))
  })
})
