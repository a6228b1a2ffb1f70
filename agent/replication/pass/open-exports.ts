import { AppError } from '../../errors.js'
import { type Exports, type PassStore } from '../deps.js'
import { type JobId, type PassId } from '../../domain/ids.js'
import { type SagaClaim } from '../../saga/log.js'
import { stagedPass } from './choose-way.js'
import { type PassStep } from './context.js'
import { dropAll } from './staged-steps.js'

/** Of any saga that works on the volumes of a job. */
interface ExportDeps {
  readonly store: Pick<PassStore, 'job' | 'nextFence'>
  readonly exports: Exports
}

interface ExportContext {
  readonly input: { readonly jobId: JobId }
  readonly claim: SagaClaim
  readonly signal: AbortSignal
}

export type Opened = {
  readonly exports: readonly {
    readonly diskKey: string
    readonly socket: string
    readonly exportName: string
  }[]
}

/** The volume daemon proves each device's identity and serves it under a name nobody used before. */
export const openExports: PassStep<Opened> = {
  name: 'open-exports',
  title: 'Prove and export the target volumes',
  run: (deps, context) => openAll(deps, context, stagedPass(context)),
  undo: async (deps, context) => {
    for (const failure of await closeAll(deps, context)) {
      // Nothing of an undone pass counts: the next one moves the same areas again.
      deps.logger.warn({ pass: context.input.passId, err: failure }, 'undone pass left unflushed data')
    }
    await dropAll(deps, context)
  },
}

/** Ends older exports of the volumes first: whoever wrote through them no longer can. `staged`: nothing reaches the volumes. */
export async function openAll(
  { store, exports }: ExportDeps,
  { input, claim, signal }: ExportContext,
  staged?: PassId,
): Promise<Opened> {
  const job = await store.job(input.jobId)
  const fence = await store.nextFence(claim)
  const opened = []
  for (const disk of job.disks) {
    if (disk.volumeId === null) throw new AppError('VOLUME_UNKNOWN', `disk ${disk.diskKey} has no volume`)
    const { socket, exportName } = await exports.open(
      disk.volumeId,
      disk.capacityBytes,
      fence,
      signal,
      staged,
    )
    opened.push({ diskKey: disk.diskKey, socket, exportName })
  }
  return { exports: opened }
}

/** Before the commit nobody may be able to write any more: what was flushed is what is committed. */
export const closeExports: PassStep<null> = {
  name: 'close-exports',
  title: 'Close the exports',
  run: async (deps, context) => {
    const [failure] = await closeAll(deps, context)
    if (failure !== undefined) throw failure
    return null
  },
}

/**
 * Closes under a token of its own, which also locks out whatever this pass or an older holder still has on its way. Gives
 * the flushes that failed, after every export was ended.
 */
export async function closeAll(
  { store, exports }: ExportDeps,
  { input, claim, signal }: ExportContext,
): Promise<readonly AppError[]> {
  const job = await store.job(input.jobId)
  const fence = await store.nextFence(claim)
  const failed = []
  for (const { volumeId } of job.disks) {
    if (volumeId === null) continue
    try {
      await exports.close(volumeId, fence, signal)
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'TARGET_FLUSH_FAILED')) throw error
      failed.push(error)
    }
  }
  return failed
}
