import { randomUUID } from 'node:crypto'
import { chainOf } from '../../domain/points.js'
import { type DiskKey, type JobId, type PointId } from '../../domain/ids.js'
import { type Bytes } from '../../domain/units.js'
import { AppError } from '../../errors.js'
import { type TargetVolumes } from '../deps.js'
import { type OpenedPoint, type PointDaemon, type PointStore } from './deps.js'

export interface PointDisksDeps {
  readonly points: Pick<PointStore, 'journal' | 'jobOf'>
  readonly daemon: PointDaemon
  readonly target: Pick<TargetVolumes, 'ensureAttached'>
}

export interface OpenedDisks {
  readonly id: string
  readonly pointId: PointId
  readonly leaseUntil: Date
  readonly disks: readonly (Pick<OpenedPoint, 'socket' | 'exportName'> & {
    readonly diskKey: DiskKey
    readonly sizeBytes: Bytes
  })[]
}

/**
 * Serves all disks of a point, read only. They stay what they are while passes are applied beneath. The lease is kept by the
 * volume daemon: it ends whatever becomes of this process.
 */
export async function openPointDisks(
  { points, daemon, target }: PointDisksDeps,
  pointId: PointId,
  leaseSeconds: number,
  signal: AbortSignal,
): Promise<OpenedDisks> {
  const job: JobId = await points.jobOf(pointId)
  const journal = await points.journal(job)
  const point = journal.points.find(one => one.id === pointId)
  if (point === undefined) throw new AppError('POINT_UNUSABLE', `recovery point ${pointId}`)
  const expected = chainOf(point.position, journal.layers).map(layer => layer.id)
  const exportId = randomUUID()
  const opened = []
  try {
    for (const { diskKey, volumeId, sizeBytes } of point.disks) {
      await target.ensureAttached(volumeId, signal)
      const place = { position: point.position, expected, sizeBytes }
      const one = await daemon.open(volumeId, { exportId, pointId, leaseSeconds, ...place }, signal)
      opened.push({ diskKey, sizeBytes, ...one })
    }
  } catch (error) {
    await closePointDisks(daemon, exportId, signal)
    throw error
  }
  const [first, ...others] = opened.map(one => one.leaseUntil.getTime())
  if (first === undefined) throw new AppError('POINT_UNUSABLE', `recovery point ${pointId} has no disk`)
  return { id: exportId, pointId, leaseUntil: new Date(Math.min(first, ...others)), disks: opened }
}

export async function closePointDisks(
  daemon: Pick<PointDaemon, 'exports' | 'close'>,
  exportId: string,
  signal: AbortSignal,
): Promise<void> {
  for (const one of await daemon.exports(signal))
    if (one.exportId === exportId) await daemon.close(one.volumeSerial, exportId, signal)
}
