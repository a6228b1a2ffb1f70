import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { type Server } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { stringify } from 'smol-toml'
import { LinuxGuest, stateMount, type LinuxGuestSpec } from '../guest/boot.js'
import { type GuestControl } from '../guest/control.js'
import { type GuestDisk } from '../guest/qemu.js'
import { mainPath } from './product.js'
import { until } from './until.js'

/** In the guest. */
export const guestPaths = {
  byIdDir: '/dev/disk/by-id',
  namesDir: '/dev/mapper',
  volumedSocket: '/run/volumed.sock',
  exportsDir: '/run/exports',
} as const

const startLimitMs = 120_000

export type OmaGuestSpec = Omit<LinuxGuestSpec, 'stateDir' | 'memoryMib'>

/** The appliance as a guest of the simulated CloudStack: with it starts the volume daemon, as an appliance starts it. */
export class OmaGuest {
  readonly #guest: LinuxGuest
  /** What the guest keeps at `stateMount`. */
  readonly stateDir: string
  /** A socket of this machine that leads to the daemon while the guest is on. */
  readonly volumedSocket: string
  #relay: Server | undefined

  private constructor(guest: LinuxGuest, stateDir: string, volumedSocket: string) {
    this.#guest = guest
    this.stateDir = stateDir
    this.volumedSocket = volumedSocket
  }

  /** It is off. */
  static async prepare(spec: OmaGuestSpec): Promise<OmaGuest> {
    const stateDir = join(spec.dir, 'state')
    for (const name of ['fences', 'staging'])
      await mkdir(join(stateDir, name), { recursive: true, mode: 0o700 })
    const config = {
      role: 'volumed',
      log_level: 'info',
      api: { socket: guestPaths.volumedSocket },
      by_id_dir: guestPaths.byIdDir,
      names_dir: guestPaths.namesDir,
      export_socket_dir: guestPaths.exportsDir,
      state_dir: join(stateMount, 'fences'),
      staging_dir: join(stateMount, 'staging'),
      nbdkit: '/usr/bin/nbdkit',
      qemu_nbd: '/usr/bin/qemu-nbd',
      qemu_img: '/usr/bin/qemu-img',
    }
    await writeFile(join(stateDir, 'volumed.toml'), stringify(config))
    const guest = await LinuxGuest.prepare({ ...spec, stateDir, memoryMib: 1024 })
    return new OmaGuest(guest, stateDir, join(spec.dir, 'volumed.sock'))
  }

  get control(): GuestControl {
    return this.#guest.control
  }

  plug(disk: GuestDisk): Promise<void> {
    return this.#guest.plug(disk)
  }

  unplug(serial: string): Promise<void> {
    return this.#guest.unplug(serial)
  }

  resize(serial: string, sizeBytes: number): Promise<void> {
    return this.#guest.resize(serial, sizeBytes)
  }

  /** Resolves when the daemon answers. */
  async powerOn(): Promise<void> {
    await this.#guest.powerOn()
    const { control } = this.#guest
    await control.run(['/bin/mkdir', '-p', '-m', '0700', guestPaths.exportsDir, guestPaths.namesDir])
    const starts = (await this.daemonLog()).filter(isReady).length
    const argv = [process.execPath, mainPath, '--config', join(stateMount, 'volumed.toml')] as const
    await control.start(argv, join(stateMount, 'volumed.log'))
    await until(
      'the volume daemon in the guest is ready',
      async () => ((await this.daemonLog()).filter(isReady).length > starts ? true : undefined),
      startLimitMs,
    )
    this.#relay = await control.relay(this.volumedSocket, guestPaths.volumedSocket)
  }

  async powerOff(): Promise<void> {
    this.#relay?.close()
    this.#relay = undefined
    await this.#guest.powerOff()
  }

  /** What the daemon logged since the guest was made, oldest first. */
  async daemonLog(): Promise<readonly LogLine[]> {
    const text = await readFile(join(this.stateDir, 'volumed.log'), 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
      throw error
    })
    // The newest line may be half written, and Node's own complaints are no JSON.
    return text.split('\n').flatMap(line => {
      if (!line.startsWith('{') || !line.endsWith('}')) return []
      return [JSON.parse(line) as LogLine]
    })
  }
}

export interface LogLine {
  readonly msg: string
  readonly time: number | string
  readonly serial?: string
  readonly proofMs?: number
  readonly serverMs?: number
}

const isReady = ({ msg }: LogLine): boolean => msg === 'volume daemon ready'
