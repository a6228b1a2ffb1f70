import { cloudstackErrors } from './errors/cloudstack.js'
import { pointErrors } from './errors/points.js'
import { failoverErrors } from './errors/failover.js'
import { row, type ErrorRow } from './errors/row.js'
import { sourceErrors } from './errors/source.js'

/** Every error an operator can meet: one row per code. */
export const errorTable = {
  CONFIG_INVALID: row(
    500,
    'after-operator',
    'The configuration file is not valid.',
    'Correct the key named in the message and start again.',
  ),
  ALREADY_RUNNING: row(
    500,
    'after-operator',
    'Another process does this work already.',
    'Stop the other process first: two of them would work on the same data.',
  ),
  INTERNAL_BUG: row(
    500,
    'never',
    'The agent met a condition it does not understand.',
    'Send the log lines with this request id to support.',
  ),
  REQUEST_INVALID: row(400, 'never', 'The request is not valid.', 'Correct the field named in the message.'),
  NOT_FOUND: row(404, 'never', 'There is no such object.', 'List the objects and use an id from the list.'),

  STORE_UNAVAILABLE: row(
    503,
    'after-delay',
    'The database does not answer.',
    'Wait for MariaDB to come back; nothing was changed. If it stays down, start it and read its log.',
  ),
  STORE_MIGRATION_FAILED: row(
    500,
    'after-operator',
    'The database schema could not be brought up to date.',
    'Keep the data directory as it is and send the log to support.',
  ),

  JOB_EXISTS: row(409, 'after-operator', 'This VM already has a replication job.', 'Use the existing job.'),
  VM_HAS_JOB: row(
    409,
    'after-operator',
    'The VM has a replication job, so it stays in management.',
    'Keep the VM in management for as long as it has a replication job.',
  ),
  REMOVAL_PLAN_CHANGED: row(
    409,
    'after-operator',
    'What would go with the VM changed after it was shown.',
    'Look at the plan again, and confirm it as it is now.',
  ),
  JOB_BUSY: row(
    409,
    'after-delay',
    'A pass, a verification, a restore or a failover of this job has not ended yet.',
    'Wait for it to end, or cancel it; then ask again.',
  ),
  JOB_PAUSED: row(
    409,
    'after-operator',
    'The job is paused, so it starts no pass.',
    'Resume the job; a pass that waits goes on, or start one then.',
  ),
  JOB_STOPPED: row(
    409,
    'after-operator',
    'The job is stopped, so it starts no pass.',
    'Let the job start passes again, then start one.',
  ),
  JOB_NOT_STOPPED: row(
    409,
    'after-operator',
    'A job that may still start passes cannot be deleted.',
    'Stop the job, wait for the end of its pass, and delete it then.',
  ),
  JOB_DISKS_CHANGED: row(
    409,
    'after-operator',
    'The disks of the VM are not the disks this job replicates.',
    'Compare the disks of the VM with those of the job; create a new job for the VM when the change was intended.',
  ),
  JOB_HAS_NO_POINT: row(
    409,
    'after-operator',
    'The job has no recovery point yet.',
    'Start a pass of the job and wait until it is committed.',
  ),
  PASS_CANCELLED: row(
    409,
    'after-operator',
    'An operator cancelled it.',
    'Start it again when you are ready; the next pass moves what a cancelled one left.',
  ),
  COPY_DIFFERS: row(
    500,
    'after-delay',
    'What was written is not what was read of the source, so nothing was committed.',
    'Start the next pass. If it happens again, check the memory of both appliances and the storage of the OMA.',
  ),
  PASS_PROOF_MISSING: row(
    500,
    'after-delay',
    'A disk did not report that everything planned was moved and flushed, so nothing was committed.',
    'Start the next pass; it moves the same areas again.',
  ),

  NAME_TAKEN: row(409, 'after-operator', 'The name is taken.', 'Choose another name.'),
  GROUP_IN_USE: row(
    409,
    'after-operator',
    'A schedule fires the group, so it is not deleted.',
    'Delete the schedule named in the message first.',
  ),

  WORKER_LOST: row(
    503,
    'after-delay',
    'The VMA stopped reporting in the middle of its work.',
    'Start the VMA again and check its link. A copy goes on by itself from what is durable; a pass that failed moves the same areas again when the next one is started.',
  ),
  WORKER_ABSENT: row(
    503,
    'after-delay',
    'No VMA took the work in time.',
    'Start the VMA beside this vCenter and check that it reaches the OMA.',
  ),
  WORKER_LEASE_LAPSED: row(
    409,
    'after-delay',
    'The VMA lost its lease, so its work no longer counts.',
    'Nothing to do: the VMA stops this work and asks for a new lease.',
  ),
  WORKER_VERSION_MISMATCH: row(
    409,
    'after-operator',
    'VMA and OMA are of versions that do not work together, so the VMA gets no work.',
    'Bring VMA and OMA to the same version; nothing was lost, and the next pass goes on from the last recovery point.',
  ),
  OMA_UNREACHABLE: row(
    503,
    'after-delay',
    'The OMA does not answer.',
    'Start the OMA and check that the VMA reaches it; work goes on by itself.',
  ),
  OMA_PROTOCOL: row(
    502,
    'after-operator',
    'The OMA sent an answer that could not be understood.',
    'Bring VMA and OMA to the same version.',
  ),

  ...sourceErrors,

  ...pointErrors,

  SOURCE_READ_FAILED: row(
    502,
    'after-delay',
    'Reading a source disk failed.',
    'Check the ESXi host and the datastore of the VM; then start the next pass.',
  ),
  TARGET_WRITE_FAILED: row(
    502,
    'after-operator',
    'Writing to a target volume failed.',
    'Check the primary storage of the volume named in the message; then start the next pass.',
  ),
  TARGET_READ_FAILED: row(
    502,
    'after-operator',
    'Reading a target volume failed.',
    'Check the primary storage of the volume of the disk named in the message.',
  ),
  TARGET_FLUSH_FAILED: row(
    502,
    'after-operator',
    'A target volume could not confirm that its data is durable.',
    'Check the primary storage of the volume; the pass did not count, start the next one.',
  ),
  TARGET_FULL: row(
    507,
    'after-operator',
    'The storage of a target volume is full.',
    'Make room on the primary storage of the volume named in the message; then start the next pass.',
  ),
  TARGET_VOLUME_TOO_SMALL: row(
    409,
    'after-operator',
    'A target volume is smaller than its source disk.',
    'Choose or create a volume at least as large as the disk named in the message.',
  ),
  STAGING_FULL: row(
    507,
    'after-delay',
    'The staging space of the OMA cannot hold the pass. The volumes are as they were.',
    'Free or add space where the OMA stages passes; or let the job write its volumes directly, which leaves it without a recovery point until that pass is done.',
  ),
  STAGING_MISSING: row(
    500,
    'never',
    'What a committed pass staged is not there any more.',
    'Run a pass: it compares both sides. Until it is done the job has no recovery point.',
  ),
  STAGING_INVALID: row(
    500,
    'never',
    'What a pass staged cannot be used.',
    'Run a pass: it compares both sides where that is needed. Look after the storage of the OMA.',
  ),
  NBD_UNREACHABLE: row(
    502,
    'after-delay',
    'An NBD export could not be opened, or the connection to it was lost.',
    'Start the next pass; if it repeats, read the log of the volume daemon.',
  ),

  VOLUME_UNKNOWN: row(
    404,
    'after-operator',
    'The volume is not attached to this appliance.',
    'Look at the volume in CloudStack: it has to be attached to the OMA.',
  ),
  VOLUME_IDENTITY_MISMATCH: row(
    409,
    'after-operator',
    'A device is not the volume it should be, so it was not opened.',
    'Do not write to it by hand. Compare its serial with the volume id in CloudStack.',
  ),
  VOLUME_BUSY: row(
    409,
    'after-delay',
    'The volume is exported to somebody else.',
    'Wait until the other export ends.',
  ),
  VOLUME_FENCED: row(
    409,
    'after-operator',
    'A newer holder has taken over the volume, so an older one was refused.',
    'Nothing to do when another OMA took over. After an older database was restored, remove the token file of the volume from the state directory of the volume daemon.',
  ),
  VOLUME_FENCE_BROKEN: row(
    500,
    'after-operator',
    'The record of the newest holder of a volume cannot be read or saved, so nothing was opened or closed.',
    'Check the state directory of the volume daemon. Remove the file named in the message only when no other OMA works on the volume.',
  ),
  VOLUMED_UNREACHABLE: row(
    503,
    'after-delay',
    'The volume daemon does not answer.',
    'Start the volume daemon and read its log.',
  ),
  VOLUMED_PROTOCOL: row(
    502,
    'after-operator',
    'The volume daemon sent an answer that could not be understood.',
    'Bring the OMA and its volume daemon to the same version.',
  ),

  NETHELPER_UNREACHABLE: row(
    503,
    'after-delay',
    'The network helper does not answer as it should.',
    'Start the network helper and read its log; a change that waits comes back by itself.',
  ),
  HOST_CHANGE_PENDING: row(
    409,
    'after-operator',
    'A change of the host settings waits for being kept or undone.',
    'Keep or undo it first, or wait until it comes back by itself.',
  ),
  HOST_APPLY_FAILED: row(
    502,
    'after-operator',
    'The host settings could not be applied; the old ones are back.',
    'Read the log of the network helper, correct the settings and apply them again.',
  ),
  HOST_STATE_BROKEN: row(
    500,
    'after-operator',
    'The record of the host settings cannot be read, so nothing was changed.',
    'Look at the file named in the message; remove it only when the running network settings are the right ones.',
  ),

  ...cloudstackErrors,
  ...failoverErrors,
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(errorTable, value)

/**
 * A failure the operator can understand. `message` says what was being attempted on what (ids, sizes) and never repeats
 * the cause; the cause is chained for the log and never sent to a client.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** What is kept of a failure in the step log and shown to the operator: no stack, no cause chain. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
}

/** An unexpected error (a bug) becomes INTERNAL_BUG here; its text goes to the log only. */
export const failureOf = (error: unknown): Failure =>
  error instanceof AppError
    ? { code: error.code, message: error.message }
    : { code: 'INTERNAL_BUG', message: 'an unexpected error; the log has it' }
