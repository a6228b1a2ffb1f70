import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { proveDevice } from './identity.js'
import { mendNames, persistentName, provenDevices, type NamesReport } from './persistent-names.js'
import { SharedLook } from '../domain/shared-look.js'

export interface AttachedDevice {
  readonly serial: VolumeSerial
  readonly path: string
  readonly name: string
  readonly sizeBytes: Bytes
}

export interface NameKeeperOptions {
  readonly byIdDir: string
  readonly namesDir: string
  /** How often the names are looked at without being asked: attachments are not announced to us. */
  readonly intervalMs: number
  readonly logger: Logger
}

/** Keeps the persistent names true: at the start, when asked, and every few seconds. */
export class NameKeeper {
  readonly #options: NameKeeperOptions
  readonly #mending = new SharedLook(() => this.#mendNow())
  readonly #looking = new SharedLook(() => this.#lookNow())
  #timer: NodeJS.Timeout | undefined
  #doubted = ''

  constructor(options: NameKeeperOptions) {
    this.#options = options
  }

  /** Resolves when the names are true once. */
  async start(): Promise<void> {
    await this.mend()
    this.#timer = setInterval(() => {
      this.mend().catch((error: unknown) => {
        this.#options.logger.error({ err: error }, 'persistent names could not be mended')
      })
    }, this.#options.intervalMs)
  }

  /** The names stay; resolves when nothing works on them any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#mending.idle()
  }

  mend(): Promise<NamesReport> {
    return this.#mending.take()
  }

  async #mendNow(): Promise<NamesReport> {
    const { namesDir, byIdDir } = this.#options
    const report = await mendNames(namesDir, byIdDir)
    this.#tell(report)
    return report
  }

  /** Volumes attached to this machine now, and what carries a serial without being proven. */
  devices() {
    return this.#looking.take()
  }

  async #lookNow() {
    const { byIdDir } = this.#options
    const found = await provenDevices(byIdDir)
    const devices: AttachedDevice[] = []
    const doubts = [...found.doubts]
    for (const serial of [...found.devices.keys()].sort()) {
      try {
        const { path, sizeBytes } = await proveDevice(byIdDir, serial, 0n)
        devices.push({ serial, path, name: persistentName(serial), sizeBytes })
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        if (error.code !== 'VOLUME_UNKNOWN') doubts.push({ serial, why: error.message })
      }
    }
    return { devices, doubts }
  }

  /** A doubt that lasts is told once. */
  #tell({ made, repaired, dropped, doubts }: NamesReport): void {
    const { logger } = this.#options
    if (made.length + repaired.length + dropped.length > 0)
      logger.info({ made, repaired, dropped }, 'persistent names changed')
    const text = doubts.map(doubt => doubt.why).join('; ')
    if (text !== '' && text !== this.#doubted) logger.error({ doubts }, 'devices without a proven identity')
    this.#doubted = text
  }
}
