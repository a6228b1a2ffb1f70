import { statement, tableOptions } from './statement.js'

/**
 * Schedules, groups, and the rounds that come of them. A round keeps the names of its schedule and group and refers to
 * neither, so the history outlives both.
 */
export const schedules = [
  statement(
    '0070-create-replication-groups',
    `CREATE TABLE IF NOT EXISTS replication_groups (
      id VARCHAR(64) PRIMARY KEY,
      name VARCHAR(200) NOT NULL,
      priority INT NOT NULL,
      max_concurrent INT UNSIGNED NOT NULL,
      powered_off VARCHAR(16) NOT NULL,
      max_retries INT UNSIGNED NULL,
      rpo_seconds INT UNSIGNED NULL,
      time_zone VARCHAR(64) NOT NULL,
      blackouts JSON NOT NULL,
      created_at DATETIME(3) NOT NULL,
      UNIQUE KEY one_group_per_name (name)
    ) ${tableOptions}`,
  ),
  statement(
    '0071-create-group-members',
    `CREATE TABLE IF NOT EXISTS group_members (
      group_id VARCHAR(64) NOT NULL,
      job_id VARCHAR(64) NOT NULL,
      enabled BOOLEAN NOT NULL,
      priority INT NOT NULL,
      added_at DATETIME(3) NOT NULL,
      PRIMARY KEY (group_id, job_id),
      FOREIGN KEY (group_id) REFERENCES replication_groups (id) ON DELETE CASCADE,
      FOREIGN KEY (job_id) REFERENCES replication_jobs (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0072-create-schedules',
    `CREATE TABLE IF NOT EXISTS schedules (
      id VARCHAR(64) PRIMARY KEY,
      name VARCHAR(200) NOT NULL,
      group_id VARCHAR(64) NOT NULL,
      cron VARCHAR(200) NOT NULL,
      time_zone VARCHAR(64) NOT NULL,
      enabled BOOLEAN NOT NULL,
      misfire VARCHAR(16) NOT NULL,
      grace_seconds INT UNSIGNED NOT NULL,
      when_running VARCHAR(16) NOT NULL,
      max_concurrent INT UNSIGNED NULL,
      next_fire_at DATETIME(3) NULL,
      revision INT UNSIGNED NOT NULL,
      created_at DATETIME(3) NOT NULL,
      UNIQUE KEY one_schedule_per_name (name),
      FOREIGN KEY (group_id) REFERENCES replication_groups (id)
    ) ${tableOptions}`,
  ),
  statement(
    '0073-create-rounds',
    `CREATE TABLE IF NOT EXISTS rounds (
      id VARCHAR(64) PRIMARY KEY,
      kind VARCHAR(16) NOT NULL,
      triggered_by VARCHAR(16) NOT NULL,
      schedule_id VARCHAR(64) NULL,
      schedule_name VARCHAR(200) NULL,
      group_id VARCHAR(64) NOT NULL,
      group_name VARCHAR(200) NOT NULL,
      slot_at DATETIME(3) NULL,
      is_late BOOLEAN NOT NULL,
      fired_at DATETIME(3) NOT NULL,
      missed_from DATETIME(3) NULL,
      missed_until DATETIME(3) NULL,
      missed_count INT UNSIGNED NULL,
      reason VARCHAR(32) NULL,
      UNIQUE KEY one_round_per_slot (schedule_id, slot_at),
      KEY by_time (fired_at, id)
    ) ${tableOptions}`,
  ),
  statement(
    '0073-create-round-entries',
    `CREATE TABLE IF NOT EXISTS round_entries (
      round_id VARCHAR(64) NOT NULL,
      job_id VARCHAR(64) NOT NULL,
      vm_name VARCHAR(1000) NOT NULL,
      priority INT NOT NULL,
      state VARCHAR(16) NOT NULL,
      queued_job_id VARCHAR(64) NULL,
      reason VARCHAR(32) NULL,
      detail TEXT NOT NULL,
      tries INT UNSIGNED NOT NULL,
      not_before DATETIME(3) NULL,
      pass_id VARCHAR(64) NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      started_at DATETIME(3) NULL,
      ended_at DATETIME(3) NULL,
      PRIMARY KEY (round_id, job_id),
      UNIQUE KEY queued_once (queued_job_id),
      KEY by_state (state),
      KEY by_job (job_id),
      FOREIGN KEY (round_id) REFERENCES rounds (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0074-create-queue-turn',
    `CREATE TABLE IF NOT EXISTS queue_turn (
      id TINYINT UNSIGNED PRIMARY KEY,
      turn BIGINT UNSIGNED NOT NULL
    ) ${tableOptions}`,
  ),
  statement('0074-fill-queue-turn', 'INSERT IGNORE INTO queue_turn (id, turn) VALUES (1, 0)'),
  statement(
    '0074-create-rpo-findings',
    `CREATE TABLE IF NOT EXISTS rpo_findings (
      id VARCHAR(64) PRIMARY KEY,
      group_id VARCHAR(64) NOT NULL,
      group_name VARCHAR(200) NOT NULL,
      job_id VARCHAR(64) NOT NULL,
      vm_name VARCHAR(1000) NOT NULL,
      kind VARCHAR(16) NOT NULL,
      why TEXT NOT NULL,
      since DATETIME(3) NOT NULL,
      ended_at DATETIME(3) NULL,
      KEY by_end (ended_at, since)
    ) ${tableOptions}`,
  ),
  statement(
    '0074-passes-round-id',
    `ALTER TABLE passes ADD COLUMN IF NOT EXISTS round_id VARCHAR(64) NULL, ADD KEY IF NOT EXISTS by_round (round_id)`,
  ),
] as const
