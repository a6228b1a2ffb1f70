import { serialOfVolume } from '../../domain/ids.js'
import { chooseWay, type Way } from '../../domain/staging.js'
import { AppError } from '../../errors.js'
import { type Job, type PassDeps } from '../deps.js'
import { type PassContext, type PassStep } from './context.js'

/**
 * A first pass writes the volumes. Every later one is staged, unless the staging space cannot hold it and the operator said
 * that it may take the recovery point away then; that is recorded before anything is written.
 */
export const chooseWayStep: PassStep<{ readonly way: Way }> = {
  name: 'choose-way',
  title: 'Choose where the pass writes',
  run: async (deps, context) => {
    const { store, staging, staged, logger } = deps
    const { passId, jobId } = context.input
    await dropForgotten(deps, context, await store.job(jobId))
    const { freeBytes } = await staged.staging(context.signal)
    const decision = chooseWay(await staging.standing(jobId, passId), freeBytes)
    if (decision.kind === 'no-room') throw new AppError('STAGING_FULL', decision.why)
    const why = decision.kind === 'direct' ? decision.why : null
    const way = await staging.recordWay(passId, decision.kind, why)
    logger.info(
      { job: jobId, pass: passId, way, freeBytes: freeBytes.toString() },
      'pass knows where to write',
    )
    return { way }
  },
}

/** The pass that is staged in this run; undefined where the volumes are written. */
export const stagedPass = (context: PassContext): PassContext['input']['passId'] | undefined =>
  context.savedOutputOf(chooseWayStep)?.way === 'staged' ? context.input.passId : undefined

/** No saga but this one works on the volumes, so what other passes left there is needed by nobody. */
async function dropForgotten(
  { staged, store, logger }: PassDeps,
  { input, claim, signal }: PassContext,
  job: Job,
): Promise<void> {
  const { overlays } = await staged.staging(signal)
  for (const { volumeId } of job.disks) {
    if (volumeId === null) continue
    const serial = serialOfVolume(volumeId)
    for (const left of overlays.filter(one => one.serial === serial && one.pass !== input.passId)) {
      await staged.dropStaged(volumeId, left.pass, await store.nextFence(claim), signal)
      logger.warn({ pass: input.passId, volume: volumeId, of: left.pass }, 'forgotten staging dropped')
    }
  }
}
