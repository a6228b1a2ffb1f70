import { statement, tableOptions } from './statement.js'

/**
 * The VMs volumes are attached to for being written. The first is the OMA's own; `places` is how many data disks it may have,
 * null as CloudStack tells.
 */
export const dataMovers = [
  statement(
    '0080-create-data-movers',
    `CREATE TABLE IF NOT EXISTS data_movers (
      number SMALLINT UNSIGNED PRIMARY KEY,
      places SMALLINT UNSIGNED NULL
    ) ${tableOptions}`,
  ),
  statement('0081-fill-data-movers', 'INSERT IGNORE INTO data_movers (number, places) VALUES (1, NULL)'),
] as const
