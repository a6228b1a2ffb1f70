import { type FailoverDetailView, type FailoverReport, type FailoverView } from '../api/failover.js'
import { allowedActions, isOver } from '../domain/failover.js'
import { AppError } from '../errors.js'
import { type MeasuredSteps } from '../failover/explain.js'
import { machineView } from '../failover/explanation-view.js'
import { closingSagas, failoverSagas, startingSagas, type FailoverSaga } from '../failover/sagas.js'
import { type FailoverViews } from '../http/failover-deps.js'
import { firstFailure, stepStatuses } from '../saga/history.js'
import { type SagaState, type SavedEvent } from '../saga/log.js'
import { storeCall, type Database } from './database.js'
import { failureView } from './failure-view.js'
import { reportOf, stepSeconds } from './failover-report.js'
import { blueprintOf, type FailoverRow } from './failover-rows.js'
import { eventFromRow, failureFromRow, type EventRow } from './saga-log.js'
import { stepViews } from './step-views.js'

interface SagaRow {
  readonly id: string
  readonly kind: string
  readonly state: SagaState
}

const shown = 100

export function failoverViews(db: Database): FailoverViews {
  return {
    failovers: vm =>
      storeCall('listing failovers', async () => {
        const all = db<FailoverRow>('failovers').orderBy('requested_at', 'desc').limit(shown)
        const rows = await (vm === undefined ? all : all.where('source_vm_id', vm))
        return Promise.all(rows.map(async row => (await read(db, row)).view))
      }),
    failover: id =>
      storeCall(`reading failover ${id}`, () =>
        db.transaction(
          async tx => {
            const row = await tx<FailoverRow>('failovers').where({ id }).first()
            if (row === undefined) throw new AppError('NOT_FOUND', `failover ${id}`)
            return detail(tx, row)
          },
          { isolationLevel: 'repeatable read' },
        ),
      ),
  }
}

async function eventsOf(db: Database, sagaId: string | null): Promise<readonly SavedEvent[]> {
  if (sagaId === null) return []
  return (await db<EventRow>('saga_events').where('saga_id', sagaId).orderBy('seq')).map(eventFromRow)
}

async function read(db: Database, row: FailoverRow) {
  const current = row.closing_saga_id ?? row.saga_id
  const saga = await db<SagaRow>('sagas').where({ id: current }).first()
  const events = await eventsOf(db, current)
  // A saga that is gone had ended.
  const sagaState = saga?.state ?? 'done'
  const failure = row.failure_code === null ? firstFailure(events) : failureFromRow(row)
  const definition = failoverSagas.find(({ kind }) => kind === saga?.kind)
  const view: FailoverView = {
    id: row.id,
    jobId: row.job_id,
    sourceVmId: row.source_vm_id,
    vmName: row.vm_name,
    kind: row.kind,
    state: row.state,
    sagaState,
    percent: isOver(row.state) ? 100 : percentOf(definition, events),
    targetVmId: row.target_vm_id,
    pointAt: row.point_at?.toISOString() ?? null,
    requestedAt: row.requested_at.toISOString(),
    upAt: row.up_at?.toISOString() ?? null,
    expiresAt: row.expires_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    failure: failure === undefined ? null : failureView(failure),
    actions: [...allowedActions(row.kind, row.state, sagaState === 'needs-operator')],
  }
  return { view, saga }
}

/** Steps that are done, of all of what goes on. */
function percentOf(saga: FailoverSaga | undefined, events: readonly SavedEvent[]): number {
  if (saga === undefined) return 0
  const done = [...stepStatuses(events).values()].filter(({ kind }) => kind === 'succeeded').length
  return Math.floor((100 * done) / saga.steps.length)
}

async function detail(db: Database, row: FailoverRow): Promise<FailoverDetailView> {
  const { view, saga } = await read(db, row)
  const blueprint = blueprintOf(row)
  const closing = Object.values(closingSagas).find(({ kind }) => kind === saga?.kind)
  return {
    ...view,
    holdsReplicas: row.holds_replicas === 1,
    machine: blueprint === null ? null : machineView(blueprint),
    steps: stepViews(startingSagas[row.kind].steps, await eventsOf(db, row.saga_id)),
    closingSteps:
      closing === undefined ? [] : stepViews(closing.steps, await eventsOf(db, row.closing_saga_id)),
    report: row.report === null ? await reportOf(db, row) : (JSON.parse(row.report) as FailoverReport),
  }
}

/** How many of the newest runs count. */
const measuredRuns = 20

/** What each step took in the newest failovers that came through, the middle one. */
export const measuredSteps = (db: Database, kinds: readonly string[]): Promise<MeasuredSteps> =>
  storeCall('reading how long failovers took', async () => {
    const sagas = await db<SagaRow>('sagas')
      .whereIn('kind', [...kinds])
      .where('state', 'done')
      .orderBy('created_at', 'desc')
      .limit(measuredRuns)
    const taken = new Map<string, number[]>()
    for (const saga of sagas) {
      const events = await eventsOf(db, saga.id)
      if (firstFailure(events) !== undefined) continue
      for (const { name, seconds } of stepSeconds(events))
        taken.set(name, [...(taken.get(name) ?? []), seconds])
    }
    return new Map(
      [...taken].map(([name, all]) => [name, all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0]),
    )
  })
