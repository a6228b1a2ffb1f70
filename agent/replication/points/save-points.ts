import { type FenceToken } from '../../domain/fence.js'
import { type JobId, type LayerId, type PointId, type VolumeId } from '../../domain/ids.js'
import { admit, type Departure } from '../../domain/points.js'
import { MIB, type Bytes } from '../../domain/units.js'
import { AppError } from '../../errors.js'
import { type Logger } from '../../log/logger.js'
import {
  type Journal,
  type PointDaemon,
  type PointStore,
  type SavedVolume,
  type WorkState,
  type Writing,
} from './deps.js'
import { keptPoints } from './kept-points.js'
import { dropNeedless } from './tend-points.js'

export interface SaveDeps {
  readonly points: PointStore
  readonly daemon: PointDaemon
  readonly logger: Logger
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

export interface Overwriting {
  readonly jobId: JobId
  readonly id: LayerId
  readonly kind: 'pass' | 'restore'
  readonly volumes: readonly {
    readonly volumeId: VolumeId
    readonly what: Parameters<PointDaemon['save']>[2]
    /** What the undo takes at the most. */
    readonly needBytes: Bytes
  }[]
  /** A point that must not make room, and none newer than it; null: each may. */
  readonly wanted: PointId | null
  readonly fence: () => Promise<FenceToken>
  readonly signal: AbortSignal
}

export type SaveOutcome =
  | { readonly kind: 'saved'; readonly writing: Writing }
  /** Decided earlier: nothing is saved, and the points that need it are given up already. */
  | { readonly kind: 'given-up'; readonly writing: Writing }
  /** Nothing is saved of what will be overwritten. `isWish`: nobody wants it. `hadPoints`: some point will be unusable then. */
  | {
      readonly kind: 'unsaved'
      readonly writing: Writing
      readonly isWish: boolean
      readonly why: string
      readonly hadPoints: boolean
    }

const lookMs = 200
/** Tables of a layer, and room the OMA needs for itself. */
const layerOverheadBytes: Bytes = 4n * MIB
const reserveBytes: Bytes = 64n * MIB

/**
 * Saves what is about to be overwritten, where there is a point to keep by it. The oldest points make room, as few as have to.
 * Repeatable until the first byte is overwritten, which may be done as soon as this has told the outcome and its caller has
 * recorded it.
 */
export async function savePoints(deps: SaveDeps, what: Overwriting): Promise<SaveOutcome> {
  const { points, daemon, logger } = deps
  const writing = await points.beginWriting(what.jobId, what.id, what.kind)
  if (writing.state === 'sealed') return { kind: 'saved', writing }
  if (writing.state !== 'saving') return { kind: 'given-up', writing }
  const unsaved = (journal: Journal, isWish: boolean, why: string): SaveOutcome => ({
    kind: 'unsaved',
    writing,
    isWish,
    why,
    hadPoints: journal.points.length > 0,
  })
  const needBytes = what.volumes.reduce((sum, one) => sum + one.needBytes + layerOverheadBytes, 0n)
  for (;;) {
    const journal = await points.journal(what.jobId)
    if (journal.points.length === 0) return unsaved(journal, true, 'there is no point to keep')
    const kept = keptPoints(journal, await daemon.exports(what.signal))
    const mayGo = what.wanted === null ? kept.length : kept.findIndex(one => one.id === what.wanted)
    const { freeBytes } = await daemon.undo(what.signal)
    const admission = admit(kept, journal.policy, needBytes, freeBytes - reserveBytes, Math.max(0, mayGo))
    switch (admission.kind) {
      case 'off':
        return unsaved(journal, true, 'the job keeps its newest point only')
      case 'no-room':
        return unsaved(journal, false, admission.why)
      case 'fits':
        await makeRoom(deps, what, admission.departures)
    }
    try {
      const saved = await saveAll(deps, what, writing)
      await points.sealWriting(what.id, saved)
      return { kind: 'saved', writing }
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'UNDO_FULL')) throw error
      const [oldest] = kept.slice(admission.departures.length, Math.max(0, mayGo))
      if (oldest === undefined) return unsaved(journal, false, error.message)
      logger.warn(
        { job: what.jobId, writing: what.id, err: error },
        'undo needs more room than was counted on',
      )
      await makeRoom(deps, what, [{ id: oldest.id, why: 'room' }])
    }
  }
}

async function makeRoom(deps: SaveDeps, what: Overwriting, departures: readonly Departure[]): Promise<void> {
  if (departures.length === 0) return
  const why = 'its undo made room for that of newer points'
  await deps.points.leave(departures.map(({ id }) => ({ id, state: 'expired', why })))
  deps.logger.warn(
    { job: what.jobId, writing: what.id, points: departures.map(one => one.id) },
    'points expired to make room',
  )
  await dropNeedless(deps, what.jobId, what.signal)
}

async function saveAll(deps: SaveDeps, what: Overwriting, writing: Writing): Promise<SavedVolume[]> {
  const saved: SavedVolume[] = []
  for (const { volumeId, what: overwritten } of what.volumes) {
    const fence = await what.fence()
    const bytes = await untilDone(deps, what.signal, () =>
      deps.daemon.save(volumeId, writing, overwritten, fence, what.signal),
    )
    saved.push({ volumeId, bytes })
  }
  return saved
}

/** The daemon's long work is asked for again until it has ended. */
export async function untilDone(
  { pause }: Pick<SaveDeps, 'pause'>,
  signal: AbortSignal,
  look: () => Promise<WorkState>,
): Promise<Bytes> {
  for (;;) {
    const state = await look()
    if (state.kind === 'done') return state.bytes
    await pause(lookMs, signal)
    signal.throwIfAborted()
  }
}
