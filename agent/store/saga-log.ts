import { type Knex } from 'knex'
import { isErrorCode, type Failure } from '../errors.js'
import {
  SagaClaimLost,
  type SagaHolder,
  type SagaClaim,
  type SagaLog,
  type SagaState,
  type SavedEvent,
  type StepEvent,
} from '../saga/log.js'
import { type Json } from '../domain/json.js'
import { storeCall, type Database } from './database.js'

interface SagaRow {
  readonly id: string
  readonly kind: string
  readonly input: string
  readonly state: SagaState
  readonly epoch: number
  readonly next_seq: number
  readonly cancel_requested: number
}

export interface EventRow {
  readonly saga_id: string
  readonly kind: StepEvent['kind']
  readonly step: string
  readonly at: Date
  readonly output: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
}

/**
 * The step log in MariaDB. Each append is one transaction that checks the claim's epoch first. Leases are measured by the
 * database's clock alone, so the clocks of the agents do not matter.
 */
export function sagaLog(db: Database, now: () => Date, { agent, leaseMs }: SagaHolder): SagaLog {
  const until = (delayMs: number) =>
    db.raw('UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND', [Math.round(delayMs * 1000)])
  const isFree = (query: Knex.QueryBuilder): void => {
    void query.whereNull('held_until').orWhere('holder', agent).orWhereRaw('held_until <= UTC_TIMESTAMP(3)')
  }
  return {
    unfinished: () =>
      storeCall('listing unfinished sagas', async () =>
        db<SagaRow>('sagas')
          .whereNot('state', 'done')
          .where(isFree)
          .orderBy('created_at')
          .select('id', 'state'),
      ),
    claim: sagaId =>
      storeCall(`claiming saga ${sagaId}`, () =>
        db.transaction(async tx => {
          const taken = await tx('sagas')
            .where({ id: sagaId })
            .whereNot('state', 'done')
            .where(isFree)
            .update({ epoch: tx.raw('epoch + 1'), holder: agent, held_until: until(leaseMs) })
          const row = await tx<SagaRow>('sagas').where({ id: sagaId }).first()
          if (taken !== 1 || row === undefined) return undefined
          const { epoch } = row
          const events = await tx<EventRow>('saga_events').where({ saga_id: sagaId }).orderBy('seq')
          return {
            claim: { sagaId, epoch },
            record: {
              id: row.id,
              kind: row.kind,
              input: JSON.parse(row.input) as Json,
              state: row.state,
              cancelRequested: row.cancel_requested === 1,
              events: events.map(eventFromRow),
            },
          }
        }),
      ),
    append: (claim, event, state) =>
      storeCall(`saving step ${event.step} of saga ${claim.sagaId}`, () =>
        db.transaction(async tx => {
          const row = await tx<SagaRow>('sagas').where({ id: claim.sagaId }).forUpdate().first()
          if (row?.epoch !== claim.epoch) throw lost(claim)
          await tx('saga_events').insert({
            saga_id: claim.sagaId,
            seq: row.next_seq,
            at: now(),
            ...rowFromEvent(event),
          })
          await tx<SagaRow>('sagas')
            .where({ id: claim.sagaId })
            .update({ next_seq: row.next_seq + 1, state })
        }),
      ),
    setState: (claim, state) =>
      storeCall(`closing saga ${claim.sagaId}`, () => setState(db, now, claim, state)),
    renew: claim =>
      storeCall(`holding saga ${claim.sagaId}`, async () => {
        const { sagaId, epoch } = claim
        const held = await db('sagas')
          .where({ id: sagaId, epoch })
          .update({ held_until: until(leaseMs) })
        const row = await db<SagaRow>('sagas').where({ id: sagaId }).first()
        if (held !== 1 || row === undefined) throw lost(claim)
        return { isCancelRequested: row.cancel_requested === 1 }
      }),
    release: ({ sagaId, epoch }, delayMs) =>
      storeCall(`releasing saga ${sagaId}`, async () => {
        await db('sagas')
          .where({ id: sagaId, epoch })
          .update({ held_until: until(delayMs) })
      }),
    free: sagaId =>
      storeCall(`freeing saga ${sagaId}`, async () => {
        await db('sagas').where({ id: sagaId, state: 'needs-operator' }).update({ held_until: null })
      }),
    cancelRequested: sagaId =>
      storeCall(`reading saga ${sagaId}`, async () => {
        const row = await db<SagaRow>('sagas').where({ id: sagaId }).first()
        return row?.cancel_requested === 1
      }),
  }
}

async function setState(db: Database, now: () => Date, claim: SagaClaim, state: SagaState): Promise<void> {
  const ended = state === 'done' ? { ended_at: now() } : {}
  const changed = await db('sagas')
    .where({ id: claim.sagaId, epoch: claim.epoch })
    .update({ state, ...ended })
  if (changed !== 1) throw lost(claim)
}

const lost = ({ sagaId }: SagaClaim): SagaClaimLost =>
  new SagaClaimLost(`saga ${sagaId} was claimed by another agent`)

export function eventFromRow(row: EventRow): SavedEvent {
  const { step, at } = row
  switch (row.kind) {
    case 'started':
    case 'undo-started':
    case 'undo-finished':
      return { kind: row.kind, step, at }
    case 'succeeded':
      return { kind: row.kind, step, at, output: JSON.parse(row.output ?? 'null') as Json }
    case 'failed':
    case 'undo-failed':
      return { kind: row.kind, step, at, failure: failureFromRow(row) }
  }
}

function rowFromEvent(event: StepEvent): object {
  const { kind, step } = event
  switch (event.kind) {
    case 'started':
    case 'undo-started':
    case 'undo-finished':
      return { kind, step }
    case 'succeeded':
      return { kind, step, output: JSON.stringify(event.output) }
    case 'failed':
    case 'undo-failed':
      return { kind, step, failure_code: event.failure.code, failure_message: event.failure.message }
  }
}

/** A stored failure; a code this version does not know (written by a later one) is shown as a bug with its name. */
export function failureFromRow(row: {
  readonly failure_code: string | null
  readonly failure_message: string | null
}): Failure {
  const message = row.failure_message ?? ''
  return isErrorCode(row.failure_code)
    ? { code: row.failure_code, message }
    : { code: 'INTERNAL_BUG', message: `${row.failure_code ?? 'no code'}: ${message}` }
}
