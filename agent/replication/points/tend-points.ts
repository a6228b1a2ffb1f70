import { serialOfVolume, type JobId } from '../../domain/ids.js'
import { chainOf, needlessLayers, outlived, type Departure } from '../../domain/points.js'
import { type Logger } from '../../log/logger.js'
import { type KeptLayer, type PointDaemon, type PointStore, type RecordedWriting } from './deps.js'
import { keptPoints } from './kept-points.js'

export interface TendDeps {
  readonly points: PointStore
  readonly daemon: PointDaemon
  readonly logger: Logger
}

const reasons = {
  count: 'the job keeps no more points',
  age: 'it is older than the job keeps points',
  room: 'its undo made room for that of newer points',
} as const satisfies Record<Departure['why'], string>

/** Lets go what the policy of a job no longer keeps. */
export async function tendJob(deps: TendDeps, job: JobId, now: Date, signal: AbortSignal): Promise<void> {
  const { points, daemon, logger } = deps
  const journal = await points.journal(job)
  const isWhole = journal.points.some(point => point.state === 'on-volume')
  const kept = keptPoints(journal, await daemon.exports(signal))
  const departures = outlived(kept, journal.policy, now, isWhole)
  if (departures.length > 0) {
    await points.leave(departures.map(({ id, why }) => ({ id, state: 'expired', why: reasons[why] })))
    logger.info({ job, points: departures.map(one => one.id) }, 'points expired')
  }
  await dropNeedless(deps, job, signal)
}

/** Frees undo that no point is read through. A crash in between leaves files that the next tendAll() finds. */
export async function dropNeedless(
  { points, daemon }: Omit<TendDeps, 'logger'>,
  job: JobId,
  signal: AbortSignal,
): Promise<void> {
  const journal = await points.journal(job)
  const positions = journal.points.map(point => point.position)
  const needless = needlessLayers(positions, journal.layers)
  if (needless.length === 0) return
  await points.dropLayers(needless.map(layer => layer.id))
  for (const layer of needless)
    for (const { volumeId } of layer.volumes) await daemon.remove(serialOfVolume(volumeId), layer, signal)
}

/**
 * Compares what is recorded with the files of undo, and tends every job. Points whose undo is not there are lost. Files are
 * removed only where this database knows their writing and needs it no more; one that nobody knows belongs to another database.
 */
export async function tendAll(deps: TendDeps, now: Date, signal: AbortSignal): Promise<void> {
  const { points, daemon, logger } = deps
  // What is recorded is read after the files: each layer has its record before it has a file.
  const { layers } = await daemon.undo(signal)
  const writings = await points.writings()
  for (const file of layers) {
    const fields = { ...file, bytes: file.bytes.toString() }
    const known = writings.find(one => one.id === file.layer)
    if (known === undefined) logger.warn(fields, 'undo of a writing nobody knows')
    else if (isNeedless(known)) {
      await daemon.remove(file.volumeSerial, known, signal)
      logger.info(fields, 'left undo removed')
    }
  }
  for (const job of new Set(writings.flatMap(one => one.jobId ?? []))) {
    await losePoints(deps, job, signal)
    await tendJob(deps, job, now, signal)
  }
}

const isNeedless = ({ state, jobId }: RecordedWriting): boolean =>
  jobId === null || state === 'gone' || state === 'none'

/** Undo that was recorded before the files were listed, and still is afterwards, has to be among them. */
async function losePoints(
  { points, daemon, logger }: TendDeps,
  job: JobId,
  signal: AbortSignal,
): Promise<void> {
  const before = await points.journal(job)
  const { layers: files } = await daemon.undo(signal)
  const journal = await points.journal(job)
  const isThere = (layer: KeptLayer): boolean =>
    layer.volumes.every(({ volumeId }) =>
      files.some(file => file.layer === layer.id && file.volumeSerial === serialOfVolume(volumeId)),
    )
  const missing = before.layers.filter(
    layer => !isThere(layer) && journal.layers.some(one => one.id === layer.id),
  )
  const lost = journal.points.filter(point => chainOf(point.position, missing).length > 0)
  if (lost.length === 0) return
  const why = `undo of writing ${missing.map(layer => layer.seq).join(', ')} is not there any more`
  await points.leave(lost.map(({ id }) => ({ id, state: 'lost', why })))
  logger.error({ job, points: lost.map(point => point.id), why }, 'recovery points are lost')
}
