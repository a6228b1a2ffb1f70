import { type TaskInput, type TaskResult, type VerifiedDisk } from '../../api/worker.js'
import { coalesce, subtract, totalLength, type Extent } from '../../domain/extent.js'
import { changeId, diskKey } from '../../domain/ids.js'
import { KIB } from '../../domain/units.js'
import { AppError } from '../../errors.js'
import { verifyDisk } from '../../nbd/verify-disk.js'
import { type FrozenDisk, type SourceVsphere } from '../deps.js'
import { inParallel } from '../in-parallel.js'
import { type CopyDeps } from './copy-disks.js'
import { findFrozen, frozenDisk, isDoubt, whileOpen, type FoundVm } from './frozen-vm.js'

type Order = TaskInput<'verify-disks'>['disks'][number]

/** What a pass rounds its changes to: a broken one may have written as much around them. */
const grainBytes = 64n * KIB

/**
 * Compares the disks of a snapshot with their volumes, as far as they did not change since the recovery point. Where that
 * cannot be told the disk's result is unknown. Writes nothing.
 */
export async function verifyDisks(
  { vsphere, readers, disksAtOnce }: CopyDeps,
  task: TaskInput<'verify-disks'>,
  signal: AbortSignal,
): Promise<TaskResult<'verify-disks'>> {
  const found = await findFrozen(vsphere, task, signal)
  const { algorithm, blockBytes } = task
  const bytesPerSecond = task.bytesPerSecond === null ? undefined : BigInt(task.bytesPerSecond)
  const verify = async (order: Order, signal: AbortSignal): Promise<VerifiedDisk> => {
    const frozen = frozenDisk(found, order.diskKey)
    const unchanged = await unchangedSince(vsphere, found, order, frozen, signal)
    if ('why' in unchanged) return { kind: 'unknown', diskKey: order.diskKey, why: unchanged.why }
    const { moref: vmMoref, host, snapshotMoref } = found
    const at = { vmMoref, host, snapshotMoref, diskKey: frozen.key, fileName: frozen.fileName }
    const target = { kind: 'unix', path: order.exportSocket, exportName: order.exportName } as const
    const settings = { algorithm, blockBytes, bytesPerSecond }
    const result = await whileOpen(readers, at, signal, source =>
      verifyDisk(order.diskKey, { source, target }, unchanged.extents, settings, signal),
    )
    return {
      kind: 'compared',
      diskKey: order.diskKey,
      blocks: result.blocks,
      differingBlocks: result.differingBlocks,
      firstDifference: result.firstDifference?.toString() ?? null,
      comparedBytes: result.comparedBytes.toString(),
      leftOutBytes: unchanged.leftOutBytes.toString(),
      sourceReadBytes: result.sourceReadBytes.toString(),
      targetReadBytes: result.targetReadBytes.toString(),
    }
  }
  const atOnce = bytesPerSecond === undefined ? disksAtOnce : 1
  return { disks: [...(await inParallel(task.disks, atOnce, signal, verify))] }
}

async function unchangedSince(
  vsphere: SourceVsphere,
  { moref, snapshotMoref }: FoundVm,
  order: Order,
  { capacityBytes }: FrozenDisk,
  signal: AbortSignal,
): Promise<
  { readonly extents: readonly Extent[]; readonly leftOutBytes: bigint } | { readonly why: string }
> {
  if (order.since === null) return { why: 'the recovery point has no change ID of this disk' }
  const from = BigInt(order.fromBytes)
  const until = BigInt(order.untilBytes)
  try {
    const query = {
      moref,
      snapshotMoref,
      deviceKey: diskKey(order.diskKey),
      changeId: changeId(order.since),
      capacityBytes,
    }
    const areas = await vsphere.changedAreas(query, signal)
    const window = { offset: from, length: (until < capacityBytes ? until : capacityBytes) - from }
    const extents = subtract(window, coalesce(areas, grainBytes, capacityBytes))
    return { extents, leftOutBytes: window.length - totalLength(extents) }
  } catch (error) {
    if (!(error instanceof AppError) || !isDoubt(error)) throw error
    return { why: error.message }
  }
}
