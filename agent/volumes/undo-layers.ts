import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { layerId, volumeSerial, type LayerId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { syncOverlay } from './overlay-image.js'

/** What one writing over a volume saved of it. `seq` grows with each writing of the job. */
export interface LayerName {
  readonly seq: number
  readonly layer: LayerId
}

export interface SealedLayer extends LayerName {
  readonly serial: VolumeSerial
  /** Taken on the disk. */
  readonly bytes: Bytes
}

const sealedName = /^([0-9a-f]{20})\.([0-9]{10})\.([0-9a-f-]{36})\.undo$/
const openName = /^[0-9a-f]{20}\.[0-9]{10}\.[0-9a-f-]{36}\.part(\.new)?$/

/**
 * The files of undo. A layer is sealed by its name: `.part` becomes `.undo` when all it has to hold is durable, and only then
 * may the volume be written. So a `.part` found later belongs to a writing that never began, and is made anew.
 */
export class UndoLayers {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /** Makes the directory, and removes what a crash left half saved; other files are not touched. */
  async prepare(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#dir))
      if (openName.test(name)) await rm(join(this.#dir, name), { force: true })
  }

  partPath(serial: VolumeSerial, name: LayerName): string {
    return join(this.#dir, `${stem(serial, name)}.part`)
  }

  sealedPath(serial: VolumeSerial, name: LayerName): string {
    return join(this.#dir, `${stem(serial, name)}.undo`)
  }

  /** From here on the volume may be written. What was saved has to be durable already. */
  async seal(serial: VolumeSerial, name: LayerName): Promise<void> {
    await rename(this.partPath(serial, name), this.sealedPath(serial, name))
    await syncOverlay(this.sealedPath(serial, name))
  }

  async isSealed(serial: VolumeSerial, name: LayerName): Promise<boolean> {
    return (await sizeOnDisk(this.sealedPath(serial, name))) !== undefined
  }

  /** Of one volume or of all, the oldest first. */
  async sealed(serial?: VolumeSerial): Promise<readonly SealedLayer[]> {
    const found: SealedLayer[] = []
    for (const file of (await readdir(this.#dir)).sort()) {
      const [, owner, seq, layer] = sealedName.exec(file) ?? []
      if (owner === undefined || seq === undefined || layer === undefined) continue
      if (serial !== undefined && owner !== serial) continue
      const bytes = await sizeOnDisk(join(this.#dir, file))
      if (bytes === undefined) continue
      found.push({ serial: volumeSerial(owner), seq: Number(seq), layer: layerId(layer), bytes })
    }
    return found.sort((one, other) => one.seq - other.seq)
  }

  /**
   * The files a point is read through, the top one first: every layer sealed after its position, also one that `expected` does
   * not name yet. Rejects with UNDO_LOST when one that it names is not there.
   */
  async chain(
    serial: VolumeSerial,
    position: number,
    expected: readonly LayerId[],
  ): Promise<readonly SealedLayer[]> {
    const layers = (await this.sealed(serial)).filter(layer => layer.seq > position)
    const missing = expected.filter(id => !layers.some(layer => layer.layer === id))
    if (missing.length > 0) throw new AppError('UNDO_LOST', `volume ${serial}: ${missing.join(', ')}`)
    return layers
  }

  /** Absent is removed. Resolves when a crash cannot bring it back. */
  async remove(serial: VolumeSerial, name: LayerName): Promise<void> {
    for (const path of [this.partPath(serial, name), this.sealedPath(serial, name)])
      await rm(path, { force: true })
    await syncOverlay(this.#dir)
  }

  /** What the disk still takes. */
  async freeBytes(): Promise<Bytes> {
    const { bavail, bsize } = await statfs(this.#dir, { bigint: true })
    return bavail * bsize
  }
}

const stem = (serial: VolumeSerial, { seq, layer }: LayerName): string =>
  `${serial}.${String(seq).padStart(10, '0')}.${layer}`

/** Linux counts the blocks of a file in units of 512 bytes (stat(2)). */
async function sizeOnDisk(path: string): Promise<Bytes | undefined> {
  try {
    return (await stat(path, { bigint: true })).blocks * 512n
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
