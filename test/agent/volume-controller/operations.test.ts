import { randomUUID } from 'node:crypto'
import t from 'tap'
import { operationId, volumeId, type VolumeId } from '../../../agent/domain/ids.js'
import { AppError, type ErrorCode } from '../../../agent/errors.js'
import { jobAdmin } from '../../../agent/store/job-admin.js'
import { type Database } from '../../../agent/store/database.js'
import { database, elsewhere, gib, here, stand } from './stand.js'

const now = (): Date => new Date()
const attach = (id: VolumeId) => ({ kind: 'attach', volumeId: id, vmId: null }) as const
const detach = (id: VolumeId) => ({ kind: 'detach', volumeId: id, vmId: null }) as const
const remove = (id: VolumeId) => ({ kind: 'delete', volumeId: id }) as const
const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'accepted',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

/** Fails a call so often. */
const failing = (call: string, code: ErrorCode, times: number) => (asked: string) => {
  if (asked !== call || times === 0) return
  times -= 1
  throw new AppError(code, 'as the test wants')
}

async function replica(db: Database, volume: VolumeId): Promise<string> {
  const job = randomUUID()
  await db('replication_jobs').insert({
    id: job,
    source_vm_id: randomUUID(),
    vm_name: 'vm',
    created_at: now(),
  })
  await db('job_disks').insert({
    job_id: job,
    disk_key: '2000',
    label: '',
    capacity_bytes: 1,
    backing_uuid: '',
    volume_id: volume,
    volume_is_ours: false,
    change_id: null,
  })
  return job
}

void t.test('operations on volumes', async t => {
  const db = await database(t)

  await t.test('a volume leaves in this order: no writer, flushed, detached, gone', async t => {
    const { site, operate } = stand(db)
    const id = site.add({ vmId: here })
    t.equal(await operate(detach(id)), 'succeeded')
    t.same(site.calls, ['close', 'detach'])
    t.equal(site.volumes.get(id)?.vmId, undefined)
    t.equal(await operate(remove(site.add({ vmId: here }))), 'succeeded')
    t.same(site.calls.slice(2), ['close', 'detach', 'remove'])
    const [first, second] = site.tokens
    t.ok(first !== undefined && second !== undefined && second > first, 'each release has a higher token')
  })

  await t.test('a device that was not flushed, or stays, ends a detach with its name', async t => {
    const { site, operate } = stand(db)
    const id = site.add({ vmId: here })
    site.fault = failing('close', 'TARGET_FLUSH_FAILED', 1)
    t.equal(await operate(detach(id)), 'TARGET_FLUSH_FAILED')
    t.equal(site.volumes.get(id)?.vmId, here, 'it stays attached')
    site.sticky = true
    t.equal(await operate(detach(id)), 'VOLUME_STILL_PRESENT')
    const lost = site.add({ vmId: here })
    site.sticky = false
    site.fault = failing('close', 'TARGET_FLUSH_FAILED', 1)
    t.equal(await operate(remove(lost)), 'succeeded', 'of a deleted volume nobody needs the data')
  })

  await t.test('who is away is waited for, within limits; what is refused is not repeated', async t => {
    const patient = stand(db)
    const id = patient.site.add()
    patient.site.fault = failing('attach', 'CLOUDSTACK_UNREACHABLE', 3)
    t.equal(await patient.operate(attach(id)), 'succeeded')
    t.same(patient.site.calls, ['attach', 'attach', 'attach', 'attach'])
    const hurried = stand(db, 0)
    const other = hurried.site.add()
    hurried.site.fault = failing('attach', 'VOLUMED_UNREACHABLE', 1)
    t.equal(await hurried.operate(attach(other)), 'VOLUMED_UNREACHABLE')
    patient.site.calls.length = 0
    patient.site.fault = failing('attach', 'CLOUDSTACK_FAULT', 1)
    t.equal(await patient.operate(attach(patient.site.add())), 'CLOUDSTACK_FAULT')
    t.same(patient.site.calls, ['attach'])
  })

  await t.test('what is not ours is left alone', async t => {
    const { site, operate } = stand(db)
    const foreign = site.add({ isOurs: false, vmId: here })
    for (const request of [attach(foreign), detach(foreign), remove(foreign)])
      t.equal(await operate(request), 'VOLUME_NOT_OURS')
    const busy = site.add({ vmId: elsewhere })
    t.equal(await operate(detach(busy)), 'VOLUME_BUSY')
    t.equal(await operate(remove(busy)), 'VOLUME_BUSY')
    t.notOk(site.calls.includes('remove'))
    t.equal(await operate(attach(volumeId(randomUUID()))), 'VOLUME_UNKNOWN')
    t.equal(await operate(remove(volumeId(randomUUID()))), 'succeeded', 'absent is deleted')
  })

  await t.test('a broken create leaves nothing, a killed one is gone on with', async t => {
    const { site, operate, ask, run, view } = stand(db)
    const request = { kind: 'create', label: 'data', sizeBytes: gib } as const
    site.fault = failing('created', 'CLOUDSTACK_AMBIGUOUS', 1)
    t.equal(await operate(request), 'CLOUDSTACK_AMBIGUOUS')
    t.equal(site.volumes.size, 0)
    const id = await ask(request)
    site.fault = failing('created', 'STORE_UNAVAILABLE', 1)
    t.equal(await run(id), 'left')
    t.equal((await view(id)).state, 'running')
    t.equal(await run(id), 'succeeded')
    t.equal(site.volumes.size, 1, 'the same volume')
    const recorded = (await db('volumes').where({ id: (await view(id)).volumeId })) as unknown[]
    t.match(recorded, [{ vm_id: null, size_bytes: gib.toString() }])
  })

  await t.test(
    'a second volume of the name, and one that is gone, are told; neither keeps the saga',
    async t => {
      const { site, ask, run, view } = stand(db)
      const id = await ask({ kind: 'create', label: null, sizeBytes: gib })
      const byName = site.cloud.findByName
      Object.assign(site.cloud, {
        findByName: (...args: Parameters<typeof byName>) => {
          site.add({ name: args[0], isOurs: false })
          return byName(...args)
        },
      })
      t.equal(await run(id), 'succeeded')
      t.match((await view(id)).drift, /2 volumes are named/)
      Object.assign(site.cloud, {
        findByName: () => {
          site.volumes.clear()
          return Promise.resolve([])
        },
      })
      const lost = await ask({ kind: 'create', label: null, sizeBytes: gib })
      t.equal(await run(lost), 'succeeded')
      t.equal((await view(lost)).state, 'succeeded')
    },
  )

  await t.test('a clean-up stops the VM and brings the volume back', async t => {
    const { site, operate } = stand(db)
    const id = site.add({ vmId: elsewhere })
    t.equal(await operate({ kind: 'clean-up', volumeId: id, vmId: elsewhere }), 'succeeded')
    t.same(site.calls, ['stop', 'close', 'detach', 'attach'])
    t.equal(site.volumes.get(id)?.vmId, here)
  })

  await t.test('one at a time on a volume, in the order asked', async t => {
    const { site, ask, run, view } = stand(db)
    const id = site.add()
    const [first, second] = [await ask(attach(id)), await ask(detach(id))]
    const later = run(second)
    t.equal((await view(second)).state, 'pending')
    t.equal(await run(first), 'succeeded')
    t.equal(await later, 'succeeded')
    t.same(site.calls, ['attach', 'close', 'detach'])
  })

  await t.test('what changed afterwards is told, unless a newer operation did it', async t => {
    const { site, ask, run, view, store } = stand(db)
    const id = site.add()
    const moved = await ask(attach(id))
    const seen = site.cloud.find
    let looks = 0
    // The second look is the later one.
    const drifting = async (...args: Parameters<typeof seen>) => {
      looks += 1
      if (looks === 2) site.place(id, undefined, undefined)
      return seen(...args)
    }
    Object.assign(site.cloud, { find: drifting })
    t.equal(await run(moved), 'succeeded')
    t.match((await view(moved)).drift, /should be attached to VM .* and is detached/)
    t.equal((await view(moved)).state, 'succeeded')
    await ask(detach(id))
    t.notOk(await store.isNewest(operationId(moved)))
  })

  await t.test('the key decides which request it is', async t => {
    const { site, ask } = stand(db)
    const id = site.add()
    const key = randomUUID()
    const same = await Promise.all([1, 2, 3, 4, 5].map(() => ask(attach(id), key)))
    t.equal(new Set(same).size, 1)
    t.equal(await codeOf(ask(detach(id), key)), 'IDEMPOTENCY_KEY_REUSED')
    t.equal((await db('volume_operations').where({ volume_id: id })).length, 1)
    t.equal((await db('sagas').where({ kind: 'volume-attach' })).length >= 1, true)
  })

  await t.test('a replica stays whole: no other VM, no deletion, not while a pass runs', async t => {
    const { site, ask, operate } = stand(db)
    const id = site.add({ isOurs: false })
    const job = await replica(db, id)
    for (const request of [
      remove(id),
      { ...attach(id), vmId: elsewhere },
      { kind: 'attach-root', volumeId: id, vmId: elsewhere } as const,
      { kind: 'clean-up', volumeId: id, vmId: elsewhere } as const,
    ])
      t.equal(await codeOf(ask(request)), 'VOLUME_IN_USE', request.kind)
    t.equal(await operate(attach(id)), 'succeeded', 'chosen by an operator, so it may come and go')
    t.equal(await codeOf(jobAdmin(db, now).startPass(job, 'snapshot')), 'accepted')
    t.equal(await codeOf(ask(attach(id))), 'JOB_BUSY')
  })
})
