import { type DiskKey, type VolumeId } from '../../domain/ids.js'
import { areasDigest, compareProofs, wholeDisk, type ReadProof } from '../../domain/read-proof.js'
import { type Bytes } from '../../domain/units.js'
import { AppError } from '../../errors.js'
import { type PassDeps } from '../deps.js'
import { volumesOf } from '../job-volumes.js'
import { type StagedOrder, type StagedStanding, type StoredSeal } from '../staging-deps.js'
import { stagedPass } from './choose-way.js'
import { type PassContext, type PassStep } from './context.js'
import { untilEnded } from './staged-steps.js'

/**
 * What was written is made durable, read back from where it lies and compared with what was read of the source, while it can
 * still be thrown away. Rejects with COPY_DIFFERS; then nothing is committed.
 */
export const verifyStaged: PassStep<null> = {
  name: 'verify-staged',
  title: 'Read back what was written',
  run: async (deps, context) => {
    const { store, staging } = deps
    const { passId, jobId } = context.input
    const job = await store.job(jobId)
    const reads = await staging.read(passId)
    const sealed: StoredSeal[] = []
    const unchecked: DiskKey[] = []
    for (const { diskKey, volumeId } of volumesOf(job)) {
      const diskBytes = job.disks.find(disk => disk.diskKey === diskKey)?.capacityBytes ?? 0n
      const disk = { diskKey, volumeId, diskBytes, read: reads.find(one => one.diskKey === diskKey)?.proof }
      const found = await foundOf(deps, context, disk, sealed)
      const isChecked = compareDisk(diskKey, disk.read ?? null, found)
      if (!isChecked) unchecked.push(diskKey)
      await staging.recordChecked(passId, diskKey, isChecked)
    }
    if (sealed.length > 0) await staging.recordSealed(passId, sealed)
    if (unchecked.length > 0)
      await store.note(
        passId,
        'not-checked',
        `nothing to compare with what was read: ${unchecked.join(', ')}`,
      )
    await store.advance(passId, 'verified')
    return null
  },
}

interface WrittenDisk {
  readonly diskKey: DiskKey
  readonly volumeId: VolumeId
  readonly diskBytes: Bytes
  readonly read: ReadProof | null | undefined
}

/** Null: the pass wrote the volume itself, and only a part of it, so there is nothing that could be compared. */
async function foundOf(
  deps: PassDeps,
  context: PassContext,
  { diskKey, volumeId, diskBytes, read }: WrittenDisk,
  sealed: StoredSeal[],
): Promise<ReadProof | null> {
  const advance = (order: StagedOrder) => ended(deps, context, volumeId, order)
  if (stagedPass(context) !== undefined) {
    const standing = await advance({ kind: 'seal', diskBytes })
    if (standing.kind !== 'sealed') throw new Error(`disk ${diskKey} is ${standing.kind} instead of sealed`)
    const { found, ...seal } = standing.sealed
    sealed.push({ diskKey, ...seal })
    return found
  }
  if (read?.areas !== areasDigest(wholeDisk(diskBytes))) return null
  const standing = await advance({ kind: 'check', diskBytes })
  if (standing.kind !== 'checked') throw new Error(`disk ${diskKey} is ${standing.kind} instead of checked`)
  return standing.found
}

async function ended(
  deps: PassDeps,
  context: PassContext,
  volume: VolumeId,
  order: StagedOrder,
): Promise<Exclude<StagedStanding, { readonly kind: 'running' }>> {
  const fence = await deps.store.nextFence(context.claim)
  return untilEnded(deps, context, () =>
    deps.staged.advanceStaged(volume, context.input.passId, order, fence, context.signal),
  )
}

/** False: the two cannot be compared. */
function compareDisk(disk: DiskKey, read: ReadProof | null, found: ReadProof | null): boolean {
  if (read === null || found === null) return false
  switch (compareProofs(read, found)) {
    case 'same':
      return true
    case 'unknown':
      return false
    case 'different':
      throw new AppError('COPY_DIFFERS', `disk ${disk}: read ${read.sum}, found ${found.sum}`)
  }
}
