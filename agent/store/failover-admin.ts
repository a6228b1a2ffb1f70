import { randomUUID } from 'node:crypto'
import {
  allowedActions,
  openStates,
  stateDuring,
  usualOptions,
  type FailoverAction,
  type FailoverKind,
  type FailoverOptions,
} from '../domain/failover.js'
import { AppError } from '../errors.js'
import { closingSagas, startingSagas, type ClosingAction } from '../failover/sagas.js'
import { type FailoverAdmin } from '../http/failover-deps.js'
import { storeCall, type Database } from './database.js'
import { type FailoverRow } from './failover-rows.js'
import { type JobRow } from './pass-store.js'

/** Records what an operator asks for; the saga runner takes it up. */
export function failoverAdmin(db: Database, now: () => Date): FailoverAdmin {
  return {
    start: (vm, kind, { confirmedName, ...options }) =>
      storeCall(`starting a failover of VM ${vm}`, () => start(db, now, vm, kind, options, confirmedName)),
    close: (id, action, confirmedName) =>
      storeCall(`asking for the ${action} of failover ${id}`, () =>
        close(db, now, id, action, confirmedName),
      ),
    cancel: id => storeCall(`cancelling failover ${id}`, () => cancel(db, id)),
  }
}

/** The row of the job is locked, as it is by the start of a pass: whichever is recorded first is waited for or refused. */
const start = (
  db: Database,
  now: () => Date,
  vm: string,
  kind: FailoverKind,
  options: Partial<FailoverOptions>,
  confirmedName: string | undefined,
): Promise<{ readonly id: string }> =>
  db.transaction(async tx => {
    const job = await tx<JobRow>('replication_jobs').where('source_vm_id', vm).forUpdate().first()
    if (job === undefined) throw new AppError('NOT_FOUND', `VM ${vm} has no replication job`)
    const open = await tx<FailoverRow>('failovers')
      .where({ source_vm_id: vm })
      .whereIn('state', [...openStates])
      .first()
    if (kind === 'unplanned') mustName(job.vm_name, confirmedName)
    if (
      open?.kind === kind &&
      (open.state === 'starting' || open.state === 'running' || open.state === 'deciding')
    )
      return { id: open.id }
    if (open !== undefined)
      throw new AppError(
        'FAILOVER_BUSY',
        `failover ${open.id} of VM ${job.vm_name} (${open.kind}) is ${open.state}`,
      )
    const done = await tx<FailoverRow>('failovers').where({ job_id: job.id, state: 'committed' }).first()
    if (done !== undefined)
      throw new AppError('FAILOVER_COMMITTED', `failover ${done.id} of VM ${job.vm_name}`)
    const id = randomUUID()
    const sagaId = await insertSaga(tx, now(), startingSagas[kind].kind, id)
    await tx('failovers').insert({
      id,
      job_id: job.id,
      source_vm_id: vm,
      vm_name: job.vm_name,
      kind,
      state: 'starting',
      options: JSON.stringify({ ...usualOptions, ...options }),
      saga_id: sagaId,
      holds_replicas: true,
      requested_at: now(),
    })
    return { id }
  })

function mustName(vmName: string, confirmedName: string | undefined): void {
  if (confirmedName !== vmName)
    throw new AppError(
      'FAILOVER_NAME_MISMATCH',
      `VM ${vmName} was confirmed as ${confirmedName ?? 'nothing'}`,
    )
}

async function insertSaga(tx: Database, at: Date, kind: string, failover: string): Promise<string> {
  const id = randomUUID()
  await tx('sagas').insert({
    id,
    kind,
    input: JSON.stringify({ failoverId: failover }),
    state: 'running',
    epoch: 0,
    next_seq: 0,
    cancel_requested: false,
    created_at: at,
  })
  return id
}

async function allowed(tx: Database, id: string, action: FailoverAction) {
  const row = await tx<FailoverRow>('failovers').where({ id }).forUpdate().first()
  if (row === undefined) throw new AppError('NOT_FOUND', `failover ${id}`)
  const current = row.closing_saga_id ?? row.saga_id
  const saga = await tx<{ id: string; state: string }>('sagas').where({ id: current }).first()
  const isParked = saga?.state === 'needs-operator'
  const may = allowedActions(row.kind, row.state, isParked)
  if (!may.includes(action))
    throw new AppError('FAILOVER_STATE', `${action} of failover ${id} (${row.kind}), which is ${row.state}`)
  return { row, current, isParked }
}

/** The same wish again finds what goes on; one that is stuck is tried again at once. */
const close = (
  db: Database,
  now: () => Date,
  id: string,
  action: ClosingAction,
  confirmedName: string | undefined,
): ReturnType<FailoverAdmin['close']> =>
  db.transaction(async tx => {
    const { row, current, isParked } = await allowed(tx, id, action)
    if (action === 'roll-back') mustName(row.vm_name, confirmedName)
    if (isParked) return { retry: current }
    if (row.state === stateDuring[action]) return { retry: null }
    const sagaId = await insertSaga(tx, now(), closingSagas[action].kind, id)
    await tx('failovers').where({ id }).update({
      state: stateDuring[action],
      closing_saga_id: sagaId,
      failure_code: null,
      failure_message: null,
    })
    return { retry: null }
  })

const cancel = (db: Database, id: string): ReturnType<FailoverAdmin['cancel']> =>
  db.transaction(async tx => {
    const { row } = await allowed(tx, id, 'cancel')
    await tx('sagas').where({ id: row.saga_id, state: 'running' }).update({ cancel_requested: true })
    return { sagaId: row.saga_id }
  })

/** The job a VM fails over with. Rejects with NOT_FOUND. */
export const failoverJobOf = (
  db: Database,
  vm: string,
): Promise<{ readonly id: string; readonly vmName: string }> =>
  storeCall(`looking for the job of VM ${vm}`, async () => {
    const row = await db<JobRow>('replication_jobs').where('source_vm_id', vm).first()
    if (row === undefined) throw new AppError('NOT_FOUND', `VM ${vm} has no replication job`)
    return { id: row.id, vmName: row.vm_name }
  })
