import { open } from 'node:fs/promises'
import { coalesce, type Extent } from '../domain/extent.js'
import { type LayerId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { copyExtents } from '../nbd/copy-extents.js'
import { startNbdkit } from '../nbdkit/server.js'
import { startQemuNbd } from '../nbdkit/qemu-nbd.js'
import { isStillThere, proveDevice } from './identity.js'
import { overlayExtents } from './overlay-extents.js'
import { type PointReaders, type ReadOrder } from './point-readers.js'
import { randomSocket, requireHeld, saveUndo, type ProvenVolume, type UndoTools } from './save-undo.js'
import { pointImage } from './undo-chain.js'
import { type LayerName, type SealedLayer } from './undo-layers.js'

/** Which point of the volume is meant: what it held after the writing `position`, read through at least these layers. */
export interface PointPlace {
  readonly position: number
  readonly expected: readonly LayerId[]
  /** Of the disk at that point. */
  readonly sizeBytes: Bytes
}

export interface PointVolumesOptions {
  readonly tools: UndoTools
  readonly readers: PointReaders
  readonly byIdDir: string
}

/**
 * What is done to a volume for its points. The caller has the volume alone: nothing is exported for writing meanwhile. Device
 * failures reject as proveDevice() and copyExtents() do; every method may be repeated after a crash.
 */
export class PointVolumes {
  readonly #options: PointVolumesOptions

  constructor(options: PointVolumesOptions) {
    this.#options = options
  }

  /** Saves what is about to be overwritten; gives what the layer takes on the disk. Rejects with UNDO_FULL or UNDO_INVALID. */
  async save(
    serial: VolumeSerial,
    name: LayerName,
    extents: readonly Extent[],
    signal: AbortSignal,
  ): Promise<Bytes> {
    const { tools, readers } = this.#options
    await saveUndo(tools, await this.#prove(serial), name, extents, signal)
    await readers.extend(serial, name)
    const [sealed] = (await tools.layers.sealed(serial)).filter(one => one.layer === name.layer)
    if (sealed === undefined) throw new AppError('UNDO_LOST', `volume ${serial}: ${name.layer}`)
    return sealed.bytes
  }

  /**
   * Called before a writing changes the volume. Where points are kept, its own undo has to hold everything it overwrites;
   * rejects with UNDO_INVALID otherwise, and nothing is written then.
   */
  async mayOverwrite(serial: VolumeSerial, layer: LayerId, extents: readonly Extent[]): Promise<void> {
    const { tools, readers } = this.#options
    const sealed = await tools.layers.sealed(serial)
    const own = sealed.find(one => one.layer === layer)
    if (own === undefined) {
      if (sealed.length === 0) return readers.endOf(serial)
      throw new AppError(
        'UNDO_INVALID',
        `volume ${serial}: points are kept, and ${layer} has saved nothing for them`,
      )
    }
    await requireHeld(tools.qemuImgPath, tools.layers.sealedPath(serial, own), extents)
    await readers.extend(serial, own)
  }

  /** What going back to the point overwrites. */
  async changedSince(serial: VolumeSerial, place: PointPlace): Promise<readonly Extent[]> {
    const { layers, qemuImgPath } = this.#options.tools
    const held: Extent[] = []
    for (const layer of await layers.chain(serial, place.position, place.expected))
      held.push(...(await overlayExtents(qemuImgPath, layers.sealedPath(serial, layer))))
    return coalesce(held, 1n, place.sizeBytes)
  }

  /**
   * Brings the volume back to the point. What is written comes from the layers alone, never from the volume, so it is the same
   * however often it is begun. With `own` a layer has to be sealed that holds what is overwritten; null: newer points are given
   * up, and everybody who reads a point of the volume is cut off.
   */
  async restore(
    serial: VolumeSerial,
    place: PointPlace,
    own: LayerName | null,
    signal: AbortSignal,
  ): Promise<Bytes> {
    const { tools, readers, byIdDir } = this.#options
    const extents = await this.changedSince(serial, place)
    if (own === null) await readers.endOf(serial)
    else await this.mayOverwrite(serial, own.layer, extents)
    const volume = await this.#prove(serial)
    const chain = await tools.layers.chain(serial, place.position, place.expected)
    const device = await open(volume.devicePath, 'r')
    try {
      const bytes = await this.#copyBack(volume, chain, place, extents, signal)
      if (!(await isStillThere(byIdDir, serial, { path: volume.devicePath, sizeBytes: volume.sizeBytes })))
        throw new AppError('VOLUME_IDENTITY_MISMATCH', `another device took the serial ${serial} meanwhile`)
      await device.sync().catch((cause: unknown) => {
        throw new AppError(
          'TARGET_FLUSH_FAILED',
          `the device of volume ${serial} after it was restored`,
          cause,
        )
      })
      return bytes
    } finally {
      await device.close()
    }
  }

  /** Ends all readers, then removes every layer: the volume may be overwritten without undo from then on. */
  async forget(serial: VolumeSerial): Promise<void> {
    const { readers, tools } = this.#options
    await readers.endOf(serial)
    for (const layer of await tools.layers.sealed(serial)) await tools.layers.remove(serial, layer)
  }

  /** Removes one layer; whoever reads through it is cut off. */
  async remove(serial: VolumeSerial, name: LayerName): Promise<void> {
    await this.#options.readers.endOf(serial, name.layer)
    await this.#options.tools.layers.remove(serial, name)
  }

  async openReader(serial: VolumeSerial, order: ReadOrder) {
    return this.#options.readers.open(await this.#prove(serial), order)
  }

  async #prove(serial: VolumeSerial): Promise<ProvenVolume> {
    const { path, sizeBytes } = await proveDevice(this.#options.byIdDir, serial, 0n)
    return { serial, devicePath: path, sizeBytes }
  }

  async #copyBack(
    { serial, devicePath }: ProvenVolume,
    chain: readonly SealedLayer[],
    place: PointPlace,
    extents: readonly Extent[],
    signal: AbortSignal,
  ): Promise<Bytes> {
    const { layers, qemuNbdPath, nbdkitPath, socketDir, startTimeoutMs } = this.#options.tools
    const source = randomSocket(socketDir)
    const target = randomSocket(socketDir)
    const paths = chain.map(layer => layers.sealedPath(serial, layer))
    const reader = await startQemuNbd({
      qemuNbdPath,
      socketPath: source.path,
      exportName: source.name,
      clients: 8,
      readOnly: true,
      image: await pointImage(paths, devicePath, place.sizeBytes),
      startTimeoutMs,
    })
    try {
      const argv = ['file', devicePath]
      const writer = await startNbdkit({ nbdkitPath, socketPath: target.path, argv, startTimeoutMs })
      try {
        const ends = {
          source: { kind: 'unix', path: source.path, exportName: source.name },
          target: { kind: 'unix', path: target.path, exportName: '' },
        } as const
        return await copyExtents(`volume ${serial}`, ends, extents, signal)
      } finally {
        await writer.end()
      }
    } finally {
      await reader.end()
    }
  }
}
