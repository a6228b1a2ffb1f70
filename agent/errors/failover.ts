import { row, type ErrorRow } from './row.js'

/** What goes wrong when a VM fails over. */
export const failoverErrors = {
  FAILOVER_BUSY: row(
    409,
    'after-operator',
    'Another failover of this VM has not ended.',
    'Look at the failover named in the message: clean it up, commit it or roll it back first.',
  ),
  FAILOVER_BLOCKED: row(
    409,
    'after-operator',
    'The failover cannot start as things are.',
    'Read the preflight of the VM; each blocker says what to do.',
  ),
  FAILOVER_STATE: row(
    409,
    'after-operator',
    'The failover is not in a state in which this can be done.',
    'Read the failover; it lists what can be done with it now.',
  ),
  FAILOVER_NAME_MISMATCH: row(
    400,
    'never',
    'The name does not confirm the VM.',
    'Type the name of the VM exactly as it is shown; this cannot be undone without losing data.',
  ),
  FAILOVER_COMMITTED: row(
    409,
    'after-operator',
    'The VM runs on the target now, so its job copies nothing from the source any more.',
    'Delete the job; a new one starts with new volumes.',
  ),
  FAILOVER_NETWORK_SHARED: row(
    409,
    'after-operator',
    'A network would be used by tests and by live failovers.',
    'Give tests networks of their own, which no VM uses live.',
  ),
  FAILOVER_NETWORK_WRONG: row(
    409,
    'after-operator',
    'The target VM is not on the networks it was mapped to, so it was not started.',
    'Look at the network cards of the VM in CloudStack and at the mapping; then start the failover again.',
  ),
  FAILOVER_POINT_UNUSABLE: row(
    409,
    'after-operator',
    'The volumes do not hold exactly what the newest recovery point held.',
    'Run a pass until it is committed; then start the failover again.',
  ),
  FAILOVER_SPLIT_BRAIN: row(
    409,
    'after-operator',
    'Source and target of a VM would run at the same time.',
    'Switch off the one of the two that must not serve, then repeat what was refused.',
  ),
  FAILOVER_TARGET_CHANGED: row(
    409,
    'after-operator',
    'The target VM does not have the disks it was given.',
    'Look at the volumes of the VM in CloudStack; bring them back as the message says, then repeat it.',
  ),
  FAILOVER_BOOT_FAILED: row(
    504,
    'after-operator',
    'The target VM did not come up.',
    'Look at the console of the VM in a test failover, and correct what keeps it from booting.',
  ),
  FAILOVER_PASS_UNFINISHED: row(
    409,
    'after-delay',
    'The pass of a failover was committed, but is not finished.',
    'Look at the pass; it is tried again until what it left is gone.',
  ),
  SOURCE_SHUTDOWN_HANGS: row(
    504,
    'after-operator',
    'The guest of the source did not shut down in time; it is still on.',
    'Shut it down by hand and start the failover again, or let the failover power it off.',
  ),
} as const satisfies Record<string, ErrorRow>
