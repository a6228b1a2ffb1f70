import { type DiskCounters, type TaskInput, type TaskResult } from '../../api/worker.js'
import { changeId, diskKey, sourceVmId } from '../../domain/ids.js'
import { type Extent } from '../../domain/extent.js'
import { AppError } from '../../errors.js'
import { moveDisk, planDisk, type DiskPlan } from '../../nbd/move-disk.js'
import { type DiskReader, type DiskReaders, type FrozenDisk, type SourceVsphere } from '../deps.js'
import { inParallel } from '../in-parallel.js'
import { CopyProgress } from './copy-progress.js'

export interface CopyDeps {
  readonly vsphere: SourceVsphere
  readonly readers: DiskReaders
  /** How many disks of one VM move at the same time. */
  readonly disksAtOnce: number
}

type Order = TaskInput<'copy-disks'>['disks'][number]

interface Prepared {
  readonly order: Order
  readonly reader: DiskReader
  readonly plan: DiskPlan
}

/**
 * Moves the disks of one snapshot. Everything is planned before the first byte moves, so that the whole amount is known.
 * The first failure stops the other disks; when this settles, no reader runs and no connection is open.
 */
export async function copyDisks(
  deps: CopyDeps,
  task: TaskInput<'copy-disks'>,
  signal: AbortSignal,
  onProgress: (disks: readonly DiskCounters[]) => void,
): Promise<TaskResult<'copy-disks'>> {
  const { vsphere, readers, disksAtOnce } = deps
  const { moref } = await vsphere.describeVm(sourceVmId(task.sourceVmId), signal)
  const snapshot = await vsphere.findSnapshot(moref, task.snapshotName, signal)
  if (snapshot === undefined)
    throw new AppError('SOURCE_SNAPSHOT_GONE', `VM ${task.sourceVmId} has no snapshot ${task.snapshotName}`)
  const progress = new CopyProgress(onProgress)
  const open: DiskReader[] = []
  try {
    const prepared = await inParallel(
      task.disks,
      disksAtOnce,
      signal,
      async (order, signal): Promise<Prepared> => {
        const frozen = frozenDisk(snapshot.disks, order, task.snapshotName)
        const changed = await changedSince(
          vsphere,
          { moref, snapshotMoref: snapshot.snapshotMoref },
          order,
          frozen,
          signal,
        )
        const reader = await readers.open(
          {
            vmMoref: moref,
            snapshotMoref: snapshot.snapshotMoref,
            diskKey: frozen.key,
            fileName: frozen.fileName,
          },
          signal,
        )
        open.push(reader)
        const source = { kind: 'unix', path: reader.socketPath, exportName: '' } as const
        const extents = changed.kind === 'extents' ? changed.extents : undefined
        const plan = await withComplaint(reader, () => planDisk(order.diskKey, source, extents, signal))
        if (plan.capacityBytes !== frozen.capacityBytes) {
          throw new AppError(
            'SOURCE_READ_FAILED',
            `disk ${order.diskKey}: the reader serves ${plan.capacityBytes} bytes, the snapshot has ${frozen.capacityBytes}`,
          )
        }
        progress.planned(order.diskKey, plan, changed.kind === 'unknown' ? [changed.why] : [])
        return { order, reader, plan }
      },
    )
    const flushed = await inParallel(
      prepared,
      disksAtOnce,
      signal,
      async ({ order, reader, plan }, signal) => {
        const source = { kind: 'unix', path: reader.socketPath, exportName: '' } as const
        const target = { kind: 'unix', path: order.exportSocket, exportName: order.exportName } as const
        const moved = await withComplaint(reader, () =>
          moveDisk(order.diskKey, { source, target }, plan, signal, counters =>
            progress.moved(order.diskKey, counters),
          ),
        )
        progress.ended(order.diskKey, moved)
        return { diskKey: order.diskKey, flushed: moved.flushed }
      },
    )
    const counters = progress.disks()
    return {
      disks: flushed.map(disk => {
        const own = counters.find(candidate => candidate.diskKey === disk.diskKey)
        if (own === undefined) throw new Error(`disk ${disk.diskKey} moved without a plan`)
        return { ...own, flushed: disk.flushed }
      }),
    }
  } finally {
    await Promise.all(open.map(reader => reader.close()))
  }
}

function frozenDisk(disks: readonly FrozenDisk[], order: Order, snapshotName: string): FrozenDisk {
  const frozen = disks.find(disk => disk.key === order.diskKey)
  if (frozen === undefined)
    throw new AppError('JOB_DISKS_CHANGED', `snapshot ${snapshotName} has no disk ${order.diskKey}`)
  return frozen
}

type Changed =
  | { readonly kind: 'everything' }
  | { readonly kind: 'extents'; readonly extents: readonly Extent[] }
  /** A change ID exists and cannot be used: everything is moved, and said so. */
  | { readonly kind: 'unknown'; readonly why: string }

async function changedSince(
  vsphere: SourceVsphere,
  at: { readonly moref: string; readonly snapshotMoref: string },
  order: Order,
  frozen: FrozenDisk,
  signal: AbortSignal,
): Promise<Changed> {
  if (order.previousChangeId === null) return { kind: 'everything' }
  try {
    const extents = await vsphere.changedAreas(
      {
        ...at,
        deviceKey: diskKey(order.diskKey),
        changeId: changeId(order.previousChangeId),
        capacityBytes: frozen.capacityBytes,
      },
      signal,
    )
    return { kind: 'extents', extents }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CBT_UNAVAILABLE') throw error
    return {
      kind: 'unknown',
      why: `changed-block tracking could not be used, so everything was moved: ${error.message}`,
    }
  }
}

/** A reader that failed says more on its standard error than NBD can carry. */
async function withComplaint<T>(reader: DiskReader, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SOURCE_READ_FAILED') throw error
    await reader.close()
    const complaint = reader.complaint()
    throw complaint === '' ? error : new AppError(error.code, `${error.message} (${complaint})`, error)
  }
}
