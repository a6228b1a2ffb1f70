import { type Extent } from '../domain/extent.js'
import { type FenceToken } from '../domain/fence.js'
import { type PassId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { type Logger } from '../log/logger.js'
import { type Preserve } from './apply-overlay.js'
import { type StagingTools, type VolumeExports } from './exports.js'
import { overlayExtents } from './overlay-extents.js'
import { overlayPath } from './overlay-places.js'
import { PointReaders } from './point-readers.js'
import { PointVolumes, type PointPlace } from './point-volumes.js'
import { PointWork, type PointProgress } from './point-work.js'
import { type UndoTools } from './save-undo.js'
import { UndoLayers, type LayerName, type SealedLayer } from './undo-layers.js'
import { layerId } from '../domain/ids.js'

export interface PointServiceOptions extends Omit<UndoTools, 'layers' | 'qemuNbdPath' | 'qemuImgPath'> {
  readonly undoDir: string
  readonly byIdDir: string
  readonly staging: StagingTools
  readonly exports: VolumeExports
  readonly logger: Logger
}

export type Overwritten =
  { readonly kind: 'pass'; readonly pass: PassId } | ({ readonly kind: 'point' } & PointPlace)

/** Everything the daemon does for points, and the guard that no pass overwrites what a point is read from. */
export class PointService {
  readonly readers: PointReaders
  readonly volumes: PointVolumes
  readonly #layers: UndoLayers
  readonly #work: PointWork
  readonly #staging: StagingTools
  readonly #exports: VolumeExports

  constructor(options: PointServiceOptions) {
    const { undoDir, byIdDir, staging, exports, logger } = options
    const { qemuNbdPath, qemuImgPath } = staging
    this.#layers = new UndoLayers(undoDir)
    const tools: UndoTools = { ...options, qemuNbdPath, qemuImgPath, layers: this.#layers }
    this.readers = new PointReaders(tools, logger)
    this.volumes = new PointVolumes({ tools, readers: this.readers, byIdDir })
    this.#work = new PointWork(exports, logger)
    this.#staging = staging
    this.#exports = exports
  }

  prepare(): Promise<void> {
    return this.#layers.prepare()
  }

  save(serial: VolumeSerial, name: LayerName, what: Overwritten, fence: FenceToken): PointProgress {
    return this.#work.advance(serial, `save ${name.layer}`, fence, async signal =>
      this.volumes.save(serial, name, await this.#extentsOf(serial, what), signal),
    )
  }

  restore(
    serial: VolumeSerial,
    name: LayerName,
    place: PointPlace,
    isKept: boolean,
    fence: FenceToken,
  ): PointProgress {
    return this.#work.advance(serial, `restore ${name.layer}`, fence, signal =>
      this.volumes.restore(serial, place, isKept ? name : null, signal),
    )
  }

  /**
   * Ends an export of the volume first, durable or not: a volume whose points are given up is written as a whole next.
   * Rejects with VOLUME_FENCED.
   */
  forget(serial: VolumeSerial, fence: FenceToken): Promise<void> {
    return this.#exports.aloneUnflushed(serial, fence, () => this.volumes.forget(serial))
  }

  async undo(): Promise<{ readonly freeBytes: Bytes; readonly sealed: readonly SealedLayer[] }> {
    return { freeBytes: await this.#layers.freeBytes(), sealed: await this.#layers.sealed() }
  }

  /** The undo of a pass is the layer of its name. */
  readonly preserve: Preserve = ({ serial, pass, extents }) =>
    this.volumes.mayOverwrite(serial, layerId(pass), extents)

  async close(): Promise<void> {
    await this.#work.stop()
    await this.readers.closeAll()
  }

  #extentsOf(serial: VolumeSerial, what: Overwritten): Promise<readonly Extent[]> {
    if (what.kind === 'point') return this.volumes.changedSince(serial, what)
    return overlayExtents(
      this.#staging.qemuImgPath,
      overlayPath(this.#staging.dir, { serial, pass: what.pass }),
    )
  }
}
