import { type DiskKey } from './ids.js'
import { type Bytes } from './units.js'

export interface DiskIdentity {
  readonly diskKey: DiskKey
  readonly backingUuid: string
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
    else if (is.backingUuid !== was.backingUuid) changes.push({ kind: 'replaced', diskKey: was.diskKey })
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

export function describeChange(change: DiskSetChange): string {
  switch (change.kind) {
    case 'added':
      return `disk ${change.diskKey} was added`
    case 'removed':
      return `disk ${change.diskKey} was removed`
    case 'replaced':
      return `disk ${change.diskKey} has another backing file`
    case 'resized':
      return `disk ${change.diskKey} grew or shrank from ${change.fromBytes} to ${change.toBytes} bytes`
  }
}
