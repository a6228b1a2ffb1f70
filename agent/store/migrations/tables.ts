import { statement, tableOptions } from './statement.js'

/** The tables of version 0.1. Ids are text, byte counts BIGINT UNSIGNED, times DATETIME(3) in UTC. */
export const createTables = [
  statement(
    '0001-create-source-vms',
    `CREATE TABLE IF NOT EXISTS source_vms (
      id VARCHAR(64) PRIMARY KEY,
      name VARCHAR(1000) NOT NULL,
      power VARCHAR(16) NOT NULL,
      disk_count INT UNSIGNED NOT NULL,
      capacity_bytes BIGINT UNSIGNED NOT NULL,
      seen_at DATETIME(3) NOT NULL,
      scan_id VARCHAR(64) NOT NULL
    ) ${tableOptions}`,
  ),
  statement(
    '0002-create-source-site',
    `CREATE TABLE IF NOT EXISTS source_site (
      id TINYINT UNSIGNED PRIMARY KEY,
      worker_seen_at DATETIME(3) NULL,
      source_state VARCHAR(16) NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      checked_at DATETIME(3) NULL
    ) ${tableOptions}`,
  ),
  statement(
    '0003-create-replication-jobs',
    `CREATE TABLE IF NOT EXISTS replication_jobs (
      id VARCHAR(64) PRIMARY KEY,
      source_vm_id VARCHAR(64) NOT NULL,
      vm_name VARCHAR(1000) NOT NULL,
      created_at DATETIME(3) NOT NULL,
      recovery_point_pass_id VARCHAR(64) NULL,
      recovery_point_at DATETIME(3) NULL,
      UNIQUE KEY one_job_per_vm (source_vm_id)
    ) ${tableOptions}`,
  ),
  statement(
    '0004-create-job-disks',
    `CREATE TABLE IF NOT EXISTS job_disks (
      job_id VARCHAR(64) NOT NULL,
      disk_key VARCHAR(64) NOT NULL,
      label VARCHAR(255) NOT NULL,
      capacity_bytes BIGINT UNSIGNED NOT NULL,
      backing_uuid VARCHAR(64) NOT NULL,
      volume_id VARCHAR(64) NULL,
      volume_is_ours BOOLEAN NOT NULL,
      change_id VARCHAR(200) NULL,
      PRIMARY KEY (job_id, disk_key),
      UNIQUE KEY one_disk_per_volume (volume_id),
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0005-create-sagas',
    `CREATE TABLE IF NOT EXISTS sagas (
      id VARCHAR(64) PRIMARY KEY,
      kind VARCHAR(64) NOT NULL,
      input JSON NOT NULL,
      state VARCHAR(16) NOT NULL,
      epoch INT UNSIGNED NOT NULL,
      next_seq INT UNSIGNED NOT NULL,
      cancel_requested BOOLEAN NOT NULL,
      created_at DATETIME(3) NOT NULL,
      ended_at DATETIME(3) NULL,
      KEY unfinished (state)
    ) ${tableOptions}`,
  ),
  statement(
    '0006-create-saga-events',
    `CREATE TABLE IF NOT EXISTS saga_events (
      saga_id VARCHAR(64) NOT NULL,
      seq INT UNSIGNED NOT NULL,
      kind VARCHAR(16) NOT NULL,
      step VARCHAR(64) NOT NULL,
      at DATETIME(3) NOT NULL,
      output JSON NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      PRIMARY KEY (saga_id, seq),
      FOREIGN KEY (saga_id) REFERENCES sagas (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0007-create-passes',
    `CREATE TABLE IF NOT EXISTS passes (
      id VARCHAR(64) PRIMARY KEY,
      job_id VARCHAR(64) NOT NULL,
      number INT UNSIGNED NOT NULL,
      saga_id VARCHAR(64) NOT NULL,
      state VARCHAR(16) NOT NULL,
      started_at DATETIME(3) NOT NULL,
      snapshot_at DATETIME(3) NULL,
      ended_at DATETIME(3) NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      UNIQUE KEY one_number_per_job (job_id, number),
      UNIQUE KEY one_pass_per_saga (saga_id),
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE,
      FOREIGN KEY (saga_id) REFERENCES sagas (id)
    ) ${tableOptions}`,
  ),
  statement(
    '0008-create-pass-disks',
    `CREATE TABLE IF NOT EXISTS pass_disks (
      pass_id VARCHAR(64) NOT NULL,
      disk_key VARCHAR(64) NOT NULL,
      sync_type VARCHAR(16) NULL,
      planned_bytes BIGINT UNSIGNED NULL,
      read_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
      written_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
      zeroed_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
      skipped_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
      retried_requests INT UNSIGNED NOT NULL DEFAULT 0,
      rate_bytes_per_sec BIGINT UNSIGNED NOT NULL DEFAULT 0,
      seconds DOUBLE NULL,
      fallbacks JSON NOT NULL,
      change_id_before VARCHAR(200) NULL,
      change_id_after VARCHAR(200) NULL,
      PRIMARY KEY (pass_id, disk_key),
      FOREIGN KEY (pass_id) REFERENCES passes (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0009-create-worker-tasks',
    `CREATE TABLE IF NOT EXISTS worker_tasks (
      id VARCHAR(64) PRIMARY KEY,
      owner VARCHAR(160) NOT NULL,
      kind VARCHAR(32) NOT NULL,
      subject VARCHAR(64) NOT NULL,
      input JSON NOT NULL,
      state VARCHAR(16) NOT NULL,
      epoch INT UNSIGNED NOT NULL,
      worker_id VARCHAR(64) NULL,
      created_at DATETIME(3) NOT NULL,
      lease_until DATETIME(3) NULL,
      cancel_requested BOOLEAN NOT NULL,
      progress JSON NULL,
      result JSON NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      KEY by_owner (owner),
      KEY by_state (state, created_at)
    ) ${tableOptions}`,
  ),
  statement(
    '0010-create-fence-counter',
    `CREATE TABLE IF NOT EXISTS fence_counter (
      id TINYINT UNSIGNED PRIMARY KEY,
      token BIGINT UNSIGNED NOT NULL
    ) ${tableOptions}`,
  ),
] as const
