import { statement, tableOptions } from './statement.js'

/** Failovers, their disks, and where network cards go. A failover outlives its job: it is what happened. */
export const failover = [
  statement(
    '0085-create-failovers',
    `CREATE TABLE IF NOT EXISTS failovers (
      id VARCHAR(64) PRIMARY KEY,
      job_id VARCHAR(64) NOT NULL,
      source_vm_id VARCHAR(64) NOT NULL,
      vm_name VARCHAR(1000) NOT NULL,
      kind VARCHAR(16) NOT NULL,
      state VARCHAR(16) NOT NULL,
      options JSON NOT NULL,
      saga_id VARCHAR(64) NOT NULL,
      closing_saga_id VARCHAR(64) NULL,
      holds_replicas BOOLEAN NOT NULL,
      point_pass_id VARCHAR(64) NULL,
      point_at DATETIME(3) NULL,
      last_pass_id VARCHAR(64) NULL,
      final_pass_id VARCHAR(64) NULL,
      machine JSON NULL,
      target_vm_id VARCHAR(64) NULL,
      template_root_id VARCHAR(64) NULL,
      source_was_on BOOLEAN NULL,
      source_off_at DATETIME(3) NULL,
      exposed_at DATETIME(3) NULL,
      requested_at DATETIME(3) NOT NULL,
      started_at DATETIME(3) NULL,
      up_at DATETIME(3) NULL,
      evidence JSON NULL,
      expires_at DATETIME(3) NULL,
      ended_at DATETIME(3) NULL,
      report JSON NULL,
      failure_code VARCHAR(64) NULL,
      failure_message TEXT NULL,
      KEY by_job (job_id, state),
      KEY by_vm (source_vm_id, requested_at),
      KEY by_state (state, expires_at)
    ) ${tableOptions}`,
  ),
  statement(
    '0086-create-failover-disks',
    `CREATE TABLE IF NOT EXISTS failover_disks (
      failover_id VARCHAR(64) NOT NULL,
      disk_key VARCHAR(64) NOT NULL,
      position INT UNSIGNED NOT NULL,
      label VARCHAR(255) NOT NULL,
      capacity_bytes BIGINT UNSIGNED NOT NULL,
      volume_id VARCHAR(64) NOT NULL,
      snapshot_id VARCHAR(64) NULL,
      clone_id VARCHAR(64) NULL,
      PRIMARY KEY (failover_id, disk_key),
      KEY by_clone (clone_id),
      FOREIGN KEY (failover_id) REFERENCES failovers (id) ON DELETE CASCADE
    ) ${tableOptions}`,
  ),
  statement(
    '0087-create-failover-networks',
    `CREATE TABLE IF NOT EXISTS failover_networks (
      source_vm_id VARCHAR(64) NOT NULL,
      nic_key VARCHAR(64) NOT NULL,
      mode VARCHAR(16) NOT NULL,
      network_id VARCHAR(64) NOT NULL,
      network_name VARCHAR(1000) NOT NULL,
      mac VARCHAR(16) NOT NULL,
      updated_at DATETIME(3) NOT NULL,
      PRIMARY KEY (source_vm_id, nic_key, mode),
      KEY by_network (network_id, mode)
    ) ${tableOptions}`,
  ),
] as const
