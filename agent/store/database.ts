import { setTimeout as after } from 'node:timers/promises'
import knex, { type Knex } from 'knex'
import { AppError } from '../errors.js'
import { migrationSource } from './migrations/list.js'

export type Database = Knex

export interface DatabaseOptions {
  /** MariaDB's unix socket; there is no TCP. */
  readonly socketPath: string
  readonly user: string
  readonly database: string
  readonly poolSize: number
  /** What the driver says about lost connections; the calls that met them reject as well. */
  readonly onNotice: (text: string) => void
}

/**
 * Opens a pool; connects on first use. BIGINT arrives as text, because a JavaScript number loses exactness above 2^53;
 * times are UTC.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const connection = {
    socketPath: options.socketPath,
    user: options.user,
    database: options.database,
    supportBigNumbers: true,
    bigNumberStrings: true,
    jsonStrings: true,
    timezone: 'Z',
    charset: 'utf8mb4',
  }
  const { onNotice } = options
  return knex({
    client: 'mysql2',
    connection,
    log: { warn: onNotice, error: onNotice, debug: onNotice, deprecate: onNotice },
    pool: {
      min: 0,
      max: options.poolSize,
      acquireTimeoutMillis: 5_000,
      createTimeoutMillis: 5_000,
      propagateCreateError: true,
    },
  })
}

/**
 * Brings the schema up to date. MariaDB commits each DDL by itself, so every migration is one repeatable statement; the
 * advisory lock dies with its session, so a killed start never blocks the next one. Rejects with STORE_MIGRATION_FAILED.
 */
export async function migrate(db: Database): Promise<void> {
  const lock = 'ossea.migrate'
  try {
    // The transaction is only there to keep one session, whose end frees the lock.
    await db.transaction(async session => {
      const rows: unknown = await session.raw('SELECT GET_LOCK(?, 30) AS held', [lock])
      if (!isHeld(rows)) throw new AppError('STORE_MIGRATION_FAILED', 'another agent is changing the schema')
      await db.migrate.forceFreeMigrationsLock({ migrationSource })
      await db.migrate.latest({ migrationSource })
      await session.raw('DO RELEASE_LOCK(?)', [lock])
    })
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    if (isConnectionLoss(cause))
      throw new AppError('STORE_UNAVAILABLE', 'bringing the schema up to date', cause)
    throw new AppError('STORE_MIGRATION_FAILED', 'bringing the schema up to date', cause)
  }
}

function isHeld(rows: unknown): boolean {
  const first: unknown = Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0][0] : undefined
  return typeof first === 'object' && first !== null && 'held' in first && Number(first.held) === 1
}

/** How often a statement or transaction that InnoDB chose as the victim of a deadlock is run again. */
const maxDeadlocks = 20

/**
 * Runs one statement or one transaction; a lost or refused connection becomes STORE_UNAVAILABLE, everything else is passed
 * on. A deadlock has rolled the whole transaction back (InnoDB), so it is run again.
 */
export async function storeCall<T>(attempt: string, query: () => Promise<T>): Promise<T> {
  for (let deadlocks = 0; ; deadlocks += 1) {
    try {
      return await query()
    } catch (cause) {
      if (isConnectionLoss(cause)) throw new AppError('STORE_UNAVAILABLE', attempt, cause)
      if (!isDeadlock(cause) || deadlocks >= maxDeadlocks) throw cause
      // At different times, so that the same transactions do not meet again.
      await after(Math.random() * 20 * (deadlocks + 1))
    }
  }
}

const isDeadlock = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ER_LOCK_DEADLOCK'

const lossCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
])

function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string' && lossCodes.has(error.code)) return true
  return (
    error.name === 'KnexTimeoutError' ||
    /closed state|Connection lost|Server shutdown in progress/.test(error.message)
  )
}
