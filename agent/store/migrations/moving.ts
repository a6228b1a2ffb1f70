import { statement } from './statement.js'

/** What is known of copies: which volume holds which disk, and what of a broken copy was sent again. */
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
] as const
