import { statement, tableOptions } from './statement.js'

/** The one row that queueing and leasing pass one at a time. */
export const workGate = [
  statement(
    '0024-create-work-gate',
    `CREATE TABLE IF NOT EXISTS work_gate (
      id TINYINT UNSIGNED PRIMARY KEY
    ) ${tableOptions}`,
  ),
  statement('0025-fill-work-gate', 'INSERT IGNORE INTO work_gate (id) VALUES (1)'),
] as const
