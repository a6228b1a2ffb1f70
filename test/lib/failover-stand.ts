import { randomUUID } from 'node:crypto'
import { type FailoverKind } from '../../agent/domain/failover.js'
import { failoverId, volumeId } from '../../agent/domain/ids.js'
import { type AppError } from '../../agent/errors.js'
import { type FailoverDeps } from '../../agent/failover/deps.js'
import { closingSagas, failoverSagas, startingSagas, type ClosingAction } from '../../agent/failover/sagas.js'
import { runSaga, type SagaOutcome } from '../../agent/saga/engine.js'
import { type SagaLog } from '../../agent/saga/log.js'
import { type Database } from '../../agent/store/database.js'
import { failoverAdmin } from '../../agent/store/failover-admin.js'
import { networkMappings } from '../../agent/store/failover-networks.js'
import { type FailoverRow } from '../../agent/store/failover-rows.js'
import { replicaPoints } from '../../agent/store/failover-source.js'
import { failoverStore } from '../../agent/store/failovers.js'
import { sagaLog } from '../../agent/store/saga-log.js'
import { appliance, FailoverSite, liveNetwork, testNetwork } from '../fake/failover-site.js'
import { frozenVm } from '../fake/hardware.js'
import { aHolder, silent } from './saga-harness.js'

const now = (): Date => new Date()
const never = new AbortController().signal
export const disks = ['2000', '2001', '2002'] as const

/** A job with a recovery point of three disks and mapped networks, over a real database; its passes commit when asked for. */
export async function failoverStand(db: Database) {
  const site = new FailoverSite()
  const [vm, job, pass, saga] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
  const fresh = { input: '{}', epoch: 0, next_seq: 0, cancel_requested: false, created_at: now() }
  await db('sagas').insert({ id: saga, kind: 'pass', state: 'done', ...fresh })
  await db('replication_jobs').insert({
    id: job,
    source_vm_id: vm,
    vm_name: 'erp',
    created_at: now(),
    recovery_point_pass_id: pass,
    recovery_point_at: now(),
  })
  await db('passes').insert({
    id: pass,
    job_id: job,
    number: 1,
    saga_id: saga,
    state: 'applied',
    way: 'direct',
    started_at: now(),
  })
  const volumes = disks.map(() => volumeId(randomUUID()))
  for (const [index, key] of disks.entries()) {
    const volume = volumes[index] ?? volumeId('')
    site.addReplica(volume)
    const shape = {
      label: `Hard disk ${index + 1}`,
      capacity_bytes: 1000,
      backing_uuid: '',
      change_id: 'a/1',
    }
    await db('job_disks').insert({
      job_id: job,
      disk_key: key,
      ...shape,
      volume_id: volume,
      volume_is_ours: true,
    })
  }
  const nics = [
    {
      key: '4000',
      label: 'Network adapter 1',
      type: 'vmxnet3',
      macAddress: '00:50:56:00:00:01',
      network: 'lan',
    },
  ]
  const hardware = JSON.stringify({ ...frozenVm.hardware, nics })
  await db('vm_hardware').insert({ source_vm_id: vm, version: 1, pass_id: pass, taken_at: now(), hardware })
  await networkMappings(db, now).replace(vm, [
    { nicKey: '4000', mode: 'test', networkId: testNetwork, networkName: testNetwork, mac: 'keep' },
    { nicKey: '4000', mode: 'live', networkId: liveNetwork, networkName: liveNetwork, mac: 'keep' },
  ])
  const store = failoverStore(db, now)
  const endPass = async (id: string): Promise<void> => {
    await db('passes').where({ id, state: 'intent' }).update({ state: 'applied' })
    await db('replication_jobs')
      .where({ id: job })
      .update({ recovery_point_pass_id: id, recovery_point_at: now(), replica_doubt: null })
    await db('sagas').whereIn('id', db('passes').where({ id }).select('saga_id')).update({ state: 'done' })
  }
  const deps: FailoverDeps = {
    store: {
      ...store,
      startPass: async (id, which) => {
        const started = await store.startPass(id, which)
        await endPass(started)
        return started
      },
    },
    points: replicaPoints(db),
    source: site.source,
    cloud: site.cloud,
    appliance: site.appliance,
    onWork: () => undefined,
    onCancel: () => undefined,
    timing: {
      lookMs: 1,
      deviceLimitMs: 50,
      bootLimitMs: 50,
      bootSteadyMs: 0,
      sourceSettleMs: 3,
      sourceLookMs: 1000,
      sourceGoneMs: 1000,
    },
    now,
    pause: () => new Promise(resolve => setImmediate(resolve)),
    logger: silent,
  }
  const rowOf = async (id: string): Promise<FailoverRow> => {
    const row = await db<FailoverRow>('failovers').where({ id }).first()
    if (row === undefined) throw new Error(`no failover ${id}`)
    return row
  }
  const run = async (id: string, log: SagaLog = sagaLog(db, now, aHolder)): Promise<SagaOutcome> => {
    const row = await rowOf(id)
    const held = await log.claim(row.closing_saga_id ?? row.saga_id)
    const definition = failoverSagas.find(({ kind }) => kind === held?.record.kind)
    if (held === undefined || definition === undefined) return { kind: 'succeeded' }
    const options = {
      log,
      logger: silent,
      pause: deps.pause,
      retryFirstMs: 1,
      retryMaxMs: 1,
      triesBeforeOperator: 2,
    }
    return runSaga(options, definition, deps, held, { stop: never, cancel: never })
  }
  const admin = failoverAdmin(db, now)
  return {
    site,
    db,
    vm,
    job,
    volumes,
    deps,
    admin,
    rowOf,
    run,
    start: async (kind: FailoverKind) => {
      if (kind === 'unplanned') site.sourceIsOn = false
      return failoverId((await admin.start(vm, kind, { confirmedName: 'erp' })).id)
    },
    /** What must hold whenever nothing works on it; empty: it does. */
    wrong: async (id: string): Promise<readonly string[]> => {
      const { state, kind } = await rowOf(id)
      const isUp = state === 'running' || state === 'deciding' || state === 'committed'
      const found = [...site.broken]
      const has = (what: string, isSo: boolean): void => {
        if (!isSo) found.push(`${state} ${kind}: ${what}`)
      }
      for (const volume of volumes) {
        const at = site.volumes.get(volume)?.vm
        has(
          `replica at ${at ?? 'nobody'}`,
          kind !== 'test' && isUp ? at !== appliance && at !== undefined : at === appliance,
        )
      }
      has('the number of VMs', site.vms.size === (isUp ? 1 : 0))
      const own = site.volumes.size - volumes.length
      has(`${own} volumes besides the replicas`, own === (kind === 'test' && isUp ? disks.length : 0))
      has('snapshots', site.snapshots.size === (kind === 'test' && isUp ? disks.length : 0))
      const sourceShouldBeOn = kind === 'test' || (kind === 'live' && !isUp)
      has('power of the source', site.sourceIsOn === sourceShouldBeOn)
      return found
    },
  }
}

export type FailoverTestStand = Awaited<ReturnType<typeof failoverStand>>

export const closingOf = (kind: FailoverKind): readonly ClosingAction[] =>
  kind === 'test' ? ['clean-up'] : ['commit', 'roll-back']

/** A step log that dies, or fails, at one of its writes. */
export function breakingLog(
  db: Database,
  at: number,
  error: AppError,
): SagaLog & { readonly broke: () => boolean } {
  const real = sagaLog(db, now, aHolder)
  let writes = 0
  let broke = false
  const gate = (): void => {
    if (writes++ !== at) return
    broke = true
    throw error
  }
  return {
    ...real,
    broke: () => broke,
    append: async (claim, event, state) => {
      gate()
      await real.append(claim, event, state)
    },
    setState: async (claim, state) => {
      gate()
      await real.setState(claim, state)
    },
  }
}

export const stepsOf = (kind: FailoverKind, closing?: ClosingAction): readonly string[] =>
  (closing === undefined ? startingSagas[kind] : closingSagas[closing]).steps.map(({ name }) => name)
