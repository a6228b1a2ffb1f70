import { type JobId, type VerificationId } from '../../domain/ids.js'
import { snapshotNameOf } from '../../domain/names.js'
import { type Json } from '../../domain/json.js'
import { AppError } from '../../errors.js'
import { type Logger } from '../../log/logger.js'
import { type SagaDefinition, type Step, type StepContext } from '../../saga/step.js'
import { type Exports, type PassStore, type SourceSite, type TargetVolumes } from '../deps.js'
import { closeAll, openAll, type Opened } from '../pass/open-exports.js'
import { type VerificationStore, type VerifiedDisk } from './deps.js'
import { verifiedFromText } from './verified-text.js'

export interface VerifyDeps {
  readonly store: Pick<PassStore, 'job' | 'nextFence'>
  readonly verifications: VerificationStore
  readonly source: SourceSite
  readonly target: Pick<TargetVolumes, 'ensureAttached'>
  readonly exports: Exports
  readonly logger: Logger
}

export type VerifyInput = { readonly verificationId: VerificationId; readonly jobId: JobId }
type VerifyStep<Output extends Json> = Step<VerifyDeps, VerifyInput, Output>
type VerifyContext = StepContext<VerifyDeps, VerifyInput>

const begin: VerifyStep<null> = {
  name: 'begin',
  title: 'Record the intent',
  run: () => Promise.resolve(null),
  undo: ({ verifications }, { input, failure }) =>
    verifications.fail(
      input.verificationId,
      failure ?? { code: 'INTERNAL_BUG', message: 'the verification was undone without a failure' },
    ),
}

/** The source at rest for as long as it is read. The guest is not asked for anything: no recovery point comes of it. */
const takeSnapshot: VerifyStep<{ readonly untracked: string | null }> = {
  name: 'take-snapshot',
  title: 'Take one snapshot of all disks',
  run: async ({ store, source }, context) => {
    const { sourceVmId } = await store.job(context.input.jobId)
    const request = { name: snapshotNameOf(context.input.verificationId), quiesce: 'off' } as const
    const owner = `${context.sagaId}/snapshot`
    const { fullReason } = await source.snapshot(owner, sourceVmId, request, context.signal)
    return { untracked: fullReason }
  },
  undo: removeOwnSnapshot,
}

const openExports: VerifyStep<Opened> = {
  name: 'open-exports',
  title: 'Prove and export the target volumes',
  run: async (deps, context) => {
    // A volume that was idle for long may have been detached to make place for others.
    for (const { volumeId } of (await deps.store.job(context.input.jobId)).disks)
      if (volumeId !== null) await deps.target.ensureAttached(volumeId, context.signal)
    return openAll(deps, context)
  },
  undo: async (deps, context) => {
    for (const failure of await closeAll(deps, context))
      deps.logger.warn({ verification: context.input.verificationId, err: failure }, 'a volume has lost data')
  },
}

/** Both sides are hashed and compared, as far as the source did not change since the recovery point. */
const compare: VerifyStep<{ readonly disks: Json }> = {
  name: 'compare',
  title: 'Hash both sides and compare',
  run: async ({ store, source, verifications }, context) => {
    const { jobId, verificationId } = context.input
    const { untracked } = context.outputOf(takeSnapshot)
    const { exports } = context.outputOf(openExports)
    const job = await store.job(jobId)
    const { settings, windows } = await verifications.plan(verificationId)
    const disks = windows.map(window => {
      const disk = job.disks.find(candidate => candidate.diskKey === window.diskKey)
      const opened = exports.find(candidate => candidate.diskKey === window.diskKey)
      if (disk === undefined || opened === undefined)
        throw new AppError('JOB_DISKS_CHANGED', `job ${jobId} has no disk ${window.diskKey} any more`)
      return {
        ...window,
        since: untracked === null ? disk.changeId : null,
        exportSocket: opened.socket,
        exportName: opened.exportName,
      }
    })
    const order = { vm: job.sourceVmId, snapshotName: snapshotNameOf(verificationId), settings, disks }
    const found = await source.verify(`${context.sagaId}/compare`, order, context.signal)
    return { disks: found.map(asText) }
  },
}

const closeExports: VerifyStep<null> = {
  name: 'close-exports',
  title: 'Close the exports',
  run: async (deps, context) => {
    const [failure] = await closeAll(deps, context)
    if (failure !== undefined) throw failure
    return null
  },
}

const record: VerifyStep<null> = {
  name: 'record',
  title: 'Keep the evidence',
  run: async ({ verifications, logger }, context) => {
    const { verificationId, jobId } = context.input
    const disks = verifiedFromText(context.outputOf(compare))
    await verifications.record(verificationId, disks)
    const differing = disks.filter(disk => disk.kind === 'compared' && disk.differingBlocks > 0).length
    const fields = { job: jobId, verification: verificationId, disks: disks.length, differing }
    if (differing > 0) logger.error(fields, 'volumes differ from their source')
    else logger.info(fields, 'verification ended')
    return null
  },
}

const removeSnapshot: VerifyStep<null> = {
  name: 'remove-snapshot',
  title: 'Remove the snapshot and confirm consolidation',
  run: async (deps, context) => {
    await removeOwnSnapshot(deps, context)
    return null
  },
}

/** A VM that vCenter no longer has took its snapshot with it; should it come back, the reaper finds the snapshot. */
async function removeOwnSnapshot(
  { store, source, logger }: VerifyDeps,
  { input, sagaId, signal }: VerifyContext,
): Promise<void> {
  const { sourceVmId } = await store.job(input.jobId)
  const name = snapshotNameOf(input.verificationId)
  try {
    await source.removeSnapshot(`${sagaId}/remove-snapshot`, sourceVmId, name, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SOURCE_VM_UNKNOWN') throw error
    logger.warn(
      { verification: input.verificationId, vm: sourceVmId, err: error },
      'a snapshot went with its VM',
    )
  }
}

function asText(disk: VerifiedDisk): Json {
  if (disk.kind === 'unknown') return { ...disk }
  return {
    ...disk,
    firstDifference: disk.firstDifference?.toString() ?? null,
    comparedBytes: disk.comparedBytes.toString(),
    leftOutBytes: disk.leftOutBytes.toString(),
    sourceReadBytes: disk.sourceReadBytes.toString(),
    targetReadBytes: disk.targetReadBytes.toString(),
  }
}

/** Looks whether the volumes of a job are what its recovery point says. Changes neither side. */
export const verifySaga: SagaDefinition<VerifyDeps, VerifyInput> = {
  kind: 'verification',
  steps: [begin, takeSnapshot, openExports, compare, closeExports, record, removeSnapshot],
  commitStep: record.name,
}
