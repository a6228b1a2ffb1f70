import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type FrozenDisk } from './disk.js'
import { chainOf } from './layer.js'
import { Mutex } from './mutex.js'
import { type Session } from './sessions.js'
import { type Snapshot, type Vm } from './vm.js'

/** How the stand-in disk library misbehaves; read by it at each connect and each read. */
export interface ReaderFaults {
  readonly slowMsPerRead?: number
  readonly disconnectAfterReads?: number
  /** Every read fails from this offset on. */
  readonly failFromOffsetBytes?: bigint
  readonly refuseConnect?: boolean
}

export interface ReaderSiteOptions {
  readonly directory: string
  /** The built stand-in library; the site is a library directory of its own that links to it. */
  readonly libraryPath: string
  readonly port: number
  readonly serverNames: readonly string[]
  readonly user: string
  readonly password: string
  readonly thumbprintSha1: string
}

/**
 * What the stand-in libvixDiskLib reads to serve this vCenter's snapshots: who may connect, and which files make up each
 * disk of each snapshot. Each file is replaced atomically. The directory serves as `libdir` of nbdkit's vddk plugin.
 */
export class ReaderSite {
  private readonly options: ReaderSiteOptions
  private readonly salt = randomBytes(16)
  private readonly order = new Mutex()

  constructor(options: ReaderSiteOptions) {
    this.options = options
  }

  get libraryDir(): string {
    return this.options.directory
  }

  async prepare(): Promise<void> {
    const { directory, libraryPath, port } = this.options
    for (const part of ['lib64', 'sites', 'vms']) await mkdir(join(directory, part), { recursive: true })
    const link = join(directory, 'lib64', 'libvixDiskLib.so.8')
    await rm(link, { force: true })
    await symlink(libraryPath, link)
    await this.publishSessions([])
    await this.publishFaults({})
    await this.put(join(directory, 'read-bytes'), '\0'.repeat(8))
    await this.put(join(directory, 'sites', String(port)), `${directory}\n`)
  }

  /** What all readers have read since the start, also those that were killed. */
  async readBytes(): Promise<bigint> {
    return (await readFile(join(this.options.directory, 'read-bytes'))).readBigUInt64LE()
  }

  /** The last call wins, whatever the order in which files are written. */
  publishSessions(sessions: readonly Session[]): Promise<void> {
    return this.order.run(() => this.writeAccess(sessions))
  }

  /** Resolves when everything told so far is written. */
  settle(): Promise<void> {
    return this.order.run(() => Promise.resolve())
  }

  private async writeAccess(sessions: readonly Session[]): Promise<void> {
    const { directory, serverNames, user, password, thumbprintSha1 } = this.options
    const lines = [
      ...serverNames.map(name => `server ${name}`),
      `thumbprint ${thumbprintSha1}`,
      `user ${user}`,
      `salt ${this.salt.toString('hex')}`,
      `password ${this.digest(password)}`,
      ...sessions.map(session => `session ${this.digest(session.cookie)}`),
    ]
    await this.put(join(directory, 'access'), `${lines.join('\n')}\n`)
  }

  async publishFaults(faults: ReaderFaults): Promise<void> {
    const lines = [
      `slow-ms ${faults.slowMsPerRead ?? 0}`,
      `disconnect-after-reads ${faults.disconnectAfterReads ?? -1}`,
      `fail-from-offset ${faults.failFromOffsetBytes ?? -1n}`,
      `refuse-connect ${faults.refuseConnect === true ? 1 : 0}`,
    ]
    await this.put(join(this.options.directory, 'faults'), `${lines.join('\n')}\n`)
  }

  /** Describes a snapshot's frozen disks so that they can be opened. */
  async publishSnapshot(snapshot: Snapshot): Promise<void> {
    const disks = [...snapshot.disks].map(([key, frozen]) => diskLines(snapshot.vm, key, frozen))
    await this.publish(snapshot.vm, snapshot.ref.id, disks)
  }

  /** A powered-off VM may be read without a snapshot; `current` is its reference then. */
  async publishCurrent(vm: Vm): Promise<void> {
    const disks: string[] = []
    for (const disk of vm.disks) {
      await disk.top.store.publishMap()
      disks.push(
        diskLines(vm, disk.options.key, { layer: disk.top, mark: null, capacityBytes: disk.capacityBytes }),
      )
    }
    await this.publish(vm, 'current', disks)
  }

  async withdraw(vm: Vm, reference: string): Promise<void> {
    await rm(join(this.options.directory, 'vms', vm.ref.id, reference), { force: true })
  }

  private async publish(vm: Vm, reference: string, disks: readonly string[]): Promise<void> {
    const directory = join(this.options.directory, 'vms', vm.ref.id)
    await mkdir(directory, { recursive: true })
    await this.put(join(directory, reference), disks.join(''))
  }

  private digest(text: string): string {
    return createHash('sha256').update(this.salt).update(text).digest('hex')
  }

  private async put(path: string, text: string): Promise<void> {
    const draft = `${path}.${randomBytes(4).toString('hex')}.new`
    await writeFile(draft, text, { mode: 0o644 })
    await rename(draft, path)
  }
}

/** `disk <capacity> <path as vSphere writes it>`, then a line for each layer's file, base first. */
function diskLines(vm: Vm, key: number, frozen: FrozenDisk): string {
  const disk = vm.disk(key)
  if (disk === undefined) return ''
  const layers = chainOf(frozen.layer).filter(store => !store.blocks.isEmpty)
  const path = vm.datastorePath(frozen.layer.store.vmdkName)
  return [`disk ${frozen.capacityBytes} ${path}`, ...layers.map(store => `layer ${store.path}`), ''].join(
    '\n',
  )
}
