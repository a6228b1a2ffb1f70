import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { randomBytes, randomUUID } from 'node:crypto'
import { type Server } from 'node:https'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { VcenterAdmin } from './admin.js'
import { makeCertificate, type Certificate } from './certificate.js'
import { Encoder } from './encode.js'
import { Faults } from './faults.js'
import { fillDisk, guestWrites, GuestWriter, type GuestWritesRequest, type WrittenRange } from './guest.js'
import { identitiesOf } from './identities.js'
import { Inventory } from './inventory.js'
import { type SimulatorOptions } from './options.js'
import { ReaderSite, type ReaderFaults } from './reader-site.js'
import { makeServer, type SeenCall } from './server.js'
import { addServices } from './service-content.js'
import { Sessions } from './sessions.js'
import { DATASTORE_NAME, FREE_BYTES, Site } from './site.js'
import { TaskManager } from './tasks.js'
import { type Vcenter } from './vcenter.js'
import { ref } from './vim-value.js'
import { VimSchema } from './vim-schema.js'
import { VmOperations } from './vm-operations.js'
import { makeVmView } from './vm-view.js'
import { type Vm } from './vm.js'

const GIB = 1024n * 1024n * 1024n

/** How many of the newest calls are remembered. */
const MAX_CALLS = 20_000

/** A vCenter with VMs whose disks are real files; see SimulatorOptions. */
export class VcenterSimulator {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** The self-signed certificate, for clients that trust by authority. */
  readonly certificatePem: string
  readonly thumbprintSha1: string
  readonly thumbprintSha256: string
  /** `libdir` for nbdkit's vddk plugin: the stand-in library that serves this simulator's snapshots. */
  readonly vddkLibraryDir: string
  readonly faults: Faults
  /** Somebody else at work in this vCenter. */
  readonly admin: VcenterAdmin
  private readonly server: Server
  private readonly vcenter: Vcenter
  private readonly reader: ReaderSite
  private readonly writer: GuestWriter | null
  private readonly seen: SeenCall[]

  private constructor(
    parts: Parts,
    address: { readonly host: string; readonly port: number },
    reader: ReaderSite,
  ) {
    this.server = parts.server
    this.vcenter = parts.vcenter
    this.faults = parts.vcenter.faults
    this.seen = parts.seen
    this.user = parts.user
    this.password = parts.password
    this.certificatePem = parts.certificate.certificatePem
    this.thumbprintSha1 = parts.certificate.thumbprintSha1
    this.thumbprintSha256 = parts.certificate.thumbprintSha256
    this.reader = reader
    this.admin = new VcenterAdmin(parts.vcenter, reader)
    this.vddkLibraryDir = reader.libraryDir
    this.host = address.host
    this.port = address.port
    this.url = `https://${address.host}:${address.port}/sdk`
    this.writer = parts.options.writer
      ? new GuestWriter(parts.options.writer, () => this.vcenter.vms.values())
      : null
    this.writer?.resume()
  }

  /** Resolves when clients can connect and all disks are filled. */
  static async start(options: SimulatorOptions): Promise<VcenterSimulator> {
    const certificate = await makeCertificate(options.directory)
    const user = options.user ?? 'administrator@vsphere.local'
    const password = options.password ?? randomBytes(9).toString('base64url')
    const host = options.host ?? '127.0.0.1'
    const seen: SeenCall[] = []
    const readerLater: { site: ReaderSite | null } = { site: null }
    const vcenter = makeVcenter(options, { user, password }, readerLater)
    const server = makeServer(vcenter, certificate, {
      seen: call => {
        seen.push(call)
        if (seen.length > MAX_CALLS) seen.splice(0, MAX_CALLS / 2)
      },
    })
    server.listen(options.port ?? 0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const reader = new ReaderSite({
      directory: join(options.directory, 'vddk'),
      libraryPath: options.vddkLibrary ?? builtLibrary(),
      port,
      serverNames: [host, 'localhost'],
      user,
      password,
      thumbprintSha1: certificate.thumbprintSha1,
    })
    await reader.prepare()
    readerLater.site = reader
    await fillVms(options, vcenter, reader)
    const parts = { options, certificate, user, password, vcenter, server, seen }
    return new VcenterSimulator(parts, { host, port }, reader)
  }

  get vms(): readonly Vm[] {
    return [...this.vcenter.vms.values()]
  }

  /** The calls seen so far, oldest first. */
  get calls(): readonly SeenCall[] {
    return this.seen
  }

  get sessionCount(): number {
    return this.vcenter.sessions.all.length
  }

  get failedLogins(): number {
    return this.vcenter.sessions.failedLogins
  }

  /** By managed object id, instance UUID or name. Throws when there is not exactly one. */
  vm(which: string): Vm {
    const found = this.vms.filter(
      vm => vm.ref.id === which || vm.identity.instanceUuid === which || vm.name === which,
    )
    const [vm] = found
    if (vm === undefined || found.length !== 1)
      throw new RangeError(`${found.length} VMs are called ${which}`)
    return vm
  }

  /** A write of the guest at a given place; complete when it resolves. */
  guestWrite(vm: Vm, diskKey: number, offsetBytes: bigint, bytes: Uint8Array): Promise<void> {
    const disk = vm.disk(diskKey)
    if (disk === undefined) return Promise.reject(new RangeError(`${vm.name} has no disk ${diskKey}`))
    return vm.lock.run(() => disk.write(Number(offsetBytes), bytes))
  }

  /** Writes of the guest at random places; tells where. */
  guestWrites(vm: Vm, request: GuestWritesRequest): Promise<WrittenRange[]> {
    return guestWrites(vm, request)
  }

  async pauseWriter(): Promise<void> {
    await this.writer?.pause()
  }

  resumeWriter(): void {
    this.writer?.resume()
  }

  /** Gives all disks of the VM a new change-tracking epoch, as a crash of its host does. */
  resetChangeTracking(vm: Vm): Promise<void> {
    return vm.lock.run(() => {
      for (const disk of vm.disks) disk.journal.reset()
      return Promise.resolve()
    })
  }

  /** Takes effect at the next connect or read of a reader. */
  async setReaderFaults(faults: ReaderFaults): Promise<void> {
    await this.reader.publishFaults(faults)
  }

  /** What disk readers have read since the start, also those that were killed. */
  readBytes(): Promise<bigint> {
    return this.reader.readBytes()
  }

  /** Ends all sessions, as a restart of vCenter does. */
  dropSessions(): void {
    for (const session of this.vcenter.sessions.all) this.vcenter.sessions.end(session)
  }

  async close(): Promise<void> {
    await this.writer?.pause()
    this.faults.clear()
    this.dropSessions()
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    await closed
    await this.vcenter.tasks.settle()
    await this.reader.settle()
    for (const vm of this.vms) await vm.lock.run(() => closeDisks(vm))
  }
}

interface Parts {
  readonly options: SimulatorOptions
  readonly certificate: Certificate
  readonly user: string
  readonly password: string
  readonly vcenter: Vcenter
  readonly server: Server
  readonly seen: SeenCall[]
}

async function closeDisks(vm: Vm): Promise<void> {
  for (const disk of vm.disks) await disk.close()
}

function makeVcenter(
  options: SimulatorOptions,
  login: { readonly user: string; readonly password: string },
  readerLater: { readonly site: ReaderSite | null },
): Vcenter {
  const schema = new VimSchema()
  const inventory = new Inventory()
  const faults = new Faults()
  const apiType = options.apiType ?? 'VirtualCenter'
  const ids = identitiesOf(apiType)
  const tasks = new TaskManager(inventory, ids.taskManager, {
    delayMs: options.taskDelayMs ?? 20,
    retentionMs: options.taskRetentionMs ?? 600_000,
  })
  tasks.beforeWork = request => faults.beforeTask(request)
  const sessions = new Sessions({
    ...login,
    idleMs: options.sessionIdleMs ?? 1_800_000,
    now: options.nowMs ?? (() => performance.now()),
  })
  sessions.onEnd = session => {
    for (const mine of session.owned) inventory.remove(mine)
  }
  sessions.onChange = () => {
    void readerLater.site?.publishSessions(sessions.all)
  }
  const site = new Site(apiType, inventory, options.directory, options.archiveDir !== undefined)
  addServices(apiType, inventory, site.rootFolder, randomUUID())
  const reader = (): ReaderSite => {
    if (readerLater.site === null) throw new Error('the simulator is still starting')
    return readerLater.site
  }
  const view = makeVmView(tasks)
  for (const spec of options.vms) site.addVm(spec, view)
  for (let number = 1; number <= (options.generatedVms ?? 0); number++)
    site.addVm(
      {
        name: `app-${number.toString().padStart(4, '0')}`,
        folder: apiType === 'VirtualCenter' ? [`team-${number % 20}`, `tier-${number % 3}`] : [],
        power: number % 7 === 0 ? 'off' : 'on',
        disks: [{ sizeBytes: 40n * GIB }, { sizeBytes: BigInt(1 + (number % 9)) * 100n * GIB }],
      },
      view,
    )
  let lastId = 0
  return {
    schema,
    encoder: new Encoder(schema),
    inventory,
    sessions,
    tasks,
    faults,
    operations: new VmOperations({
      inventory,
      reader,
      archiveDir: options.archiveDir ?? null,
      shownMark: (_vm, mark) => faults.shownMark(mark),
    }),
    world: { schema, inventory, mayRead: (object, path) => faults.mayRead(object, path), session: null },
    vms: site.vms,
    removeVm: vm => site.removeVm(vm),
    rootFolder: site.rootFolder,
    storage: {
      ref: ref('Datastore', ids.datastore),
      freeBytes: FREE_BYTES,
      datacenter: ids.datacenterName,
      datastore: DATASTORE_NAME,
    },
    changedAreasLimits: {
      maxAreas: options.maxAreasPerAnswer ?? 1000,
      maxAreaBytes: options.maxAreaBytes ?? 16n * 1024n * 1024n,
    },
    nextId: prefix => `${prefix}-${++lastId}`,
  }
}

async function fillVms(options: SimulatorOptions, vcenter: Vcenter, reader: ReaderSite): Promise<void> {
  const vms = [...vcenter.vms.values()]
  for (const [index, spec] of options.vms.entries()) {
    const vm = vms[index]
    if (vm === undefined) continue
    for (const [number, disk] of spec.disks.entries()) {
      const target = vm.disks[number]
      if (target !== undefined) await fillDisk(target, disk.content ?? [])
    }
    if (vm.powerState === 'poweredOff') await reader.publishCurrent(vm)
  }
}

/** The library as `make -C lab/vddk` leaves it, seen from the sources and from a compiled tree beside them. */
function builtLibrary(): string {
  const name = 'vddk/build/lib64/libvixDiskLib.so.8'
  const candidates = [join(import.meta.dirname, '..', name), join(import.meta.dirname, '../../../lab', name)]
  return candidates.find(path => existsSync(path)) ?? join(import.meta.dirname, '..', name)
}
