import { serialOfVolume, type JobId, type LayerId } from '../../domain/ids.js'
import { chainOf } from '../../domain/points.js'
import { type Json } from '../../domain/json.js'
import { type Bytes } from '../../domain/units.js'
import { AppError } from '../../errors.js'
import { type SagaDefinition, type Step } from '../../saga/step.js'
import { type PassStore, type TargetVolumes } from '../deps.js'
import {
  type Journal,
  type PlaceOnVolume,
  type PointDisk,
  type RestoreOrder,
  type UsablePoint,
} from './deps.js'
import { savePoints, untilDone, type SaveDeps } from './save-points.js'
import { dropNeedless } from './tend-points.js'

export interface RestoreDeps extends SaveDeps {
  readonly store: Pick<PassStore, 'nextFence'>
  readonly target: Pick<TargetVolumes, 'ensureAttached'>
}

/** The restore is a writing of its own, with undo of its own. */
export type RestoreInput = { readonly restoreId: LayerId; readonly jobId: JobId }
type RestoreStep<Output extends Json> = Step<RestoreDeps, RestoreInput, Output>

const begin: RestoreStep<null> = {
  name: 'begin',
  title: 'Record the intent',
  run: async ({ points }, { input }) => {
    const order = await points.restore(input.restoreId)
    wantedPoint(await points.journal(input.jobId), order)
    return null
  },
  undo: ({ points }, { input, failure }) =>
    points.restoreFailed(
      input.restoreId,
      failure ?? { code: 'INTERNAL_BUG', message: 'the restore was undone without a failure' },
    ),
}

const attachVolumes: RestoreStep<null> = {
  name: 'attach-volumes',
  title: 'Attach the volumes to this appliance',
  run: async ({ points, target }, { input, signal }) => {
    const point = wantedPoint(await points.journal(input.jobId), await points.restore(input.restoreId))
    for (const { volumeId } of point.disks) await target.ensureAttached(volumeId, signal)
    return null
  },
}

/** From here on the restore only goes forward: the newer points are kept by its undo, or given up. */
const saveNewer: RestoreStep<{ readonly kept: boolean }> = {
  name: 'save-newer-points',
  title: 'Save what the restore overwrites',
  run: async (deps, context) => {
    const { points, logger } = deps
    const { restoreId, jobId } = context.input
    const order = await points.restore(restoreId)
    const journal = await points.journal(jobId)
    const point = wantedPoint(journal, order)
    const outcome = await savePoints(deps, {
      jobId,
      id: restoreId,
      kind: 'restore',
      volumes: point.disks.map(disk => ({
        volumeId: disk.volumeId,
        what: { kind: 'point', ...placeOf(journal, point, disk) },
        needBytes: layersOf(journal, point, disk),
      })),
      wanted: point.id,
      fence: () => deps.store.nextFence(context.claim),
      signal: context.signal,
    })
    if (outcome.kind !== 'unsaved') return { kept: outcome.kind === 'saved' }
    if (order.newerPoints === 'keep')
      throw new AppError('UNDO_FULL', `keeping the points newer than ${point.id}: ${outcome.why}`)
    const lost = await points.giveUpNewer(
      restoreId,
      point.position,
      `an older point was restored and there was no room to keep this one: ${outcome.why}`,
    )
    logger.error({ job: jobId, restore: restoreId, lost, why: outcome.why }, 'points given up by a restore')
    return { kept: false }
  },
  undo: async ({ points, daemon }, { input, signal }) => {
    await points.abandonWriting(input.restoreId)
    const { layers } = await daemon.undo(signal)
    for (const { volumeSerial, layer, seq } of layers.filter(one => one.layer === input.restoreId))
      await daemon.remove(volumeSerial, { id: layer, seq }, signal)
  },
}

const writeVolumes: RestoreStep<{ readonly bytes: string }> = {
  name: 'write-volumes',
  title: 'Bring the volumes back to the point',
  run: async (deps, context) => {
    const { points, daemon, store, target } = deps
    const { restoreId, jobId } = context.input
    const journal = await points.journal(jobId)
    const point = wantedPoint(journal, await points.restore(restoreId))
    const writing = await points.beginWriting(jobId, restoreId, 'restore')
    const { kept } = context.outputOf(saveNewer)
    let bytes: Bytes = 0n
    for (const disk of point.disks) {
      await target.ensureAttached(disk.volumeId, context.signal)
      const fence = await store.nextFence(context.claim)
      const place = { ...placeOf(journal, point, disk), kept }
      bytes += await untilDone(deps, context.signal, () =>
        daemon.restore(disk.volumeId, writing, place, fence, context.signal),
      )
    }
    return { bytes: bytes.toString() }
  },
}

const finish: RestoreStep<null> = {
  name: 'finish',
  title: 'Record the point that the volumes are',
  run: async (deps, context) => {
    const { restoreId, jobId } = context.input
    const { bytes } = context.outputOf(writeVolumes)
    await deps.points.restoreDone(restoreId, BigInt(bytes))
    await dropNeedless(deps, jobId, context.signal)
    deps.logger.info({ job: jobId, restore: restoreId, bytes }, 'volumes are back at a recovery point')
    return null
  },
}

function wantedPoint(journal: Journal, { pointId }: RestoreOrder): UsablePoint {
  const point = journal.points.find(one => one.id === pointId)
  if (point === undefined) throw new AppError('POINT_UNUSABLE', `recovery point ${pointId}`)
  return point
}

const placeOf = (journal: Journal, point: UsablePoint, disk: PointDisk): PlaceOnVolume => ({
  position: point.position,
  expected: chainOf(point.position, journal.layers).map(layer => layer.id),
  sizeBytes: disk.sizeBytes,
})

/** What the layers of the point take: no more of the volume is overwritten than they hold. */
const layersOf = (journal: Journal, point: UsablePoint, { volumeId }: PointDisk): Bytes =>
  chainOf(point.position, journal.layers)
    .flatMap(layer => layer.volumes)
    .filter(one => serialOfVolume(one.volumeId) === serialOfVolume(volumeId))
    .reduce((sum, one) => sum + one.bytes, 0n)

/** Brings the volumes of a job back to one of its points, all disks to the same. */
export const restoreSaga: SagaDefinition<RestoreDeps, RestoreInput> = {
  kind: 'restore',
  steps: [begin, attachVolumes, saveNewer, writeVolumes, finish],
  commitStep: saveNewer.name,
}
