import { statement, tableOptions } from './statement.js'

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
  statement(
    '0092-create-tending',
    `CREATE TABLE IF NOT EXISTS tending (
      id TINYINT UNSIGNED PRIMARY KEY,
      holder VARCHAR(64) NULL,
      held_until DATETIME(3) NULL
    ) ${tableOptions}`,
  ),
  statement('0093-fill-tending', 'INSERT IGNORE INTO tending (id) VALUES (1)'),
] as const
