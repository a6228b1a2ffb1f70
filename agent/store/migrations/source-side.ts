import { statement, tableOptions } from './statement.js'

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
    ) ${tableOptions}`,
  ),
  statement(
    '0015-manage-vms-with-jobs',
    `INSERT IGNORE INTO managed_vms (source_vm_id, name, managed_at)
      SELECT source_vm_id, vm_name, created_at FROM replication_jobs`,
  ),
  statement(
    '0016-passes-mode',
    `ALTER TABLE passes ADD COLUMN IF NOT EXISTS mode VARCHAR(16) NOT NULL DEFAULT 'snapshot'`,
  ),
  statement(
    '0017-passes-consistency',
    `ALTER TABLE passes ADD COLUMN IF NOT EXISTS consistency VARCHAR(16) NULL`,
  ),
  statement(
    '0018-create-pass-notes',
    `CREATE TABLE IF NOT EXISTS pass_notes (
      pass_id VARCHAR(64) NOT NULL,
      kind VARCHAR(32) NOT NULL,
      note TEXT NOT NULL,
      PRIMARY KEY (pass_id, kind),
      FOREIGN KEY (pass_id) REFERENCES passes (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0019-job-disks-base-file',
    `ALTER TABLE job_disks ADD COLUMN IF NOT EXISTS base_file VARCHAR(2000) NOT NULL DEFAULT ''`,
  ),
  statement(
    '0020-job-disks-full-reason',
    `ALTER TABLE job_disks ADD COLUMN IF NOT EXISTS full_reason TEXT NULL`,
  ),
  statement(
    '0021-replication-jobs-quiesce',
    `ALTER TABLE replication_jobs ADD COLUMN IF NOT EXISTS quiesce VARCHAR(16) NOT NULL DEFAULT 'preferred'`,
  ),
  statement(
    '0022-create-vm-hardware',
    `CREATE TABLE IF NOT EXISTS vm_hardware (
      source_vm_id VARCHAR(64) NOT NULL,
      version INT UNSIGNED NOT NULL,
      pass_id VARCHAR(64) NOT NULL,
      taken_at DATETIME(3) NOT NULL,
      hardware JSON NOT NULL,
      PRIMARY KEY (source_vm_id, version)
    ) ${tableOptions}`,
  ),
  statement(
    '0023-create-vm-preflights',
    `CREATE TABLE IF NOT EXISTS vm_preflights (
      source_vm_id VARCHAR(64) PRIMARY KEY,
      checked_at DATETIME(3) NOT NULL,
      findings JSON NOT NULL
    ) ${tableOptions}`,
  ),
] as const
