import { diskStart } from '../../domain/disk-start.js'
import { type JobDisk } from '../deps.js'
import { AppError } from '../../errors.js'
import { openExports } from './open-exports.js'
import { ownerOf, type PassStep } from './context.js'
import { takeSnapshot } from './take-snapshot.js'

/**
 * The VMA moves the bytes of all disks: what changed since the last recovery point, what differs where nobody can tell what
 * changed, or all of a disk that was never copied. Run again after a crash it moves the same areas again: the change IDs it
 * starts from are still the committed ones.
 */
export const copyDisks: PassStep<{ readonly disturbance: string | null }> = {
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
        start: diskStart(disk, taken.fullReason),
        exportSocket: opened.socket,
        exportName: opened.exportName,
      }
    })
    await store.advance(passId, 'copying')
    const order = { vm: job.sourceVmId, from: taken.from, disks }
    const report = await source.copy(ownerOf(context, 'copy'), order, context.signal)
    await store.recordCounters(passId, report.disks)
    for (const disk of job.disks) proveComplete(disk, report.disks)
    await store.advance(passId, 'flushed')
    logger.info({ job: jobId, pass: passId, disks: report.disks.length }, 'all disks copied and flushed')
    const { disturbance } = report
    if (disturbance !== null) await store.note(passId, 'disturbed', `the next pass compares: ${disturbance}`)
    return { disturbance }
  },
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
