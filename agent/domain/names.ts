import {
  isUuid,
  passId,
  type DiskKey,
  type JobId,
  type OperationId,
  type PassId,
  type VerificationId,
} from './ids.js'

const passPrefix = 'ossea-pass-'

/**
 * The snapshot of a pass or of a verification. It carries the id, so a repeated step finds its own and never touches a
 * foreign one.
 */
export const snapshotNameOf = (pass: PassId | VerificationId): string => `${passPrefix}${pass}`

/** The pass whose snapshot has this name; undefined for every name a pass never gives. */
export function passOfSnapshotName(name: string): PassId | undefined {
  const id = name.startsWith(passPrefix) ? name.slice(passPrefix.length) : ''
  return isUuid(id) ? passId(id) : undefined
}

/** The CloudStack name of the volume that a job makes for one disk. */
export const volumeNameOf = (job: JobId, disk: DiskKey): string => `ossea-${job}-disk-${disk}`

/** The CloudStack name of a volume that an operation makes; `label` is what the operator calls it. */
export const operationVolumeName = (operation: OperationId, label: string | null): string =>
  label === null ? `ossea-${operation}` : `ossea-${label}-${operation}`

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const setSnapshot = new RegExp(`^ossea-set-(${uuid})-${uuid}$`)

/** The set whose snapshot of a volume has this name; undefined for every name no set gives. */
export const setOfSnapshotName = (name: string): string | undefined => setSnapshot.exec(name)?.[1]

const jobVolume = new RegExp(`^ossea-(${uuid})-disk-[0-9]+$`)
const operationVolume = new RegExp(`^ossea-(?:[A-Za-z0-9-]+-)?(${uuid})$`)

/** The job or the operation that gives a volume this name; undefined for every name neither gives. */
export function makerOfVolumeName(name: string): string | undefined {
  return jobVolume.exec(name)?.[1] ?? operationVolume.exec(name)?.[1]
}
