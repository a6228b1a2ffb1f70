import { type CopyOrder, type JobDisk } from '../deps.js'
import { AppError } from '../../errors.js'
import { openExports } from './open-exports.js'
import { ownerOf, type PassStep } from './context.js'
import { takeSnapshot } from './take-snapshot.js'

/**
 * The VMA moves the bytes of all disks. A disk with a change ID sends what changed since; without one, everything the source
 * has allocated. Run again after a crash it moves the same areas again: the change IDs it starts from are still the
 * committed ones.
 */
export const copyDisks: PassStep<null> = {
  name: 'copy-disks',
  title: 'Copy and flush all disks',
  run: async ({ source, store, logger }, context) => {
    const { passId, jobId } = context.input
    const job = await store.job(jobId)
    const { exports } = context.outputOf(openExports)
    const taken = context.outputOf(takeSnapshot)
    const disks = job.disks.map(disk => {
      const opened = exports.find(candidate => candidate.diskKey === disk.diskKey)
      if (opened === undefined) throw new Error(`no export was opened for disk ${disk.diskKey}`)
      return {
        diskKey: disk.diskKey,
        ...startOf(disk, job.hasRecoveryPoint, taken.fullReason),
        exportSocket: opened.socket,
        exportName: opened.exportName,
      }
    })
    await store.advance(passId, 'copying')
    const pace = await store.pace(passId)
    const order = { vm: job.sourceVmId, from: taken.from, pace, disks }
    const reports = await source.copy(ownerOf(context, 'copy'), order, context.signal)
    await store.recordCounters(passId, reports)
    for (const disk of job.disks) proveComplete(disk, reports)
    await store.advance(passId, 'flushed')
    logger.info({ job: jobId, pass: passId, disks: reports.length }, 'all disks copied and flushed')
    return null
  },
}

/** A disk that was copied before and is moved whole again always says why. */
function startOf(
  disk: JobDisk,
  wasCopied: boolean,
  gap: string | null,
): Pick<CopyOrder, 'previousChangeId' | 'fullReason'> {
  if (gap !== null) return { previousChangeId: null, fullReason: gap }
  if (disk.changeId !== null) return { previousChangeId: disk.changeId, fullReason: null }
  const fullReason =
    disk.fullReason ?? (wasCopied ? 'the last recovery point has no change ID of this disk' : null)
  return { previousChangeId: null, fullReason }
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
