import { randomUUID } from 'node:crypto'
import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { volumeId } from '../../../agent/domain/ids.js'
import { migrate } from '../../../agent/store/database.js'
import { jobAdmin } from '../../../agent/store/job-admin.js'
import { managedVms } from '../../../agent/store/managed-vms.js'
import { vmRemoval } from '../../../agent/store/vm-removal.js'
import { operationAdmin } from '../../../agent/store/volume-operation-admin.js'
import { workerReports } from '../../../agent/store/worker-reports.js'
import { startMariadb } from '../../lib/mariadb.js'

const now = (): Date => new Date()
const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

void t.test('a VM leaves management as it was shown', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const [admin, removal] = [jobAdmin(db, now), vmRemoval(db, now)]

  async function managed(name: string) {
    const id = randomUUID()
    const bare = { id, name, power: 'on' as const, diskCount: 2, capacityBytes: '1', folder: '', host: null }
    const vms = [{ ...bare, passSnapshots: [] }]
    await workerReports(db, now).inventoryPage({ scanId: id, vms, last: false })
    await managedVms(db, now).add(id)
    return id
  }
  async function replicated(name: string) {
    const id = await managed(name)
    const job = await admin.createJob({ sourceVmId: id })
    const [ours, given] = [randomUUID(), randomUUID()]
    const disk = { job_id: job, capacity_bytes: 1, backing_uuid: '', change_id: null }
    for (const [key, volume] of [
      ['2000', ours],
      ['2001', given],
    ] as const)
      await db('job_disks').insert({
        ...disk,
        disk_key: key,
        label: `disk ${key}`,
        volume_id: volume,
        volume_is_ours: volume === ours,
      })
    return { id, job, ours, given }
  }

  await t.test('one without a job', async t => {
    const id = await managed('plain')
    const plan = await removal.plan(id)
    t.match(plan, { name: 'plain', job: null, volumes: [], blockers: [] })
    t.same(await removal.remove(id, { plan: plan.plan, volumes: 'delete' }), { deletions: [], kept: [] })
    t.equal(await codeOf(removal.plan(id)), 'NOT_FOUND')
  })

  await t.test('what speaks against it is told, and keeps everything', async t => {
    const { id, job, ours } = await replicated('busy')
    const plan = await removal.plan(id)
    t.match(plan.blockers, [{ code: 'JOB_NOT_STOPPED', next: /./ }])
    t.equal(await codeOf(removal.remove(id, { plan: plan.plan, volumes: 'keep' })), 'JOB_NOT_STOPPED')
    await admin.holdBack(job, 'stop', true)
    await operationAdmin(db, now).request(randomUUID(), {
      kind: 'detach',
      volumeId: volumeId(ours),
      vmId: null,
    })
    t.match((await removal.plan(id)).blockers, [{ code: 'VOLUME_BUSY' }])
    t.equal(await codeOf(removal.remove(id, { plan: plan.plan, volumes: 'keep' })), 'VOLUME_BUSY')
    t.equal((await removal.plan(id)).volumes.length, 2)
  })

  await t.test('volumes of ours go by operations, given ones stay, and only as planned', async t => {
    const { id, job, ours, given } = await replicated('gone')
    await admin.holdBack(job, 'stop', true)
    const old = await removal.plan(id)
    t.match(old.volumes, [
      { volumeId: ours, isOurs: true },
      { volumeId: given, isOurs: false },
    ])
    await db('replication_jobs').where({ id: job }).update({ recovery_point_at: now() })
    t.equal(
      await codeOf(removal.remove(id, { plan: old.plan, volumes: 'delete' })),
      'REMOVAL_PLAN_CHANGED',
      'a pass has made a recovery point since',
    )
    const { plan } = await removal.plan(id)
    const removed = await removal.remove(id, { plan, volumes: 'delete' })
    t.match(removed, { deletions: [{ volumeId: ours }], kept: [{ volumeId: given }] })
    const rows = await db('volume_operations').where({ kind: 'delete' })
    t.match(rows, [{ id: removed.deletions[0]?.operationId, volume_id: ours, state: 'pending' }])
    t.same(await db('replication_jobs').where({ id: job }), [])
    t.same(await db('managed_vms').where({ source_vm_id: id }), [])
  })

  await t.test('kept volumes are given back by id', async t => {
    const { id, job } = await replicated('kept')
    await admin.holdBack(job, 'stop', true)
    const { plan } = await removal.plan(id)
    const removed = await removal.remove(id, { plan, volumes: 'keep' })
    t.equal(removed.kept.length, 2)
    t.same(removed.deletions, [])
  })
})
