import { type VolumeId } from '../../domain/ids.js'
import { type Bytes } from '../../domain/units.js'
import { AppError } from '../../errors.js'
import { type PassDeps } from '../deps.js'
import { volumesOf } from '../job-volumes.js'
import { type StagedStanding, type StoredSeal } from '../staging-deps.js'
import { stagedPass } from './choose-way.js'
import { type PassContext, type PassStep } from './context.js'

const lookMs = 200

/**
 * The volumes become the recovery point. Done once more after a crash anywhere. A disk whose staging cannot be used is
 * compared by the next pass, and the job has no recovery point until then.
 */
export const applyStaged: PassStep<null> = {
  name: 'apply-staged',
  title: 'Apply the committed pass to the volumes',
  run: async (deps, context) => {
    const { store, staging, logger } = deps
    const { passId, jobId } = context.input
    if (stagedPass(context) !== undefined) {
      const sealed = await staging.sealed(passId)
      const job = await store.job(jobId)
      for (const { diskKey, volumeId } of volumesOf(job)) {
        const diskBytes = job.disks.find(known => known.diskKey === diskKey)?.capacityBytes ?? 0n
        const disk = sealed.find(candidate => candidate.diskKey === diskKey)
        try {
          if (disk === undefined) throw new AppError('STAGING_MISSING', `disk ${diskKey} was never sealed`)
          await applyDisk(deps, context, volumeId, disk, diskBytes, sealed)
        } catch (error) {
          if (!isUseless(error)) throw error
          logger.error({ job: jobId, pass: passId, disk: diskKey, err: error }, 'a committed pass is lost')
          await staging.lose(passId, diskKey, `what pass ${passId} staged cannot be used: ${error.message}`)
        }
      }
    }
    await store.advance(passId, 'applied')
    logger.info({ job: jobId, pass: passId }, 'the volumes are as committed')
    return null
  },
}

export const dropStaging: PassStep<null> = {
  name: 'drop-staging',
  title: 'Drop what was staged',
  run: async (deps, context) => {
    await dropAll(deps, context)
    return null
  },
}

/** Nothing of a staged pass is left afterwards; the volumes are not touched. */
export async function dropAll({ store, staged }: PassDeps, context: PassContext): Promise<void> {
  const pass = stagedPass(context)
  if (pass === undefined) return
  const fence = await store.nextFence(context.claim)
  for (const { volumeId } of volumesOf(await store.job(context.input.jobId)))
    await staged.dropStaged(volumeId, pass, fence, context.signal)
}

async function applyDisk(
  deps: PassDeps,
  context: PassContext,
  volume: VolumeId,
  disk: StoredSeal,
  diskBytes: Bytes,
  all: readonly StoredSeal[],
): Promise<void> {
  const { staged, staging, store, target } = deps
  const { signal, input } = context
  const order = { kind: 'apply', diskBytes, digest: disk.digest } as const
  const before = all.slice(0, all.indexOf(disk)).reduce((sum, one) => sum + one.dataBytes, 0n)
  const apply = async (): Promise<void> => {
    const fence = await store.nextFence(context.claim)
    await untilEnded(deps, context, async () => {
      const standing = await staged.advanceStaged(volume, input.passId, order, fence, signal)
      if (standing.kind === 'running') await staging.recordApplied(input.passId, before + standing.doneBytes)
      return standing
    })
  }
  try {
    await apply()
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'VOLUME_UNKNOWN')) throw error
    // Somebody took it off this appliance since the commit. CloudStack is asked only then: it may be away as well.
    await target.ensureAttached(volume, signal)
    await apply()
  }
  await staging.recordApplied(input.passId, before + disk.dataBytes)
}

/** Asks until the work has ended. */
export async function untilEnded(
  { pause }: PassDeps,
  { signal }: PassContext,
  look: () => Promise<StagedStanding>,
): Promise<Exclude<StagedStanding, { readonly kind: 'running' }>> {
  for (;;) {
    const standing = await look()
    if (standing.kind !== 'running') return standing
    await pause(lookMs, signal)
    signal.throwIfAborted()
  }
}

const isUseless = (error: unknown): error is AppError =>
  error instanceof AppError && (error.code === 'STAGING_MISSING' || error.code === 'STAGING_INVALID')
