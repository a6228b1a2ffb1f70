import { type Knex } from 'knex'
import { claims } from './claims.js'
import { evidence } from './evidence.js'
import { failover } from './failover.js'
import { dataMovers } from './data-movers.js'
import { moving } from './moving.js'
import { sourceSide } from './source-side.js'
import { points } from './points.js'
import { schedules } from './schedules.js'

import { createTables } from './tables.js'
import { sourceControl } from './source-control.js'
import { staging } from './staging.js'
import { targetSide } from './target-side.js'
import { workGate } from './work-gate.js'

/** Forward only; one repeatable statement each. Names are what the database remembers: never rename, only append. */
const migrations: readonly { readonly name: string; readonly up: (db: Knex) => Promise<void> }[] = [
  ...createTables,
  ...sourceSide,
  ...workGate,
  ...targetSide,
  ...moving,
  ...sourceControl,
  ...failover,
  ...staging,
  ...points,
  ...schedules,
  ...dataMovers,
  ...evidence,
  ...claims,
]

export const migrationSource: Knex.MigrationSource<(typeof migrations)[number]> = {
  getMigrations: () => Promise.resolve([...migrations]),
  getMigrationName: migration => migration.name,
  getMigration: migration =>
    Promise.resolve({
      up: migration.up,
      down: () => Promise.reject(new Error('schema migrations only go forward')),
      config: { transaction: false },
    }),
}
