import { type DiskCounters, type TaskInput, type TaskResult } from '../../api/worker.js'
import { changeId, diskKey } from '../../domain/ids.js'
import { AppError } from '../../errors.js'
import { pageSumFromText } from '../../domain/read-proof.js'
import { disksAtOnce } from '../../domain/pace.js'
import { moveDisk, nothingCarried, type Carried, type MoveCounters } from '../../nbd/move-disk.js'
import { planDisk, type DiskPlan, type Wanted } from '../../nbd/plan-disk.js'
import { type Steer } from '../../nbd/steered-copy.js'
import { type DiskReaders, type FrozenDisk, type ReaderRequest, type SourceVsphere } from '../deps.js'
import { inParallel } from '../in-parallel.js'
import { CopyProgress } from './copy-progress.js'
import { findFrozen, frozenDisk, isDoubt, whileOpen, type FoundVm } from './frozen-vm.js'

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
  readonly carried: Carried
}

/**
 * Moves the disks of one snapshot. Everything is planned before the first byte moves, so that the whole amount is known; a
 * reader is open only while its disk is planned or moves, for each takes a place on its host. A disk goes on at the mark of
 * an earlier try where the same is to be moved. The first failure stops the other disks; when this settles, no reader runs
 * and no connection is open.
 */
export async function copyDisks(
  deps: CopyDeps,
  task: TaskInput<'copy-disks'>,
  signal: AbortSignal,
  onProgress: (disks: readonly DiskCounters[]) => void,
  steer: Steer,
): Promise<TaskResult<'copy-disks'>> {
  const { readers } = deps
  const atOnce = disksAtOnce(task.pace, deps.disksAtOnce)
  const found = await findFrozen(deps.vsphere, task, signal)
  const progress = new CopyProgress(onProgress)
  const prepare = async (order: Order, signal: AbortSignal): Promise<Prepared> => {
    const frozen = frozenDisk(found, order.diskKey)
    const { wanted, why } = await wantedOf(deps.vsphere, found, order, frozen, signal)
    const { moref: vmMoref, host, snapshotMoref } = found
    const at = { vmMoref, host, snapshotMoref, diskKey: frozen.key, fileName: frozen.fileName }
    const { earlier } = order
    const mark =
      earlier === null
        ? null
        : {
            below: BigInt(earlier.durableBelow),
            basis: earlier.basis,
            pageSum: pageSumFromText(earlier.durableSum),
          }
    const identity = JSON.stringify([found.content, frozen.key, frozen.fileName])
    const request = { wanted, identity, mark }
    const plan = await whileOpen(readers, at, signal, source =>
      planDisk(order.diskKey, source, request, signal),
    )
    if (plan.capacityBytes !== frozen.capacityBytes) {
      throw new AppError(
        'SOURCE_READ_FAILED',
        `disk ${order.diskKey}: the reader serves ${plan.capacityBytes} bytes, the disk has ${frozen.capacityBytes}`,
      )
    }
    const carried = carriedFrom(earlier, plan)
    const restarted = earlier !== null && earlier.basis !== plan.basis ? [beganAnew] : []
    progress.planned(order.diskKey, plan, carried, [...why, ...restarted])
    return { order, at, plan, carried }
  }
  const move = async ({ order, at, plan, carried }: Prepared, signal: AbortSignal) => {
    const target = { kind: 'unix', path: order.exportSocket, exportName: order.exportName } as const
    const report = (counters: MoveCounters): void => progress.moved(order.diskKey, counters)
    const moved = await whileOpen(readers, at, signal, source =>
      moveDisk(order.diskKey, { source, target }, plan, carried, signal, report, steer),
    )
    progress.ended(order.diskKey, moved)
    return { diskKey: order.diskKey, flushed: moved.flushed, readProof: moved.readProof }
  }
  const prepared = await inParallel(task.disks, atOnce, signal, prepare)
  const flushed = await inParallel(prepared, atOnce, signal, move)
  const disturbance = await found.afterwards()
  const counters = progress.disks()
  return {
    disks: flushed.map(disk => {
      const own = counters.find(candidate => candidate.diskKey === disk.diskKey)
      if (own === undefined) throw new Error(`disk ${disk.diskKey} moved without a plan`)
      return { ...own, flushed: disk.flushed, readProof: disk.readProof }
    }),
    disturbance,
  }
}

const beganAnew = 'a broken copy was not taken up: what has to be moved was no longer the same'

/** What the earlier try read and this one does not find durable is sent a second time. */
function carriedFrom(earlier: DiskCounters | null, plan: DiskPlan): Carried {
  if (earlier === null) return nothingCarried
  const read = BigInt(earlier.readBytes)
  const lost = read > plan.resumedBytes ? read - plan.resumedBytes : 0n
  return {
    writtenBytes: BigInt(earlier.writtenBytes),
    zeroedBytes: BigInt(earlier.zeroedBytes),
    skippedBytes: BigInt(earlier.skippedBytes),
    sentAgainBytes: BigInt(earlier.sentAgainBytes) + lost,
    retriedRequests: earlier.retriedRequests,
  }
}

/** `why`: what keeps the disk from moving its changes alone, in words. */
async function wantedOf(
  vsphere: SourceVsphere,
  { moref, snapshotMoref }: FoundVm,
  { start, diskKey: key }: Order,
  { capacityBytes }: FrozenDisk,
  signal: AbortSignal,
): Promise<{ readonly wanted: Wanted; readonly why: readonly string[] }> {
  switch (start.kind) {
    case 'full':
      return { wanted: { kind: 'everything' }, why: start.why === null ? [] : [start.why] }
    case 'compare':
      return { wanted: { kind: 'compare', heldBytes: BigInt(start.heldBytes) }, why: [start.why] }
    case 'changes':
      try {
        const since = changeId(start.since)
        const query = { moref, snapshotMoref, deviceKey: diskKey(key), changeId: since, capacityBytes }
        return {
          wanted: { kind: 'changes', areas: await vsphere.changedAreas(query, signal) },
          why: [],
        }
      } catch (error) {
        if (!(error instanceof AppError) || !isDoubt(error)) throw error
        return { wanted: { kind: 'compare', heldBytes: capacityBytes }, why: [error.message] }
      }
  }
}
