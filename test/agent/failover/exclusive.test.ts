import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { explain } from '../../../agent/failover/explain.js'
import { preflight } from '../../../agent/failover/preflight.js'
import { startingSagas } from '../../../agent/failover/sagas.js'
import { stepTexts } from '../../../agent/failover/catalog.js'
import { migrate } from '../../../agent/store/database.js'
import { replicaPoints } from '../../../agent/store/failover-source.js'
import { jobAdmin } from '../../../agent/store/job-admin.js'
import { jobId, sourceVmId } from '../../../agent/domain/ids.js'
import { failoverStand } from '../../lib/failover-stand.js'
import { startMariadb } from '../../lib/mariadb.js'

const now = (): Date => new Date()
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'accepted',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  )

void t.test('one thing at a time works on a VM', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const jobs = jobAdmin(db, now)

  await t.test('many presses are one failover, an opposite one and a pass are refused', async t => {
    const s = await failoverStand(db)
    const started = await Promise.all(Array.from({ length: 40 }, () => s.admin.start(s.vm, 'live', {})))
    t.equal(new Set(started.map(({ id }) => id)).size, 1)
    t.equal(await codeOf(s.admin.start(s.vm, 'test', {})), 'FAILOVER_BUSY')
    t.equal(await codeOf(jobs.startPass(s.job, 'snapshot')), 'JOB_BUSY')
    const [{ id } = { id: '' }] = started
    t.equal(await codeOf(s.admin.close(id, 'commit', undefined)), 'FAILOVER_STATE', 'nothing to commit yet')
    await s.run(id)
    t.equal(await codeOf(s.admin.close(id, 'roll-back', 'another')), 'FAILOVER_NAME_MISMATCH')
    const presses = await Promise.all(
      Array.from({ length: 20 }, () => codeOf(s.admin.close(id, 'roll-back', 'erp'))),
    )
    t.same([...new Set(presses)], ['accepted'])
    t.equal(
      await codeOf(s.admin.close(id, 'commit', undefined)),
      'FAILOVER_STATE',
      'the opposite of what goes on',
    )
    const sagas = await db('sagas').where('kind', 'failover-rollback')
    t.equal(sagas.length, 1, 'twenty presses are one saga')
  })

  await t.test(
    'a test lets passes run once its snapshots stand; a committed failover none at all',
    async t => {
      const s = await failoverStand(db)
      const test = await s.start('test')
      t.equal(await codeOf(jobs.startPass(s.job, 'snapshot')), 'JOB_BUSY')
      await s.run(test)
      t.equal(await codeOf(jobs.startPass(s.job, 'snapshot')), 'accepted')
      const other = await failoverStand(db)
      const live = await other.start('live')
      await other.run(live)
      await other.admin.close(live, 'commit', undefined)
      await other.run(live)
      t.equal(await codeOf(jobs.startPass(other.job, 'snapshot')), 'FAILOVER_COMMITTED')
      t.equal(await codeOf(other.admin.start(other.vm, 'live', {})), 'FAILOVER_COMMITTED')
    },
  )

  await t.test(
    'a pass that wrote and was not committed leaves no point; nor does a target that ran',
    async t => {
      const s = await failoverStand(db)
      const points = replicaPoints(db)
      t.match(await points.state(jobId(s.job)), { kind: 'applied' })
      await db('replication_jobs').where({ id: s.job }).update({ replica_doubt: 'pass 2 writes the volumes' })
      t.match(await points.state(jobId(s.job)), { kind: 'unusable' })
      const id = await s.start('unplanned')
      t.match(await s.run(id), { kind: 'undone', failure: { code: 'FAILOVER_BLOCKED' } })
      t.same(
        s.site.calls.filter(call => /deploy|snapshot|detach|attach/.test(call)),
        [],
        'nothing was touched',
      )
      await db('replication_jobs').where({ id: s.job }).update({ replica_doubt: null })
      await db('passes').where({ job_id: s.job }).update({ state: 'committed', way: 'staged' })
      t.match(await points.state(jobId(s.job)), { kind: 'pending' }, 'committed and not applied yet')
      const ran = await failoverStand(db)
      const [older] = await db('passes').where({ job_id: ran.job }).select<{ id: string }[]>('id')
      const kept = { id: 'kept-point', job_id: ran.job, pass_id: older?.id, state: 'kept', position: 1 }
      await db('recovery_points').insert({ ...kept, at: now(), committed_at: now() })
      const undo = { id: 'undo', job_id: ran.job, seq: 2, kind: 'pass', state: 'sealed', volumes: '[]' }
      await db('volume_writings').insert({ ...undo, began_at: now() })
      await ran.run(await ran.start('live'))
      t.match(await db('recovery_points').where({ id: kept.id }).first(), {
        state: 'lost',
        why: /ran a VM of the target/,
      })
      t.match(await db('volume_writings').where({ id: undo.id }).first(), { state: 'gone' })
      t.match(await points.state(jobId(ran.job)), { kind: 'unusable' })
      t.equal((await db('job_disks').where({ job_id: ran.job }).whereNotNull('change_id')).length, 0)
    },
  )

  await t.test('the explanation is the list of steps that will run', async t => {
    const s = await failoverStand(db)
    for (const kind of ['test', 'live', 'unplanned'] as const) {
      s.site.sourceIsOn = kind !== 'unplanned'
      const vm = sourceVmId(s.vm)
      const options = {
        onShutdownHang: 'abort',
        shutdownSeconds: 1,
        keepMinutes: 1,
        rootDiskKey: '2001',
      } as const
      const request = { id: null, kind, jobId: jobId(s.job), sourceVmId: vm, vmName: 'erp', options }
      const { plan } = explain(
        request,
        await preflight(s.deps, request, new AbortController().signal),
        new Map(),
      )
      t.same(
        plan?.steps.map(({ name, title }) => [name, title]),
        startingSagas[kind].steps.map(({ name, title }) => [name, title]),
      )
      t.equal(plan?.facts.blueprint.disks[0]?.diskKey, '2001', 'the chosen root is first')
      t.equal(plan?.pointOfNoReturn, kind === 'test' ? 'none' : stepTexts.commit.title)
    }
  })
})
