import { row, type ErrorRow } from './row.js'

/** What goes wrong with CloudStack, its volumes and their snapshots. */
export const cloudstackErrors = {
  VOLUME_NOT_OURS: row(
    409,
    'after-operator',
    'The volume was not made by this product, so it is not deleted.',
    'Look at the volume in CloudStack; remove it there when nobody needs it.',
  ),
  VOLUME_IN_USE: row(
    409,
    'after-operator',
    'A replication job needs the volume as it is.',
    'Wait for the pass named in the message, or remove the replication job first.',
  ),
  VOLUME_STILL_PRESENT: row(
    504,
    'after-delay',
    'CloudStack says the volume is detached, but its device is still there.',
    'Ask for it again; if it repeats, look at the VM of the appliance on its hypervisor.',
  ),
  APPLIANCE_FULL: row(
    507,
    'after-delay',
    'The appliance has as many disks attached as its VM can have, and all of them are in use.',
    'Wait for a pass to end, or detach volumes that operations attached; more disks at once need another appliance.',
  ),
  ORPHAN_TOO_YOUNG: row(
    409,
    'after-delay',
    'What nobody seems to need was seen too short a time ago to be removed.',
    'Look at it again later; something may just be about to record it.',
  ),
  TARGET_VM_UNKNOWN: row(
    404,
    'after-operator',
    'CloudStack has no such VM.',
    'Use the id of a VM that the account of the API key may see.',
  ),
  TARGET_VM_NOT_OURS: row(
    409,
    'after-operator',
    'The VM was not made by this product, so it is not stopped.',
    'Stop it in CloudStack when nobody needs it; then ask again.',
  ),
  IDEMPOTENCY_KEY_REUSED: row(
    409,
    'never',
    'The idempotency key belongs to another request.',
    'Give each new request a key of its own; repeat a request with the same key and the same fields only.',
  ),

  SNAPSHOT_CONTENT_DIFFERS: row(
    409,
    'after-operator',
    'A volume does not hold what its snapshot held, so the snapshot was kept.',
    'Do not use the volume named in the message; look at its revert in CloudStack and start the revert again.',
  ),

  CLOUDSTACK_NOT_CONFIGURED: row(
    409,
    'after-operator',
    'No CloudStack is configured.',
    'Configure it: discover its resources with address and API key, then save your choice (PUT /v1/cloudstack/configuration).',
  ),
  CLOUDSTACK_CONFIGURATION_CHANGED: row(
    409,
    'after-operator',
    'Somebody else changed the CloudStack configuration in the meantime.',
    'Read the configuration again and repeat your change on its newest revision.',
  ),
  CLOUDSTACK_CREDENTIALS_LOST: row(
    500,
    'after-operator',
    'The stored CloudStack credentials cannot be read or written.',
    'Check the secrets directory of the OMA; save the configuration with API key and secret key again.',
  ),
  CLOUDSTACK_CERTIFICATE_MISMATCH: row(
    502,
    'after-operator',
    'The certificate of CloudStack is not the one that was confirmed.',
    'Find out why it changed; save the configuration with the new thumbprint only when you know.',
  ),
  CLOUDSTACK_UNREACHABLE: row(
    502,
    'after-delay',
    'CloudStack does not answer.',
    'Check the API address and the network to the management server.',
  ),
  CLOUDSTACK_BUSY: row(
    503,
    'after-delay',
    'CloudStack limits how often it may be called.',
    'Nothing to do: the calls go on later. If it repeats, raise the limit of this account in CloudStack.',
  ),
  CLOUDSTACK_REFUSED: row(
    502,
    'after-operator',
    'CloudStack refused the API key or the signature.',
    'Store the right API key and secret key on the OMA, and compare the clocks.',
  ),
  CLOUDSTACK_NOT_PERMITTED: row(
    502,
    'after-operator',
    'The role of the API key may not call a command of CloudStack.',
    'Allow the command named in the message in the role of this account.',
  ),
  CLOUDSTACK_LIMIT_REACHED: row(
    507,
    'after-operator',
    'The account has reached a resource limit of CloudStack.',
    'Raise the limit named in the message, or remove what is not needed.',
  ),
  CLOUDSTACK_NO_CAPACITY: row(
    507,
    'after-delay',
    'CloudStack has no capacity for this now.',
    'Make room on the storage or the hosts of the zone; it is tried again.',
  ),
  CLOUDSTACK_FAULT: row(
    502,
    'after-operator',
    'CloudStack reported an error.',
    'Read the error text in the message; look at the events in CloudStack.',
  ),
  CLOUDSTACK_INTERNAL: row(
    502,
    'after-delay',
    'CloudStack met an internal error.',
    'Read the error text in the message; look at the log of the management server.',
  ),
  CLOUDSTACK_JOB_UNFINISHED: row(
    504,
    'after-delay',
    'A job of CloudStack did not end in time.',
    'Look at the job in CloudStack; the same job is waited for again, nothing is started twice.',
  ),
  CLOUDSTACK_AMBIGUOUS: row(
    409,
    'after-operator',
    'CloudStack has two objects where there may be one, so none was used.',
    'Compare the objects named in the message in CloudStack and remove the one that is not needed.',
  ),
  CLOUDSTACK_PROTOCOL: row(
    502,
    'never',
    'CloudStack sent an answer that could not be understood.',
    'Send the log lines of this pass to support.',
  ),
} as const satisfies Record<string, ErrorRow>
