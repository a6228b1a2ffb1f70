import { statement } from './statement.js'

/** Which VMA is there, and what operators hold back. */
export const sourceControl = [
  statement(
    '0050-source-site-worker-version',
    `ALTER TABLE source_site
      ADD COLUMN IF NOT EXISTS worker_version VARCHAR(64) NULL,
      ADD COLUMN IF NOT EXISTS worker_refused_at DATETIME(3) NULL,
      ADD COLUMN IF NOT EXISTS worker_refusal TEXT NULL`,
  ),
  statement(
    '0051-replication-jobs-held-back',
    `ALTER TABLE replication_jobs
      ADD COLUMN IF NOT EXISTS paused_at DATETIME(3) NULL,
      ADD COLUMN IF NOT EXISTS stopped_at DATETIME(3) NULL`,
  ),
  statement(
    '0052-worker-tasks-held',
    `ALTER TABLE worker_tasks ADD COLUMN IF NOT EXISTS held BOOLEAN NOT NULL DEFAULT FALSE`,
  ),
  statement(
    '0053-passes-pace',
    `ALTER TABLE passes
      ADD COLUMN IF NOT EXISTS pace_level TINYINT UNSIGNED NULL,
      ADD COLUMN IF NOT EXISTS pace_bytes_per_sec BIGINT UNSIGNED NULL,
      ADD COLUMN IF NOT EXISTS freeze_seconds DOUBLE NULL,
      ADD COLUMN IF NOT EXISTS removal_seconds DOUBLE NULL`,
  ),
] as const
