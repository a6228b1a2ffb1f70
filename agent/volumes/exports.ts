import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { execa } from 'execa'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { isStillThere, proveDevice } from './identity.js'

export interface VolumeExport {
  readonly socket: string
  readonly exportName: string
  readonly sizeBytes: Bytes
}

export interface ExportsOptions {
  readonly byIdDir: string
  /** Where the sockets go; only the mover's group may enter it. */
  readonly socketDir: string
  readonly nbdkitPath: string
  readonly startTimeoutMs: number
  readonly logger: Logger
}

interface Served extends VolumeExport {
  readonly server: ReturnType<typeof startServer>
}

/**
 * One nbdkit for each open export, under a random name on a random socket: whoever knew an older one cannot write through
 * it. Every server dies with this process, so a restart begins with nothing exported and nothing to remember.
 */
export class VolumeExports {
  readonly #options: ExportsOptions
  readonly #served = new Map<VolumeSerial, Served>()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: ExportsOptions) {
    this.#options = options
  }

  /** Proves the device, ends an older export of the volume, and serves it anew. Resolves when the server answers. */
  open(serial: VolumeSerial, minimumBytes: Bytes): Promise<VolumeExport> {
    return this.#inTurn(async () => {
      const device = await proveDevice(this.#options.byIdDir, serial, minimumBytes)
      await this.#end(serial)
      const name = randomBytes(16).toString('hex')
      const socket = join(this.#options.socketDir, `${name}.sock`)
      const server = startServer(this.#options.nbdkitPath, socket, name, device.path)
      const served = { socket, exportName: name, sizeBytes: device.sizeBytes, server }
      this.#served.set(serial, served)
      try {
        await this.#untilAnswering(served, serial)
        if (!(await isStillThere(this.#options.byIdDir, serial, device))) {
          throw new AppError(
            'VOLUME_IDENTITY_MISMATCH',
            `another device took the serial ${serial} while it was opened`,
          )
        }
      } catch (error) {
        await this.#end(serial)
        throw error
      }
      this.#options.logger.info(
        { serial, path: device.path, bytes: device.sizeBytes.toString() },
        'volume exported',
      )
      return { socket, exportName: name, sizeBytes: device.sizeBytes }
    })
  }

  /** Resolves when the server of the volume has ended; no export is closed already. */
  close(serial: VolumeSerial): Promise<void> {
    return this.#inTurn(() => this.#end(serial))
  }

  closeAll(): Promise<void> {
    return this.#inTurn(async () => {
      for (const serial of [...this.#served.keys()]) await this.#end(serial)
    })
  }

  async #untilAnswering(served: Served, serial: VolumeSerial): Promise<void> {
    const end = performance.now() + this.#options.startTimeoutMs
    const ended = served.server.then(result => result.stderr)
    while (!(await answers(served.socket))) {
      const complaint = await Promise.race([ended, after(10)])
      if (complaint !== undefined)
        throw new AppError('NBD_UNREACHABLE', `the server of volume ${serial} ended: ${complaint}`)
      if (performance.now() > end)
        throw new AppError('NBD_UNREACHABLE', `the server of volume ${serial} does not answer`)
    }
  }

  async #end(serial: VolumeSerial): Promise<void> {
    const served = this.#served.get(serial)
    if (served === undefined) return
    // Not asked politely: nbdkit would wait for its clients, and one of them may be the reason for the close.
    served.server.kill('SIGKILL')
    await served.server
    await rm(served.socket, { force: true })
    this.#served.delete(serial)
    this.#options.logger.info({ serial }, 'volume export ended')
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work, work)
    this.#queue = turn.catch(() => undefined)
    return turn
  }
}

/** Nothing of this process's environment reaches the server, which handles bytes of untrusted guests. */
const startServer = (nbdkitPath: string, socket: string, name: string, path: string) =>
  execa(
    nbdkitPath,
    [
      '--foreground',
      '--exit-with-parent',
      '--unix',
      socket,
      '--filter=exportname',
      'file',
      path,
      `exportname=${name}`,
      'exportname-strict=true',
    ],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe', reject: false, env: {}, extendEnv: false },
  )

const answers = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
