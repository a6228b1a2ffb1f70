import { randomBytes } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { type FenceToken } from '../domain/fence.js'
import { type PassId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type NbdServer } from '../nbdkit/nbd-process.js'
import { startNbdkit } from '../nbdkit/server.js'
import { Fences } from './fences.js'
import { isStillThere, proveDevice, type ProvenDevice } from './identity.js'
import { ensureOverlay } from './overlay-image.js'
import { overlayPath } from './overlay-places.js'
import { serveStaged } from './overlay-server.js'
import { Turns } from '../domain/turns.js'

export interface VolumeExport {
  readonly socket: string
  readonly exportName: string
  readonly sizeBytes: Bytes
}

export interface ExportsOptions {
  readonly byIdDir: string
  /** Where the sockets go; only the mover's group may enter it. */
  readonly socketDir: string
  /** Where the highest fence tokens are kept. */
  readonly stateDir: string
  readonly nbdkitPath: string
  readonly staging: StagingTools
  readonly startTimeoutMs: number
  readonly logger: Logger
}

interface Place {
  readonly serial: VolumeSerial
  readonly proven: ProvenDevice
  readonly socket: string
  readonly exportName: string
}

interface Served extends VolumeExport {
  /** How long it took to prove the device, and to start its server. */
  readonly proofMs: number
  readonly serverMs: number
  readonly fence: FenceToken
  readonly server: NbdServer
  /** What is written to, open since before the server could: its sync reports every write-back error since then, seen or not. */
  readonly written: FileHandle
}

/** Where passes are staged, and qemu's programs. */
export interface StagingTools {
  readonly dir: string
  readonly qemuNbdPath: string
  readonly qemuImgPath: string
}

/**
 * One NBD server for each open export, under a random name on a random socket: whoever knew an older one cannot write through
 * it. Every server dies with this process, so a restart begins with nothing exported; only the fence tokens are remembered.
 */
export class VolumeExports {
  readonly #options: ExportsOptions
  readonly #fences: Fences
  readonly #turns = new Turns<VolumeSerial>()
  readonly #served = new Map<VolumeSerial, Served>()
  /** Volumes whose last export ended without a good flush: closing them again must not look like success. */
  readonly #unflushed = new Map<VolumeSerial, AppError>()
  readonly #counts = { opened: 0, lost: 0, fenced: 0 }

  constructor(options: ExportsOptions) {
    this.#options = options
    this.#fences = new Fences(options.stateDir)
  }

  /**
   * Ends an older export of the volume, proves the device and serves it; for a `staged` pass the device stays as it is and
   * what is written goes to the overlay of that pass. Resolves when the server answers. Rejects with VOLUME_FENCED for a
   * token lower than one seen before, which leaves everything as it is. Any other rejection leaves the volume closed, with
   * the token counted.
   */
  open(serial: VolumeSerial, minimumBytes: Bytes, fence: FenceToken, staged?: PassId): Promise<VolumeExport> {
    return this.#turns.take(serial, async () => {
      await this.#raise(serial, fence)
      if (this.#served.has(serial)) await this.#end(serial)
      this.#unflushed.delete(serial)
      const served = await this.#start(serial, minimumBytes, fence, staged)
      this.#counts.opened += 1
      const { socket, exportName, sizeBytes, proofMs, serverMs } = served
      this.#options.logger.info(
        {
          serial,
          fence: fence.toString(),
          bytes: sizeBytes.toString(),
          staged: staged ?? null,
          proofMs,
          serverMs,
        },
        'volume exported',
      )
      return { socket, exportName, sizeBytes }
    })
  }

  /**
   * Resolves when the server of the volume has ended and the device has its data; no export is closed already. Rejects
   * with VOLUME_FENCED for a token lower than one seen before, and with TARGET_FLUSH_FAILED, again at each call until the
   * volume is opened anew, when the export has ended but its data may be lost.
   */
  close(serial: VolumeSerial, fence: FenceToken): Promise<void> {
    return this.#turns.take(serial, async () => {
      await this.#raise(serial, fence)
      await this.#end(serial)
    })
  }

  /**
   * Works on the volume while nothing is exported: an older export ends first, and none begins meanwhile. Rejects as close()
   * does, and with what the work rejects with.
   */
  alone<T>(serial: VolumeSerial, fence: FenceToken, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(serial, async () => {
      await this.#raise(serial, fence)
      await this.#end(serial)
      return work()
    })
  }

  /** The same where what was written does not count any more, durable or not. */
  aloneUnflushed<T>(serial: VolumeSerial, fence: FenceToken, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(serial, async () => {
      await this.#raise(serial, fence)
      await this.#end(serial).catch((error: unknown) => {
        if (!(error instanceof AppError && error.code === 'TARGET_FLUSH_FAILED')) throw error
      })
      this.#unflushed.delete(serial)
      return work()
    })
  }

  /** Ends every export, whoever holds it; rejects with the first failed flush after all have ended. */
  async closeAll(): Promise<void> {
    const serials = [...this.#served.keys()]
    const ended = await Promise.allSettled(
      serials.map(serial => this.#turns.take(serial, () => this.#end(serial))),
    )
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }

  list(): readonly {
    readonly serial: VolumeSerial
    readonly sizeBytes: Bytes
    readonly fence: FenceToken
  }[] {
    return [...this.#served].map(([serial, { sizeBytes, fence }]) => ({ serial, sizeBytes, fence }))
  }

  /** Since the daemon's start. */
  get counts(): { readonly opened: number; readonly lost: number; readonly fenced: number } {
    return { ...this.#counts }
  }

  async #raise(serial: VolumeSerial, fence: FenceToken): Promise<void> {
    try {
      await this.#fences.raise(serial, fence)
    } catch (error) {
      if (error instanceof AppError && error.code === 'VOLUME_FENCED') this.#counts.fenced += 1
      throw error
    }
  }

  async #start(
    serial: VolumeSerial,
    minimumBytes: Bytes,
    fence: FenceToken,
    staged: PassId | undefined,
  ): Promise<Served> {
    const { byIdDir, socketDir } = this.#options
    const startedMs = performance.now()
    const proven = await proveDevice(byIdDir, serial, minimumBytes)
    const provenMs = performance.now()
    const exportName = randomBytes(16).toString('hex')
    const socket = join(socketDir, `${exportName}.sock`)
    const begun = await this.#serve({ serial, proven, socket, exportName }, staged)
    const times = { proofMs: provenMs - startedMs, serverMs: performance.now() - provenMs }
    const served = { socket, exportName, sizeBytes: proven.sizeBytes, fence, ...begun, ...times }
    this.#served.set(serial, served)
    try {
      if (!(await isStillThere(byIdDir, serial, proven))) {
        throw new AppError(
          'VOLUME_IDENTITY_MISMATCH',
          `another device took the serial ${serial} while it was opened`,
        )
      }
    } catch (error) {
      await this.#end(serial)
      throw error
    }
    void served.server.ended.then(() => this.#noticeEnd(serial, served))
    return served
  }

  /** Closes what it opened when the server does not come up: it wrote nothing then. */
  async #serve(
    { serial, proven, socket, exportName }: Place,
    staged: PassId | undefined,
  ): Promise<Pick<Served, 'server' | 'written'>> {
    const { nbdkitPath, startTimeoutMs, staging } = this.#options
    const { path: device, sizeBytes } = proven
    const overlay = staged === undefined ? undefined : overlayPath(staging.dir, { serial, pass: staged })
    if (overlay !== undefined) await ensureOverlay(staging.qemuImgPath, overlay, sizeBytes)
    const written = await open(overlay ?? device, 'r')
    try {
      if (overlay === undefined) {
        const argv = [
          '--filter=exportname',
          'file',
          device,
          `exportname=${exportName}`,
          'exportname-strict=true',
        ]
        return {
          written,
          server: await startNbdkit({ nbdkitPath, socketPath: socket, argv, startTimeoutMs }),
        }
      }
      const { qemuNbdPath } = staging
      const options = { qemuNbdPath, socketPath: socket, exportName, startTimeoutMs }
      return { written, server: await serveStaged(options, { path: overlay, backingPath: device }) }
    } catch (error) {
      await written.close()
      throw error
    }
  }

  /** A server that ended unasked is cleaned up at once; its holder learns from its broken connections. */
  async #noticeEnd(serial: VolumeSerial, served: Served): Promise<void> {
    await this.#turns.take(serial, async () => {
      if (this.#served.get(serial) !== served) return
      this.#counts.lost += 1
      const complaint = served.server.complaint()
      this.#options.logger.error({ serial, complaint }, 'volume server ended by itself')
      await this.#end(serial).catch((error: unknown) => {
        this.#options.logger.error({ serial, err: error }, 'ended export could not be cleaned up')
      })
    })
  }

  async #end(serial: VolumeSerial): Promise<void> {
    const served = this.#served.get(serial)
    if (served === undefined) {
      const lost = this.#unflushed.get(serial)
      if (lost !== undefined) throw lost
      return
    }
    await served.server.end()
    this.#served.delete(serial)
    try {
      await served.written.sync()
    } catch (cause) {
      const lost = new AppError(
        'TARGET_FLUSH_FAILED',
        `what was written for volume ${serial} after its export ended`,
        cause,
      )
      this.#unflushed.set(serial, lost)
      this.#options.logger.error({ serial, err: lost }, 'volume could not be flushed')
      throw lost
    } finally {
      await served.written.close()
    }
    this.#options.logger.info({ serial }, 'volume export ended')
  }
}
