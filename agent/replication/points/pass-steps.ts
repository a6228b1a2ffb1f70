import { layerId } from '../../domain/ids.js'
import { type PassDeps } from '../deps.js'
import { volumesOf } from '../job-volumes.js'
import { stagedPass } from '../pass/choose-way.js'
import { type PassContext, type PassStep } from '../pass/context.js'
import { savePoints } from './save-points.js'
import { tendJob } from './tend-points.js'

/** What a pass writes over the volumes without staging cannot be undone: no older point is told as usable from then on. */
export const giveUpPoints: PassStep<null> = {
  name: 'give-up-points',
  title: 'Give up older points where the volumes are overwritten',
  run: async (deps, context) => {
    if (stagedPass(context) !== undefined) return null
    const { passId, jobId } = context.input
    await deps.points.beginWriting(jobId, layerId(passId), 'pass')
    await giveUp(deps, context, 'lost', 'a later pass wrote the volumes without staging')
    return null
  },
}

/** Before the committed pass overwrites the volumes, what they hold is saved for the points that need it. */
export const keepPoints: PassStep<null> = {
  name: 'keep-points',
  title: 'Save what the pass overwrites',
  run: async (deps, context) => {
    const pass = stagedPass(context)
    if (pass === undefined) return null
    const { jobId } = context.input
    const sealed = await deps.staging.sealed(pass)
    const volumes = volumesOf(await deps.store.job(jobId)).map(({ diskKey, volumeId }) => {
      const disk = sealed.find(one => one.diskKey === diskKey)
      const needBytes = disk === undefined ? 0n : disk.dataBytes + disk.zeroBytes
      return { volumeId, what: { kind: 'pass' as const, pass }, needBytes }
    })
    const outcome = await savePoints(deps, {
      jobId,
      id: layerId(pass),
      kind: 'pass',
      volumes,
      wanted: null,
      fence: () => deps.store.nextFence(context.claim),
      signal: context.signal,
    })
    switch (outcome.kind) {
      case 'saved':
        return null
      case 'given-up':
        await giveUp(deps, context, 'lost', 'a later pass was applied without undo')
        return null
      case 'unsaved': {
        const why = `a later pass was applied without undo: ${outcome.why}`
        if (!outcome.isWish) await deps.store.note(pass, 'points', `no older point is kept: ${outcome.why}`)
        await giveUp(deps, context, outcome.isWish ? 'expired' : 'lost', why)
        return null
      }
    }
  },
}

/** The committed point is on its volumes; what the policy no longer keeps goes. */
export const settlePoints: PassStep<null> = {
  name: 'settle-points',
  title: 'Let go points that are not kept any more',
  run: async (deps, context) => {
    const { passId, jobId } = context.input
    await deps.points.passWritten(passId)
    await tendJob(deps, jobId, deps.now(), context.signal)
    return null
  },
}

/** The record goes first: a point is never told as usable while its undo is being removed. */
async function giveUp(
  { points, daemon, store, logger }: PassDeps,
  { input, claim, signal }: PassContext,
  state: 'expired' | 'lost',
  why: string,
): Promise<void> {
  const { passId, jobId } = input
  const given = await points.giveUpPoints(layerId(passId), state, why)
  if (given > 0) {
    const fields = { job: jobId, pass: passId, points: given, why }
    if (state === 'lost') logger.error(fields, 'recovery points are given up')
    else logger.info(fields, 'recovery points expired')
  }
  const fence = await store.nextFence(claim)
  for (const { volumeId } of volumesOf(await store.job(jobId))) await daemon.forget(volumeId, fence, signal)
}
