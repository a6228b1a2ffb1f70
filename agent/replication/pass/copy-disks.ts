import { diskStart } from '../../domain/disk-start.js'
import { AppError, failureOf } from '../../errors.js'
import { type CopyOrder, type CopyReport, type Job, type JobDisk, type PassDeps } from '../deps.js'
import { stagedPass } from './choose-way.js'
import { ownerOf, type PassContext, type PassStep } from './context.js'
import { earlierCopies, verdictOn } from './copy-patience.js'
import { openAll, openExports, type Opened } from './open-exports.js'
import { takeSnapshot } from './take-snapshot.js'

/**
 * The VMA moves the bytes of all disks: what changed since the last recovery point, what differs where nobody can tell what
 * changed, or all of a disk that was never copied. A copy that breaks is tried again while the snapshot stands: on a new
 * lease, through new exports, from the durable marks the VMA reported. Run again after a crash the step finds what goes on
 * and what broke.
 */
export const copyDisks: PassStep<{ readonly disturbance: string | null }> = {
  name: 'copy-disks',
  title: 'Copy and flush all disks',
  run: async (deps, context) => {
    const { store, logger } = deps
    const { passId, jobId } = context.input
    const job = await store.job(jobId)
    await store.advance(passId, 'copying')
    const report = await copyUntilDone(deps, context, job).catch((error: unknown) => {
      throw stagedPass(context) === undefined ? error : asStagingError(error)
    })
    await store.recordCounters(passId, report.disks)
    for (const disk of job.disks) proveComplete(disk, report.disks)
    await store.advance(passId, 'flushed')
    logger.info({ job: jobId, pass: passId, disks: report.disks.length }, 'all disks copied and flushed')
    const { disturbance } = report
    if (disturbance !== null) await store.note(passId, 'disturbed', `the next pass compares: ${disturbance}`)
    return { disturbance }
  },
}

/** A VMA cannot know that what it wrote to was no volume. */
const asStagingError = (error: unknown): unknown =>
  error instanceof AppError && error.code === 'TARGET_FULL'
    ? new AppError('STAGING_FULL', error.message, error)
    : error

async function copyUntilDone(deps: PassDeps, context: PassContext, job: Job): Promise<CopyReport> {
  const { source, store, logger, now, pause, copyPatienceMs } = deps
  const { signal } = context
  const owner = ownerOf(context, 'copy')
  const { from } = context.outputOf(takeSnapshot)
  const pace = await store.pace(context.input.passId)
  for (;;) {
    try {
      const { broken, goesOn } = await source.copyTries(owner)
      const fresh = broken.length > 0 && !goesOn
      const opened = fresh ? await openAll(deps, context, stagedPass(context)) : context.outputOf(openExports)
      const disks = job.disks.map(disk => ({
        ...placeOf(context, disk, opened),
        earlier: earlierCopies(broken).get(disk.diskKey)?.report ?? null,
      }))
      return await source.copy(owner, { vm: job.sourceVmId, from, pace, disks }, signal)
    } catch (error) {
      signal.throwIfAborted()
      const { broken } = await source.copyTries(owner)
      const verdict = verdictOn(error, broken, now(), copyPatienceMs)
      if (verdict.kind === 'give-up') throw error
      const { passId: pass } = context.input
      logger.warn({ pass, tries: broken.length, failure: failureOf(error) }, 'a copy broke and is taken up')
      await pause(verdict.afterMs, signal)
      signal.throwIfAborted()
    }
  }
}

function placeOf(context: PassContext, disk: JobDisk, { exports }: Opened): Omit<CopyOrder, 'earlier'> {
  const opened = exports.find(candidate => candidate.diskKey === disk.diskKey)
  if (opened === undefined) throw new Error(`no export was opened for disk ${disk.diskKey}`)
  return {
    diskKey: disk.diskKey,
    start: diskStart(disk, context.outputOf(takeSnapshot).fullReason),
    exportSocket: opened.socket,
    exportName: opened.exportName,
  }
}

interface Proof {
  readonly diskKey: string
  readonly plannedBytes: bigint
  readonly readBytes: bigint
  readonly flushed: boolean
}

function proveComplete(disk: JobDisk, reports: readonly Proof[]): void {
  const report = reports.find(candidate => candidate.diskKey === disk.diskKey)
  if (report === undefined) throw new AppError('PASS_PROOF_MISSING', `disk ${disk.diskKey} has no report`)
  if (report.readBytes !== report.plannedBytes) {
    throw new AppError(
      'PASS_PROOF_MISSING',
      `disk ${disk.diskKey}: ${report.readBytes} of ${report.plannedBytes} bytes moved`,
    )
  }
  if (!report.flushed)
    throw new AppError('TARGET_FLUSH_FAILED', `the volume of disk ${disk.diskKey} has no flush`)
}
