import { type DiskKey } from './ids.js'
import { type Bytes } from './units.js'

export interface DiskIdentity {
  readonly diskKey: DiskKey
  /** Empty where the server gives none. */
  readonly backingUuid: string
  /** The datastore path of the file under all snapshots; a move to another datastore changes it. */
  readonly baseFile: string
  readonly capacityBytes: Bytes
}

export type DiskSetChange =
  | { readonly kind: 'added'; readonly diskKey: DiskKey }
  | { readonly kind: 'removed'; readonly diskKey: DiskKey }
  | { readonly kind: 'replaced'; readonly diskKey: DiskKey }
  | {
      readonly kind: 'resized'
      readonly diskKey: DiskKey
      readonly fromBytes: Bytes
      readonly toBytes: Bytes
    }

/** What differs between the disks a job replicates and the disks the VM has now; empty when they are the same. */
export function diskSetChanges(job: readonly DiskIdentity[], vm: readonly DiskIdentity[]): DiskSetChange[] {
  const byKey = new Map(vm.map(disk => [disk.diskKey, disk]))
  const known = new Set(job.map(disk => disk.diskKey))
  const changes: DiskSetChange[] = []
  for (const was of job) {
    const is = byKey.get(was.diskKey)
    if (is === undefined) changes.push({ kind: 'removed', diskKey: was.diskKey })
    else if (hasUuids(was, is) && is.backingUuid !== was.backingUuid)
      changes.push({ kind: 'replaced', diskKey: was.diskKey })
    else if (is.capacityBytes !== was.capacityBytes) {
      changes.push({
        kind: 'resized',
        diskKey: was.diskKey,
        fromBytes: was.capacityBytes,
        toBytes: is.capacityBytes,
      })
    }
  }
  for (const disk of vm) if (!known.has(disk.diskKey)) changes.push({ kind: 'added', diskKey: disk.diskKey })
  return changes
}

/**
 * Disks whose identity only the UUID of the backing could prove, and a server gave none: with the same file they count as
 * the same disk, with another file nobody can tell, and they have to be copied whole. Gives the reason by disk key.
 */
export function unprovenDisks(
  job: readonly DiskIdentity[],
  vm: readonly DiskIdentity[],
): ReadonlyMap<DiskKey, string> {
  const unproven = new Map<DiskKey, string>()
  for (const was of job) {
    const is = vm.find(disk => disk.diskKey === was.diskKey)
    if (is === undefined || hasUuids(was, is)) continue
    if (was.baseFile === is.baseFile && is.baseFile !== '') continue
    unproven.set(
      was.diskKey,
      `nothing proves that the disk is the one copied before: its backing has no UUID, and its file was ${was.baseFile} and is ${is.baseFile}`,
    )
  }
  return unproven
}

const hasUuids = (one: DiskIdentity, other: DiskIdentity): boolean =>
  one.backingUuid !== '' && other.backingUuid !== ''

/** Growth leaves what was there in its place; a smaller disk has lost something nobody can name. */
export const hasGrown = (change: DiskSetChange): boolean =>
  change.kind === 'resized' && change.toBytes > change.fromBytes

export function describeChange(change: DiskSetChange): string {
  switch (change.kind) {
    case 'added':
      return `disk ${change.diskKey} was added`
    case 'removed':
      return `disk ${change.diskKey} was removed`
    case 'replaced':
      return `disk ${change.diskKey} has another backing file`
    case 'resized':
      return `disk ${change.diskKey} went from ${change.fromBytes} to ${change.toBytes} bytes`
  }
}
