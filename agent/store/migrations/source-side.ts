import { type Knex } from 'knex'

const statement = (name: string, sql: string) => ({
  name,
  up: async (db: Knex): Promise<void> => {
    await db.raw(sql)
  },
})

const tail = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin'

/** Where VMs are, which are managed, and what is known of their hardware. */
export const sourceSide = [
  statement(
    '0011-source-vms-folder',
    `ALTER TABLE source_vms ADD COLUMN IF NOT EXISTS folder VARCHAR(2000) NOT NULL DEFAULT ''`,
  ),
  statement(
    '0012-source-vms-host',
    `ALTER TABLE source_vms ADD COLUMN IF NOT EXISTS host VARCHAR(1000) NULL`,
  ),
  statement(
    '0013-source-vms-pass-snapshots',
    `ALTER TABLE source_vms ADD COLUMN IF NOT EXISTS pass_snapshots JSON NOT NULL DEFAULT '[]'`,
  ),
  statement(
    '0014-create-managed-vms',
    `CREATE TABLE IF NOT EXISTS managed_vms (
      source_vm_id VARCHAR(64) PRIMARY KEY,
      name VARCHAR(1000) NOT NULL,
      managed_at DATETIME(3) NOT NULL
    ) ${tail}`,
  ),
  statement(
    '0015-manage-vms-with-jobs',
    `INSERT IGNORE INTO managed_vms (source_vm_id, name, managed_at)
      SELECT source_vm_id, vm_name, created_at FROM replication_jobs`,
  ),
] as const
