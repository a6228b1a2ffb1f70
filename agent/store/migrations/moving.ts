import { statement, tableOptions } from './statement.js'

/** What is known of copies: which volume holds which disk, what of a broken copy was sent again, what was verified. */
export const moving = [
  statement(
    '0040-job-disks-held-volume',
    `ALTER TABLE job_disks ADD COLUMN IF NOT EXISTS held_volume_id VARCHAR(64) NULL`,
  ),
  statement(
    '0041-job-disks-held-bytes',
    `ALTER TABLE job_disks ADD COLUMN IF NOT EXISTS held_bytes BIGINT UNSIGNED NULL`,
  ),
  // A job with a recovery point has all its disks on their volumes.
  statement(
    '0042-fill-job-disks-held',
    `UPDATE job_disks d JOIN replication_jobs j ON j.id = d.job_id AND j.recovery_point_pass_id IS NOT NULL
        SET d.held_volume_id = d.volume_id, d.held_bytes = d.capacity_bytes
      WHERE d.held_volume_id IS NULL`,
  ),
  statement(
    '0043-worker-tasks-ended-at',
    `ALTER TABLE worker_tasks ADD COLUMN IF NOT EXISTS ended_at DATETIME(3) NULL`,
  ),
  statement(
    '0044-pass-disks-sent-again',
    `ALTER TABLE pass_disks ADD COLUMN IF NOT EXISTS sent_again_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0`,
  ),
  statement(
    '0045-create-verifications',
    `CREATE TABLE IF NOT EXISTS verifications (
      id VARCHAR(64) PRIMARY KEY,
      job_id VARCHAR(64) NOT NULL,
      saga_id VARCHAR(64) NOT NULL,
      triggered_by VARCHAR(16) NOT NULL,
      started_at DATETIME(3) NOT NULL,
      ended_at DATETIME(3) NULL,
      recovery_point_at DATETIME(3) NOT NULL,
      algorithm VARCHAR(16) NOT NULL,
      block_bytes INT UNSIGNED NOT NULL,
      bytes_per_second BIGINT UNSIGNED NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      KEY by_job (job_id, started_at),
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE,
      FOREIGN KEY (saga_id) REFERENCES sagas (id)
    ) ${tableOptions}`,
  ),
  statement(
    '0046-create-verification-disks',
    `CREATE TABLE IF NOT EXISTS verification_disks (
      verification_id VARCHAR(64) NOT NULL,
      disk_key VARCHAR(64) NOT NULL,
      label VARCHAR(255) NOT NULL,
      from_bytes BIGINT UNSIGNED NOT NULL,
      until_bytes BIGINT UNSIGNED NOT NULL,
      state VARCHAR(16) NULL,
      why TEXT NULL,
      blocks INT UNSIGNED NULL,
      differing_blocks INT UNSIGNED NULL,
      first_difference BIGINT UNSIGNED NULL,
      compared_bytes BIGINT UNSIGNED NULL,
      left_out_bytes BIGINT UNSIGNED NULL,
      source_read_bytes BIGINT UNSIGNED NULL,
      target_read_bytes BIGINT UNSIGNED NULL,
      PRIMARY KEY (verification_id, disk_key),
      FOREIGN KEY (verification_id) REFERENCES verifications (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0047-job-disks-scrubbed',
    `ALTER TABLE job_disks ADD COLUMN IF NOT EXISTS scrubbed_below BIGINT UNSIGNED NOT NULL DEFAULT 0`,
  ),
] as const
