import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open } from 'node:fs/promises'
import { type Server } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Cloud, type Command } from './command.js'
import { discoveryCommands } from './commands-discovery.js'
import { jobCommands } from './commands-job.js'
import { limitCommands } from './commands-limits.js'
import { siteCommands } from './commands-site.js'
import { snapshotCommands } from './commands-snapshot.js'
import { tagCommands } from './commands-tag.js'
import { vmCommands } from './commands-vm.js'
import { machineCommands } from './commands-machine.js'
import { VolumeHistory, volumeCommands } from './commands-volume.js'
import { serialOf, type Devices } from './devices.js'
import { Dispatcher } from './dispatch.js'
import { Faults } from './faults.js'
import { GuestDevices } from './guest-devices.js'
import { Jobs } from './jobs.js'
import { cleanUpStale, LocalDevices } from './local-devices.js'
import { type SimulatorOptions } from './options.js'
import { makeServer, type SeenCall } from './server.js'
import { Site } from './site.js'
import { Storage } from './storage.js'
import { VolumeOperations } from './volume-operations.js'

/** How many of the newest calls are remembered. */
const maxCalls = 20_000

export interface CloudIds {
  readonly zone: string
  readonly otherZone: string
  /** Sizes are given with each volume. */
  readonly customDiskOffering: string
  readonly smallDiskOffering: string
  readonly largeDiskOffering: string
  readonly customServiceOffering: string
  readonly applianceVm: string
  readonly network: string
  /** Of the same zone, and without any VM. */
  readonly isolatedNetwork: string
  readonly template: string
  readonly account: string
  readonly domain: string
}

/** A CloudStack whose volumes are real: those attached to the appliance VM are block devices of this machine or of a guest. */
export class CloudstackSimulator {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly apiKey: string
  readonly secretKey: string
  readonly ids: CloudIds
  readonly byIdDir: string
  /** What the appliance's devices are: loop devices, the volumes' files themselves, or disks of a guest. */
  readonly devices: Devices['kind']
  readonly faults: Faults
  readonly site: Site
  readonly #parts: Parts

  private constructor(parts: Parts, key: Key, address: { readonly host: string; readonly port: number }) {
    const { cloud, faults } = parts
    this.#parts = parts
    this.host = address.host
    this.port = address.port
    this.url = `http://${address.host}:${address.port}/client/api`
    this.apiKey = key.apiKey
    this.secretKey = key.secretKey
    this.ids = idsOf(cloud.site)
    this.byIdDir = cloud.devices.byIdDir
    this.devices = cloud.devices.kind
    this.faults = faults
    this.site = cloud.site
  }

  /** Removes what a killed simulator left in the directory, then resolves when clients can connect. */
  static async start(options: SimulatorOptions): Promise<CloudstackSimulator> {
    const { directory } = options
    const byIdDir = options.byIdDir ?? join(directory, 'by-id')
    await cleanUpStale(directory, byIdDir)
    const host = options.host ?? '127.0.0.1'
    const key = {
      apiKey: options.apiKey ?? randomBytes(48).toString('base64url'),
      secretKey: options.secretKey ?? randomBytes(48).toString('base64url'),
    }
    const parts = await makeParts(options, byIdDir, key)
    parts.server.listen(options.port ?? 0, host)
    await once(parts.server, 'listening')
    const { port } = parts.server.address() as AddressInfo
    return new CloudstackSimulator(parts, key, { host, port })
  }

  /** The calls seen so far, oldest first. */
  get calls(): readonly SeenCall[] {
    return this.#parts.seen
  }

  /** Errors that no answer of CloudStack explains: bugs of the simulator, or a machine that fails. */
  get bugs(): readonly unknown[] {
    return this.#parts.bugs
  }

  /** The file with the bytes of a volume; of a root volume there is none. */
  volumePath(volumeId: string): string {
    return this.#parts.storage.path(volumeId)
  }

  /** Where the appliance finds a volume that is attached to it. */
  linkPath(volumeId: string): string {
    return join(this.byIdDir, `virtio-${serialOf(volumeId)}`)
  }

  /**
   * A new, detached volume gets storage with room for so many bytes only. Beyond them a loop device takes writes into
   * the page cache and the next flush fails with EIO, once: a flush after that one succeeds although the bytes are lost.
   * Without the page cache, and without a loop device, the write itself fails with ENOSPC. Needs root.
   */
  async limitVolume(volumeId: string, roomBytes: number): Promise<void> {
    const volume = this.site.volumes.get(volumeId)
    if (volume?.vm !== null) throw new RangeError(`volume ${volumeId} is not there, or attached`)
    await this.#parts.storage.limit(volumeId, roomBytes)
  }

  /** Uses up the room of a limited volume, attached or not. */
  fillStorage(volumeId: string): Promise<void> {
    return this.#parts.storage.fill(volumeId)
  }

  freeStorage(volumeId: string): Promise<void> {
    return this.#parts.storage.free(volumeId)
  }

  /** The device of an attached volume dies under its users; CloudStack still shows it attached. Not for files. */
  breakDevice(volumeId: string): Promise<void> {
    return this.#parts.cloud.devices.breakDevice(volumeId)
  }

  /** Ended jobs can be asked about no more, as after job.expire.minutes. */
  forgetEndedJobs(): void {
    this.#parts.cloud.jobs.forgetEnded()
  }

  /** Detaches every device. Rejects when a process keeps a loop device open. */
  async close(): Promise<void> {
    const { server, faults, cloud, storage } = this.#parts
    const stopped = cloud.jobs.stop()
    faults.clear()
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    await stopped
    await cloud.volumes.close()
    try {
      await cloud.devices.close()
    } finally {
      await storage.close()
    }
  }
}

interface Key {
  readonly apiKey: string
  readonly secretKey: string
}

interface Parts {
  readonly cloud: Cloud
  readonly storage: Storage
  readonly faults: Faults
  readonly server: Server
  readonly seen: readonly SeenCall[]
  readonly bugs: readonly unknown[]
}

async function makeParts(options: SimulatorOptions, byIdDir: string, key: Key): Promise<Parts> {
  const { directory } = options
  const seen: SeenCall[] = []
  const bugs: unknown[] = []
  const onBug = (error: unknown): void => {
    bugs.push(error)
  }
  const site = new Site(options.applianceVm ?? { name: 'ossea-oma' }, options.vms ?? [])
  const storage = await Storage.open(directory, options.dirtyVolumes ?? true)
  const devices = await openDevices(options, byIdDir)
  const faults = new Faults()
  const limits = {
    maxDataVolumes: options.maxDataVolumes ?? 24,
    maxVolumeGib: options.maxVolumeGib ?? 1024,
  }
  const cloud: Cloud = {
    site,
    devices,
    storage,
    snapshotBackupMs: options.snapshotBackupMs ?? 0,
    role: options.role ?? 'admin',
    limits,
    jobs: new Jobs(
      { delayMs: options.jobDelayMs ?? 20, retentionMs: options.jobRetentionMs ?? 600_000 },
      faults,
      onBug,
    ),
    volumes: new VolumeOperations(site, storage, devices, {
      ...limits,
      expungeDelayMs: options.expungeDelayMs ?? 0,
    }),
  }
  const dispatcher = new Dispatcher(cloud, commandsOf(cloud), faults, {
    key,
    strictParameters: options.strictParameters ?? true,
    requirePostAndTimestamps: options.requirePostAndTimestamps ?? false,
    maxPageSize: options.maxPageSize ?? 500,
    nowMs: options.nowMs ?? (() => Date.now()),
    onBug,
  })
  const server = makeServer({
    dispatcher,
    faults,
    version: site.version,
    seen: call => {
      seen.push(call)
      if (seen.length > maxCalls) seen.splice(0, maxCalls / 2)
    },
  })
  return { cloud, storage, faults, server, seen, bugs }
}

async function openDevices(options: SimulatorOptions, byIdDir: string): Promise<Devices> {
  const { directory, devices = 'auto' } = options
  if (typeof devices === 'object') return new GuestDevices(devices.guest)
  return LocalDevices.open(devices, byIdDir, directory, await probeFile(directory))
}

function commandsOf(cloud: Cloud): readonly Command[] {
  const history = new VolumeHistory(cloud)
  const commands: Command[] = [
    ...volumeCommands(history),
    ...vmCommands,
    ...machineCommands,
    ...snapshotCommands,
    ...tagCommands,
    ...jobCommands,
    ...siteCommands,
    ...limitCommands,
    ...discoveryCommands(() => commands),
  ]
  return commands
}

async function probeFile(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true })
  const path = join(directory, 'probe.img')
  const file = await open(path, 'w')
  await file.truncate(4096)
  await file.close()
  return path
}

function idsOf(site: Site): CloudIds {
  const [custom, small, large] = site.diskOfferings
  const service = site.serviceOfferings.find(offering => offering.cpuNumber === null)
  if (service === undefined) throw new Error('the site has no custom service offering')
  if (custom === undefined || small === undefined || large === undefined)
    throw new Error('the site has no disk offerings')
  return {
    zone: site.zones[0].id,
    otherZone: site.zones[1].id,
    customDiskOffering: custom.id,
    smallDiskOffering: small.id,
    largeDiskOffering: large.id,
    customServiceOffering: service.id,
    applianceVm: site.applianceVm.id,
    network: site.networks[0].id,
    isolatedNetwork: site.networks[2]?.id ?? '',
    template: site.template.id,
    account: site.account.id,
    domain: site.domain.id,
  }
}
