import { statement } from './statement.js'

/**
 * Who runs a saga and until when, by the database's clock. Whoever holds none of it may take it once that time is over; the
 * epoch, which each claim raises, keeps the former holder from writing.
 */
export const claims = [
  statement(
    '0091-add-saga-holder',
    `ALTER TABLE sagas
      ADD COLUMN IF NOT EXISTS holder VARCHAR(64) NULL,
      ADD COLUMN IF NOT EXISTS held_until DATETIME(3) NULL`,
  ),
] as const
