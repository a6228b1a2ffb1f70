import { Turns } from '../domain/turns.js'
import { type LayerId, type PointId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type NbdServer } from '../nbdkit/nbd-process.js'
import { startQemuNbd } from '../nbdkit/qemu-nbd.js'
import { startNbdkit } from '../nbdkit/server.js'
import { randomSocket, type ProvenVolume, type UndoTools } from './save-undo.js'
import { pointImage } from './undo-chain.js'
import { type LayerName, type SealedLayer } from './undo-layers.js'

/** One disk of a point, asked for as a disk. */
export interface ReadOrder {
  /** One for all disks of the point. */
  readonly exportId: string
  readonly point: PointId
  /** The newest writing when the point was on its volumes. */
  readonly position: number
  /** Layers the point cannot be without. */
  readonly expected: readonly LayerId[]
  readonly sizeBytes: Bytes
  readonly leaseMs: number
}

export interface OpenReader {
  readonly exportId: string
  readonly point: PointId
  readonly serial: VolumeSerial
  readonly leaseUntil: Date
}

interface Reader {
  readonly order: ReadOrder
  readonly volume: ProvenVolume
  readonly front: NbdServer
  readonly back: { readonly path: string; readonly name: string }
  readonly leaseUntil: Date
  readonly lapse: NodeJS.Timeout
  chain: readonly SealedLayer[]
  server: NbdServer
}

const clients = 8
/** How long the front asks a chain that is being extended again, once a second: a start takes a tenth of it. */
const retries = 30

/**
 * Points served as read-only disks. Two servers make one: qemu-nbd reads the chain of layers, and before it stands an nbdkit
 * that asks again where its connection breaks. So the chain can be extended while a point is read: when a writing has sealed
 * its undo, and before it changes the volume, the chain's server is replaced by one that has the new layer, and clients notice
 * nothing but a pause. A reader that cannot be given the new layer is ended: cut off is better than torn.
 */
export class PointReaders {
  readonly #tools: UndoTools
  readonly #logger: Logger
  readonly #turns = new Turns<VolumeSerial>()
  readonly #open = new Map<string, Reader>()

  constructor(tools: UndoTools, logger: Logger) {
    this.#tools = tools
    this.#logger = logger
  }

  /** Serves until the lease ends; a second call for the same export and volume replaces it. Rejects with UNDO_LOST. */
  open(
    volume: ProvenVolume,
    order: ReadOrder,
  ): Promise<{ readonly socket: string; readonly exportName: string; readonly leaseUntil: Date }> {
    return this.#turns.take(volume.serial, async () => {
      const key = keyOf(order.exportId, volume.serial)
      await this.#end(key)
      const chain = await this.#tools.layers.chain(volume.serial, order.position, order.expected)
      const back = randomSocket(this.#tools.socketDir)
      const server = await this.#serve(volume, chain, order.sizeBytes, back)
      const socket = randomSocket(this.#tools.socketDir)
      let front
      try {
        front = await this.#serveFront(socket, back)
      } catch (error) {
        await server.end()
        throw error
      }
      const leaseUntil = new Date(Date.now() + order.leaseMs)
      const lapse = setTimeout(() => void this.close(order.exportId, volume.serial), order.leaseMs)
      lapse.unref()
      this.#open.set(key, { order, volume, front, back, leaseUntil, lapse, chain, server })
      this.#logger.info(
        { serial: volume.serial, export: order.exportId, layers: chain.length },
        'point opened as a disk',
      )
      return { socket: socket.path, exportName: socket.name, leaseUntil }
    })
  }

  /** Absent is closed. */
  close(exportId: string, serial: VolumeSerial): Promise<void> {
    return this.#turns.take(serial, () => this.#end(keyOf(exportId, serial)))
  }

  list(): readonly OpenReader[] {
    return [...this.#open.values()].map(({ order, volume, leaseUntil }) => ({
      exportId: order.exportId,
      point: order.point,
      serial: volume.serial,
      leaseUntil,
    }))
  }

  /**
   * Resolves when every reader of the volume reads through this sealed layer as well, or has ended: from then on the extents of
   * the layer may be written.
   */
  extend(serial: VolumeSerial, name: LayerName): Promise<void> {
    return this.#turns.take(serial, async () => {
      const sealed = await this.#tools.layers.sealed(serial)
      for (const [key, reader] of this.#of(serial)) {
        if (reader.chain.some(layer => layer.layer === name.layer)) continue
        const chain = sealed.filter(layer => layer.seq > reader.order.position)
        try {
          await reader.server.end()
          reader.server = await this.#serve(reader.volume, chain, reader.order.sizeBytes, reader.back)
          reader.chain = chain
        } catch (error) {
          this.#logger.error({ serial, export: reader.order.exportId, err: error }, 'reader of a point ended')
          await this.#end(key)
        }
      }
    })
  }

  /** Ends the readers that read through a layer, all of the volume when none is named. Resolves when nothing reads any more. */
  endOf(serial: VolumeSerial, layer?: LayerId): Promise<void> {
    return this.#turns.take(serial, async () => {
      for (const [key, reader] of this.#of(serial)) {
        if (layer !== undefined && !reader.chain.some(one => one.layer === layer)) continue
        this.#logger.warn({ serial, export: reader.order.exportId }, 'reader of a point ended')
        await this.#end(key)
      }
    })
  }

  async closeAll(): Promise<void> {
    for (const { volume } of [...this.#open.values()]) await this.endOf(volume.serial)
  }

  #of(serial: VolumeSerial): readonly (readonly [string, Reader])[] {
    return [...this.#open].filter(([, reader]) => reader.volume.serial === serial)
  }

  async #end(key: string): Promise<void> {
    const reader = this.#open.get(key)
    if (reader === undefined) return
    this.#open.delete(key)
    clearTimeout(reader.lapse)
    await reader.front.end()
    await reader.server.end()
  }

  async #serve(
    { serial, devicePath, sizeBytes: deviceBytes }: ProvenVolume,
    chain: readonly SealedLayer[],
    sizeBytes: Bytes,
    back: Reader['back'],
  ): Promise<NbdServer> {
    if (sizeBytes > deviceBytes)
      throw new AppError(
        'TARGET_VOLUME_TOO_SMALL',
        `volume ${serial} has ${deviceBytes} bytes, its point ${sizeBytes}`,
      )
    const paths = chain.map(layer => this.#tools.layers.sealedPath(serial, layer))
    return startQemuNbd({
      qemuNbdPath: this.#tools.qemuNbdPath,
      socketPath: back.path,
      exportName: back.name,
      clients,
      readOnly: true,
      image: await pointImage(paths, devicePath, sizeBytes),
      startTimeoutMs: this.#tools.startTimeoutMs,
    })
  }

  #serveFront(socket: Reader['back'], back: Reader['back']): Promise<NbdServer> {
    return startNbdkit({
      nbdkitPath: this.#tools.nbdkitPath,
      socketPath: socket.path,
      argv: [
        '--readonly',
        '--filter=exportname',
        '--filter=retry',
        'nbd',
        `socket=${back.path}`,
        `export=${back.name}`,
        `retries=${retries}`,
        'retry-delay=1',
        'retry-exponential=no',
        `exportname=${socket.name}`,
        'exportname-strict=true',
      ],
      startTimeoutMs: this.#tools.startTimeoutMs,
    })
  }
}

const keyOf = (exportId: string, serial: VolumeSerial): string => `${exportId} ${serial}`
