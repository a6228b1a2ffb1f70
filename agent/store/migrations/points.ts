import { statement, tableOptions } from './statement.js'

/** Recovery points, and what is written over volumes and undone. */
export const points = [
  statement(
    '0065-create-recovery-points',
    `CREATE TABLE IF NOT EXISTS recovery_points (
      id VARCHAR(64) PRIMARY KEY,
      job_id VARCHAR(64) NOT NULL,
      pass_id VARCHAR(64) NOT NULL,
      round_id VARCHAR(64) NULL,
      at DATETIME(3) NOT NULL,
      committed_at DATETIME(3) NOT NULL,
      state VARCHAR(16) NOT NULL,
      position INT UNSIGNED NULL,
      pinned BOOLEAN NOT NULL DEFAULT FALSE,
      why TEXT NULL,
      ended_at DATETIME(3) NULL,
      UNIQUE KEY one_point_per_pass (pass_id),
      KEY by_job (job_id, state),
      KEY by_round (round_id),
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0066-create-recovery-point-disks',
    `CREATE TABLE IF NOT EXISTS recovery_point_disks (
      point_id VARCHAR(64) NOT NULL,
      disk_key VARCHAR(64) NOT NULL,
      label VARCHAR(255) NOT NULL,
      volume_id VARCHAR(64) NOT NULL,
      size_bytes BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (point_id, disk_key),
      FOREIGN KEY (point_id) REFERENCES recovery_points (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0067-create-point-policies',
    `CREATE TABLE IF NOT EXISTS point_policies (
      job_id VARCHAR(64) PRIMARY KEY,
      max_points INT UNSIGNED NOT NULL,
      max_age_seconds INT UNSIGNED NULL,
      cap_bytes BIGINT UNSIGNED NOT NULL,
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  // Without a key to the job: its files are still to be removed when the job is gone.
  statement(
    '0068-create-volume-writings',
    `CREATE TABLE IF NOT EXISTS volume_writings (
      id VARCHAR(64) PRIMARY KEY,
      job_id VARCHAR(64) NOT NULL,
      seq INT UNSIGNED NOT NULL,
      kind VARCHAR(16) NOT NULL,
      state VARCHAR(16) NOT NULL,
      bytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
      volumes JSON NOT NULL,
      began_at DATETIME(3) NOT NULL,
      UNIQUE KEY one_seq_per_job (job_id, seq)
    ) ${tableOptions}`,
  ),
  statement(
    '0069-create-restores',
    `CREATE TABLE IF NOT EXISTS restores (
      id VARCHAR(64) PRIMARY KEY,
      job_id VARCHAR(64) NOT NULL,
      point_id VARCHAR(64) NOT NULL,
      saga_id VARCHAR(64) NOT NULL,
      newer_points VARCHAR(16) NOT NULL,
      started_at DATETIME(3) NOT NULL,
      ended_at DATETIME(3) NULL,
      written_bytes BIGINT UNSIGNED NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      KEY by_job (job_id),
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE,
      FOREIGN KEY (saga_id) REFERENCES sagas (id)
    ) ${tableOptions}`,
  ),
] as const
