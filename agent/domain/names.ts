import { type DiskKey, type JobId, type PassId } from './ids.js'

/** The snapshot of a pass. It carries the pass id, so a repeated step finds its own and never touches a foreign one. */
export const snapshotNameOf = (pass: PassId): string => `ossea-pass-${pass}`

/** The CloudStack name of the volume that a job makes for one disk. */
export const volumeNameOf = (job: JobId, disk: DiskKey): string => `ossea-${job}-disk-${disk}`
