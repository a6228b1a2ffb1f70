import { type DiskCounters, type TaskInput, type TaskResult } from '../../api/worker.js'
import { changeId, diskKey, sourceVmId } from '../../domain/ids.js'
import { type Extent } from '../../domain/extent.js'
import { disksAtOnce } from '../../domain/pace.js'
import { AppError } from '../../errors.js'
import { moveDisk, planDisk, type DiskPlan } from '../../nbd/move-disk.js'
import { type Steer } from '../../nbd/steered-copy.js'
import {
  type DiskReader,
  type DiskReaders,
  type FrozenDisk,
  type ReaderRequest,
  type SourceVsphere,
} from '../deps.js'
import { inParallel } from '../in-parallel.js'
import { mustBeUntouched } from '../powered-off.js'
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
  readonly at: ReaderRequest
  readonly plan: DiskPlan
}

/**
 * Moves the disks of one snapshot. Everything is planned before the first byte moves, so that the whole amount is known; a
 * reader is open only while its disk is planned or moves, for each takes a place on its host. The first failure stops the
 * other disks; when this settles, no reader runs and no connection is open.
 */
export async function copyDisks(
  deps: CopyDeps,
  task: TaskInput<'copy-disks'>,
  signal: AbortSignal,
  onProgress: (disks: readonly DiskCounters[]) => void,
  steer: Steer,
): Promise<TaskResult<'copy-disks'>> {
  const { vsphere, readers } = deps
  const atOnce = disksAtOnce(task.pace, deps.disksAtOnce)
  const { moref, host, snapshotMoref, disks, stillHolds } = await findFrozen(vsphere, task, signal)
  const progress = new CopyProgress(onProgress)
  const prepare = async (order: Order, signal: AbortSignal): Promise<Prepared> => {
    const frozen = frozenDisk(disks, order, moref)
    const changed = await changedSince(vsphere, { moref, snapshotMoref }, order, frozen, signal)
    const at = { vmMoref: moref, snapshotMoref, host, diskKey: frozen.key, fileName: frozen.fileName }
    const extents = changed.kind === 'extents' ? changed.extents : undefined
    const plan = await whileOpen(readers, at, signal, source =>
      planDisk(order.diskKey, source, extents, signal),
    )
    if (plan.capacityBytes !== frozen.capacityBytes) {
      throw new AppError(
        'SOURCE_READ_FAILED',
        `disk ${order.diskKey}: the reader serves ${plan.capacityBytes} bytes, the disk has ${frozen.capacityBytes}`,
      )
    }
    progress.planned(order.diskKey, plan, changed.kind === 'extents' ? [] : changed.why)
    return { order, at, plan }
  }
  const move = async ({ order, at, plan }: Prepared, signal: AbortSignal) => {
    const target = { kind: 'unix', path: order.exportSocket, exportName: order.exportName } as const
    const report = (counters: Parameters<CopyProgress['moved']>[1]): void =>
      progress.moved(order.diskKey, counters)
    const moved = await whileOpen(readers, at, signal, source =>
      moveDisk(order.diskKey, { source, target }, plan, signal, report, steer),
    )
    progress.ended(order.diskKey, moved)
    return { diskKey: order.diskKey, flushed: moved.flushed }
  }
  const prepared = await inParallel(task.disks, atOnce, signal, prepare)
  const flushed = await inParallel(prepared, atOnce, signal, move)
  await stillHolds()
  const counters = progress.disks()
  return {
    disks: flushed.map(disk => {
      const own = counters.find(candidate => candidate.diskKey === disk.diskKey)
      if (own === undefined) throw new Error(`disk ${disk.diskKey} moved without a plan`)
      return { ...own, flushed: disk.flushed }
    }),
  }
}

type UnixSource = { readonly kind: 'unix'; readonly path: string; readonly exportName: string }

/** Opens a reader for the work and closes it after. */
async function whileOpen<T>(
  readers: DiskReaders,
  at: ReaderRequest,
  signal: AbortSignal,
  work: (source: UnixSource) => Promise<T>,
): Promise<T> {
  const reader = await readers.open(at, signal)
  try {
    return await withComplaint(reader, () => work({ kind: 'unix', path: reader.socketPath, exportName: '' }))
  } finally {
    await reader.close()
  }
}

interface FoundVm {
  readonly moref: string
  readonly host: string | null
  readonly snapshotMoref: string | null
  readonly disks: readonly FrozenDisk[]
  /** Rejects when what was read meanwhile may not have been at rest. */
  readonly stillHolds: () => Promise<void>
}

async function findFrozen(
  vsphere: SourceVsphere,
  { sourceVmId: id, from }: TaskInput<'copy-disks'>,
  signal: AbortSignal,
): Promise<FoundVm> {
  const vm = await vsphere.describeVm(sourceVmId(id), signal)
  const { moref, host } = vm
  if (from.kind === 'snapshot') {
    const snapshot = await vsphere.findSnapshot(moref, from.name, signal)
    if (snapshot === undefined)
      throw new AppError('SOURCE_SNAPSHOT_GONE', `VM ${id} has no snapshot ${from.name}`)
    const { snapshotMoref, disks } = snapshot
    return { moref, host, snapshotMoref, disks, stillHolds: () => Promise.resolve() }
  }
  mustBeUntouched(vm, from.stateToken)
  return {
    moref,
    host,
    snapshotMoref: null,
    disks: vm.disks.filter(disk => disk.snapshotable),
    stillHolds: async () =>
      mustBeUntouched(await vsphere.describeVm(sourceVmId(id), signal), from.stateToken),
  }
}

function frozenDisk(disks: readonly FrozenDisk[], order: Order, moref: string): FrozenDisk {
  const frozen = disks.find(disk => disk.key === order.diskKey)
  if (frozen === undefined)
    throw new AppError('JOB_DISKS_CHANGED', `no disk ${order.diskKey} of ${moref} is frozen`)
  return frozen
}

type Changed =
  | { readonly kind: 'extents'; readonly extents: readonly Extent[] }
  /** Everything is moved; why, where changes alone were to be expected. */
  | { readonly kind: 'everything'; readonly why: readonly string[] }

async function changedSince(
  vsphere: SourceVsphere,
  at: { readonly moref: string; readonly snapshotMoref: string | null },
  order: Order,
  frozen: FrozenDisk,
  signal: AbortSignal,
): Promise<Changed> {
  if (order.previousChangeId === null)
    return { kind: 'everything', why: order.fullReason === null ? [] : [order.fullReason] }
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
      kind: 'everything',
      why: [`changed-block tracking could not be used, so everything was moved: ${error.message}`],
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
