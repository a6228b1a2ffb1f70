import { statement, tableOptions } from './statement.js'

/** Passes that are staged before they reach the volumes. */
export const staging = [
  statement(
    '0060-passes-way',
    `ALTER TABLE passes
      ADD COLUMN IF NOT EXISTS way VARCHAR(16) NULL,
      ADD COLUMN IF NOT EXISTS staged_bytes BIGINT UNSIGNED NULL,
      ADD COLUMN IF NOT EXISTS applied_bytes BIGINT UNSIGNED NULL`,
  ),
  statement(
    '0061-jobs-staging',
    `ALTER TABLE replication_jobs
      ADD COLUMN IF NOT EXISTS staging_policy VARCHAR(16) NOT NULL DEFAULT 'wait',
      ADD COLUMN IF NOT EXISTS replica_doubt TEXT NULL`,
  ),
  statement(
    '0062-create-sealed-disks',
    `CREATE TABLE IF NOT EXISTS sealed_disks (
      pass_id VARCHAR(64) NOT NULL,
      disk_key VARCHAR(64) NOT NULL,
      data_bytes BIGINT UNSIGNED NOT NULL,
      zero_bytes BIGINT UNSIGNED NOT NULL,
      digest CHAR(64) NOT NULL,
      lost TEXT NULL,
      PRIMARY KEY (pass_id, disk_key),
      FOREIGN KEY (pass_id) REFERENCES passes (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  // Passes of before wrote the volumes: one that was not committed has left a mixture there.
  statement(
    '0063-fill-jobs-replica-doubt',
    `UPDATE replication_jobs j
        JOIN passes p ON p.job_id = j.id AND p.way IS NULL AND p.state <> 'committed'
         AND p.number = (SELECT MAX(n.number) FROM passes n WHERE n.job_id = j.id)
        SET j.replica_doubt = CONCAT('pass ', p.number, ' wrote the volumes and was not committed')
      WHERE j.recovery_point_pass_id IS NOT NULL AND j.replica_doubt IS NULL`,
  ),
  statement('0064-fill-passes-way', `UPDATE passes SET way = 'direct' WHERE way IS NULL`),
] as const
