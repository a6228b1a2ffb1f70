import { type SagaHolder } from '../saga/log.js'
import { storeCall, type Database } from './database.js'

/** The one row that says which agent tends what all agents share. */
export interface TendingStore {
  /** Takes the duty for one lease from now, or holds it for one more. False: another agent has it. */
  readonly take: () => Promise<boolean>
  /** Lets another agent take it at once. Without effect where another has it. */
  readonly release: () => Promise<void>
}

/** Times are the database's. */
export function tendingStore(db: Database, { agent, leaseMs }: SagaHolder): TendingStore {
  return {
    take: () =>
      storeCall('taking the duty to tend', async () => {
        const taken = await db('tending')
          .where({ id: 1 })
          .where(query => {
            void query
              .whereNull('held_until')
              .orWhere('holder', agent)
              .orWhereRaw('held_until <= UTC_TIMESTAMP(3)')
          })
          .update({
            holder: agent,
            held_until: db.raw('UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND', [Math.round(leaseMs * 1000)]),
          })
        return taken === 1
      }),
    release: () =>
      storeCall('giving up the duty to tend', async () => {
        await db('tending').where({ id: 1, holder: agent }).update({ held_until: null })
      }),
  }
}
