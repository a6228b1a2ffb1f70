import { statement, tableOptions } from './statement.js'

/** What CloudStack was asked to do, how it is reached, and the snapshots of its volumes. */
export const targetSide = [
  statement(
    '0030-create-cloudstack-jobs',
    `CREATE TABLE IF NOT EXISTS cloudstack_jobs (
      operation VARCHAR(200) PRIMARY KEY,
      command VARCHAR(64) NOT NULL,
      job_id VARCHAR(64) NULL,
      state VARCHAR(16) NOT NULL,
      started_at DATETIME(3) NOT NULL,
      ended_at DATETIME(3) NULL,
      KEY by_state (state)
    ) ${tableOptions}`,
  ),
  statement(
    '0031-create-cloudstack-configuration',
    `CREATE TABLE IF NOT EXISTS cloudstack_configuration (
      id TINYINT UNSIGNED PRIMARY KEY,
      revision INT UNSIGNED NOT NULL,
      url VARCHAR(1000) NOT NULL,
      thumbprint_sha256 CHAR(64) NULL,
      signature_version TINYINT UNSIGNED NOT NULL,
      credentials_ref VARCHAR(64) NOT NULL,
      zone_id VARCHAR(64) NOT NULL,
      disk_offering_id VARCHAR(64) NOT NULL,
      appliance_vm_id VARCHAR(64) NOT NULL,
      network_id VARCHAR(64) NULL,
      template_id VARCHAR(64) NULL,
      service_offering_id VARCHAR(64) NULL,
      updated_at DATETIME(3) NOT NULL
    ) ${tableOptions}`,
  ),
  statement(
    '0032-create-snapshot-sets',
    `CREATE TABLE IF NOT EXISTS snapshot_sets (
      id VARCHAR(64) PRIMARY KEY,
      state VARCHAR(16) NOT NULL,
      created_at DATETIME(3) NOT NULL
    ) ${tableOptions}`,
  ),
  statement(
    '0033-create-volume-snapshots',
    `CREATE TABLE IF NOT EXISTS volume_snapshots (
      set_id VARCHAR(64) NOT NULL,
      volume_id VARCHAR(64) NOT NULL,
      snapshot_id VARCHAR(64) NULL,
      proof VARCHAR(200) NULL,
      PRIMARY KEY (set_id, volume_id),
      UNIQUE KEY one_row_per_snapshot (snapshot_id),
      FOREIGN KEY (set_id) REFERENCES snapshot_sets (id)
    ) ${tableOptions}`,
  ),
  statement(
    '0034-create-volumes',
    `CREATE TABLE IF NOT EXISTS volumes (
      id VARCHAR(64) PRIMARY KEY,
      name VARCHAR(255) NOT NULL,
      size_bytes BIGINT UNSIGNED NOT NULL,
      vm_id VARCHAR(64) NULL,
      updated_at DATETIME(3) NOT NULL
    ) ${tableOptions}`,
  ),
  statement(
    '0035-create-volume-operations',
    `CREATE TABLE IF NOT EXISTS volume_operations (
      number BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
      id VARCHAR(64) NOT NULL UNIQUE,
      idempotency_key VARCHAR(128) NOT NULL UNIQUE,
      kind VARCHAR(16) NOT NULL,
      request JSON NOT NULL,
      saga_id VARCHAR(64) NOT NULL,
      state VARCHAR(16) NOT NULL,
      volume_id VARCHAR(64) NULL,
      outcome JSON NULL,
      drift TEXT NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      requested_at DATETIME(3) NOT NULL,
      started_at DATETIME(3) NULL,
      ended_at DATETIME(3) NULL,
      KEY by_volume (volume_id, state)
    ) ${tableOptions}`,
  ),
  statement(
    '0036-create-installation',
    `CREATE TABLE IF NOT EXISTS installation (
      id TINYINT UNSIGNED PRIMARY KEY,
      uuid VARCHAR(64) NOT NULL
    ) ${tableOptions}`,
  ),
  statement('0037-name-installation', 'INSERT IGNORE INTO installation (id, uuid) VALUES (1, UUID())'),
  statement(
    '0038-create-volume-findings',
    `CREATE TABLE IF NOT EXISTS volume_findings (
      kind VARCHAR(32) NOT NULL,
      subject VARCHAR(64) NOT NULL,
      what TEXT NOT NULL,
      first_seen_at DATETIME(3) NOT NULL,
      last_seen_at DATETIME(3) NOT NULL,
      PRIMARY KEY (kind, subject)
    ) ${tableOptions}`,
  ),
] as const
