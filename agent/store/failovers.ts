import { isOver, openStates, type FailoverState } from '../domain/failover.js'
import { type FailoverId } from '../domain/ids.js'
import { type FailoverStore } from '../failover/deps.js'
import { storeCall, type Database } from './database.js'
import { failoverNetworks } from './failover-networks.js'
import { cancelPass, endPasses, otherWork, passEnd, passOf, startOwnPass } from './failover-passes.js'
import { failoverRow, optionsOf, readFailover, type FailoverRow } from './failover-rows.js'
import { reportOf } from './failover-report.js'
import { failoverSource } from './failover-source.js'
import { nextFence } from './fence-counter.js'
import { endPoints } from './points.js'

/** What the sagas of failovers read and write, in MariaDB. */
export function failoverStore(db: Database, now: () => Date): FailoverStore {
  const change = (what: string, id: FailoverId, columns: object) =>
    storeCall(`${what} failover ${id}`, async () => {
      await db('failovers').where({ id }).update(columns)
    })
  const ofDisk = (id: FailoverId, disk: string) =>
    db('failover_disks').where({ failover_id: id, disk_key: disk })
  return {
    failover: id => storeCall(`reading failover ${id}`, () => readFailover(db, id)),
    begin: id => change('beginning', id, { started_at: db.raw('COALESCE(started_at, ?)', [now()]) }),
    otherWork: id => storeCall(`looking for work beside failover ${id}`, () => otherWork(db, id)),
    endPasses: id => storeCall(`ending the passes beside failover ${id}`, () => endPasses(db, id)),
    source: one => storeCall(`reading the source of job ${one.jobId}`, () => failoverSource(db, one)),
    networks: vm => storeCall(`reading the networks of VM ${vm}`, () => failoverNetworks(db, vm)),
    recordBlueprint: (id, blueprint) =>
      storeCall(`recording the plan of failover ${id}`, () =>
        db.transaction(async tx => {
          await tx('failovers')
            .where({ id })
            .update({ machine: JSON.stringify(blueprint) })
          for (const [position, disk] of blueprint.disks.entries())
            await tx('failover_disks')
              .insert({
                failover_id: id,
                disk_key: disk.diskKey,
                position,
                label: disk.label,
                capacity_bytes: disk.capacityBytes,
                volume_id: disk.volumeId,
              })
              .onConflict(['failover_id', 'disk_key'])
              .ignore()
        }),
      ),
    recordPoint: (id, { passId, at }) =>
      change('recording the point of', id, {
        point_at: db.raw('COALESCE(point_at, ?)', [at]),
        point_pass_id: db.raw('COALESCE(point_pass_id, ?)', [passId]),
      }),
    recordSnapshot: (id, disk, snapshot) =>
      storeCall(`recording a snapshot of failover ${id}`, async () => {
        await ofDisk(id, disk).update({ snapshot_id: snapshot })
      }),
    recordClone: (id, disk, clone) =>
      storeCall(`recording a clone of failover ${id}`, async () => {
        await ofDisk(id, disk).update({ clone_id: clone })
      }),
    releaseReplicas: id => change('releasing the replicas of', id, { holds_replicas: false }),
    recordTarget: (id, vm) => change('recording the target of', id, { target_vm_id: vm }),
    recordTemplateRoot: (id, volume) => change('recording a disk of', id, { template_root_id: volume }),
    recordSourcePower: (id, wasOn) =>
      change('recording the source of', id, { source_was_on: db.raw('COALESCE(source_was_on, ?)', [wasOn]) }),
    recordSourceOff: id =>
      change('recording the source of', id, { source_off_at: db.raw('COALESCE(source_off_at, ?)', [now()]) }),
    expose: id =>
      change('giving away the replicas of', id, { exposed_at: db.raw('COALESCE(exposed_at, ?)', [now()]) }),
    diverge: id => storeCall(`giving up the point of failover ${id}`, () => diverge(db, now, id)),
    open: (id, evidence) =>
      storeCall(`opening failover ${id}`, () =>
        db.transaction(async tx => {
          const row = await locked(tx, id)
          if (row.state !== 'starting') return
          const expires = new Date(now().getTime() + optionsOf(row).keepMinutes * 60_000)
          const isTest = row.kind === 'test'
          await tx('failovers')
            .where({ id })
            .update({
              state: isTest ? 'running' : 'deciding',
              up_at: now(),
              evidence: JSON.stringify(evidence),
              expires_at: isTest ? expires : null,
            })
        }),
      ),
    fail: (id, failure) =>
      storeCall(`failing failover ${id}`, () =>
        close(db, now, id, 'failed', { failure_code: failure.code, failure_message: failure.message }),
      ),
    reopen: (id, failure) =>
      change('reopening', id, {
        state: db.raw(`IF(kind = 'test', 'running', 'deciding')`),
        failure_code: failure?.code ?? null,
        failure_message: failure?.message ?? null,
      }),
    end: (id, state) => storeCall(`closing failover ${id}`, () => close(db, now, id, state, {})),
    startPass: (id, which) =>
      storeCall(`starting a pass of failover ${id}`, () => startOwnPass(db, now, id, which)),
    passOf: (id, which) => storeCall(`looking for a pass of failover ${id}`, () => passOf(db, id, which)),
    passEnd: pass => storeCall(`reading pass ${pass}`, () => passEnd(db, pass)),
    cancelPass: pass => storeCall(`cancelling pass ${pass}`, () => cancelPass(db, pass)),
    nextFence: claim => nextFence(db, claim),
  }
}

async function locked(tx: Database, id: string): Promise<FailoverRow> {
  await tx('failovers').where({ id }).forUpdate().first()
  return failoverRow(tx, id)
}

/**
 * The change IDs go in the same transaction: what the target writes is in none of them. What the volumes hold stays on
 * record, so the next pass compares and copies nothing whole.
 */
const diverge = (db: Database, now: () => Date, id: FailoverId): Promise<void> =>
  db.transaction(async tx => {
    const row = await locked(tx, id)
    await tx('replication_jobs').where({ id: row.job_id }).forUpdate().first()
    const why = `failover ${id} ran a VM of the target on the volumes`
    await endPoints(tx, row.job_id, { state: 'lost', why, at: now() })
    await tx('job_disks').where({ job_id: row.job_id }).update({ change_id: null, full_reason: why })
    await tx('replication_jobs').where({ id: row.job_id }).update({ replica_doubt: why })
  })

/** With the report, kept for good: step logs go with their sagas. */
const close = (
  db: Database,
  now: () => Date,
  id: FailoverId,
  state: FailoverState,
  more: object,
): Promise<void> =>
  db.transaction(async tx => {
    const row = await locked(tx, id)
    if (isOver(row.state)) return
    const ended = { ...row, state, ended_at: now() }
    await tx('failovers')
      .where({ id })
      .update({
        state,
        ended_at: ended.ended_at,
        holds_replicas: state === 'committed',
        report: JSON.stringify(await reportOf(tx, ended)),
        ...more,
      })
  })

/** Tests whose time is up. */
export const expiredTests = (db: Database, now: () => Date): Promise<readonly string[]> =>
  storeCall('looking for tests whose time is up', async () => {
    const rows = await db<FailoverRow>('failovers')
      .where({ state: 'running' })
      .where('expires_at', '<=', now())
    return rows.map(({ id }) => id)
  })

export const openFailoverOf = (tx: Database, jobId: string): Promise<FailoverRow | undefined> =>
  tx<FailoverRow>('failovers')
    .where({ job_id: jobId })
    .whereIn('state', [...openStates])
    .first()
