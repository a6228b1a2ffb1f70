import { createHash, randomUUID } from 'node:crypto'
import { type EntityKind } from './parameters.js'
import { type VmSpec } from './options.js'

export interface Named {
  readonly id: string
  readonly name: string
}

export interface DiskOffering extends Named {
  /** Null: the size is given with each volume. */
  readonly sizeGib: number | null
}

export interface ServiceOffering extends Named {
  /** Null: given with each VM. */
  readonly cpuNumber: number | null
  readonly cpuSpeedMhz: number
  readonly memoryMib: number | null
}

export interface Network extends Named {
  readonly zone: Named
}

export type VmState = 'Running' | 'Stopped'

export interface Nic {
  readonly id: string
  readonly network: Network
  readonly macAddress: string
  readonly ipAddress: string
}

/** What a VM that was deployed by the API has of its own. */
export interface Deployment {
  readonly displayName: string
  readonly offering: ServiceOffering
  readonly cpuNumber: number
  readonly memoryMib: number
  readonly bootType: string
  readonly nics: readonly Omit<Nic, 'id' | 'ipAddress'>[]
}

/** One change of a VM's power, for whoever checks that two never ran at once. */
export interface PowerChange {
  readonly vmId: string
  readonly state: VmState
  readonly atMs: number
}

export class Vm implements Named {
  readonly id: string
  readonly name: string
  readonly zone: Named
  readonly nics: readonly [Nic, ...Nic[]]
  readonly deployment: Deployment | null
  readonly instanceName: string
  readonly created = new Date()
  readonly tags = new Map<string, string>()
  /** Snapshots of the whole VM, which keep volumes from being attached. */
  readonly vmSnapshots: Named[] = []
  /** Name of the account it belongs to; null: that of the key. */
  account: string | null = null
  state: VmState
  displayName: string

  constructor(
    spec: VmSpec,
    number: number,
    zone: Named,
    network: Network,
    deployment: Deployment | null = null,
  ) {
    this.id = spec.id ?? randomUUID()
    this.name = spec.name
    this.displayName = deployment?.displayName ?? spec.name
    this.zone = zone
    this.deployment = deployment
    const own = { network, macAddress: spec.macAddress ?? macAddressOf(number, 0) }
    const [first = own, ...more] = deployment?.nics ?? []
    const nicOf = (nic: Omit<Nic, 'id' | 'ipAddress'>, index: number): Nic => ({
      ...nic,
      id: randomUUID(),
      ipAddress: `10.1.${1 + index}.${10 + number}`,
    })
    this.nics = [nicOf(first, 0), ...more.map((nic, index) => nicOf(nic, index + 1))]
    this.instanceName = `i-2-${number}-VM`
    this.state = spec.power === 'off' ? 'Stopped' : 'Running'
  }

  /** Of its first card. */
  get macAddress(): string {
    return this.nics[0].macAddress
  }
}

/** As CloudStack makes them up. */
export const macAddressOf = (vm: number, nic: number): string =>
  `1e:00:5a:00:${nic.toString(16).padStart(2, '0')}:${vm.toString(16).padStart(2, '0')}`

export type VolumeState = 'Allocated' | 'Attaching' | 'Ready' | 'Resizing' | 'Destroy' | 'Expunging'

export class Volume implements Named {
  readonly id = randomUUID()
  readonly name: string
  readonly zone: Named
  readonly offering: DiskOffering | null
  readonly created = new Date()
  readonly tags = new Map<string, string>()
  /** Disk 0 of a VM is its root, and no longer when it is detached (VolumeDaoImpl.attachVolume, detachVolume). */
  type: 'ROOT' | 'DATADISK'
  sizeBytes: number
  state: VolumeState = 'Allocated'
  vm: Vm | null = null
  deviceId: number | null = null
  attachedAt: Date | null = null
  /** Its creation failed: CloudStack keeps the entry for a while and removes it by itself. */
  isUnmade = false
  /** It has been on a storage pool since its first attachment. */
  isPlaced = false

  constructor(from: {
    readonly name: string
    readonly type: 'ROOT' | 'DATADISK'
    readonly zone: Named
    readonly offering: DiskOffering | null
    readonly sizeBytes: number
  }) {
    this.name = from.name
    this.type = from.type
    this.zone = from.zone
    this.offering = from.offering
    this.sizeBytes = from.sizeBytes
  }
}

export type SnapshotState = 'Allocated' | 'Creating' | 'BackingUp' | 'BackedUp' | 'Error'

/** The state of one volume at one time. */
export class Snapshot implements Named {
  readonly id = randomUUID()
  readonly name: string
  readonly volume: Volume
  readonly sizeBytes: number
  readonly created = new Date()
  readonly tags = new Map<string, string>()
  state: SnapshotState = 'Allocated'

  constructor(name: string, volume: Volume) {
    this.name = name
    this.volume = volume
    this.sizeBytes = volume.sizeBytes
  }
}

/** The same in every simulator, so that a configuration written for one fits the next. */
const fixedId = (what: string): string => {
  const hex = createHash('sha256').update(`simulated cloud: ${what}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
const named = (kind: string, name: string): Named => ({ id: fixedId(`${kind} ${name}`), name })

const gib = 1024 ** 3
const rootGib = 8
const templateGib = 2

/** What the cloud holds. Two zones, so that the wrong one can be chosen. */
export class Site {
  readonly version = '4.20.1.0'
  readonly zones: readonly [Named, Named] = [named('zone', 'zone-1'), named('zone', 'zone-2')]
  readonly domain = named('domain', 'ROOT')
  readonly account = named('account', 'ossea')
  readonly userId = fixedId('user ossea')
  readonly pools: readonly [Named, Named] = [named('pool', 'primary-1'), named('pool', 'primary-2')]
  readonly template = named('template', 'debian-12')
  readonly osType = named('os type', 'Debian GNU/Linux 12 (64-bit)')
  readonly diskOfferings: readonly DiskOffering[] = [
    { ...named('disk offering', 'Custom'), sizeGib: null },
    { ...named('disk offering', 'Small'), sizeGib: 5 },
    { ...named('disk offering', 'Large'), sizeGib: 100 },
  ]
  readonly serviceOfferings: readonly ServiceOffering[] = [
    { ...named('service offering', 'Small Instance'), cpuNumber: 1, cpuSpeedMhz: 500, memoryMib: 512 },
    { ...named('service offering', 'Medium Instance'), cpuNumber: 2, cpuSpeedMhz: 1000, memoryMib: 4096 },
    { ...named('service offering', 'Custom'), cpuNumber: null, cpuSpeedMhz: 1000, memoryMib: null },
  ]
  /** The first two are those of VMs that are there from the start, by zone. */
  readonly networks: readonly [Network, Network, ...Network[]] = [
    { ...named('network', 'production'), zone: this.zones[0] },
    { ...named('network', 'production-2'), zone: this.zones[1] },
    { ...named('network', 'isolated'), zone: this.zones[0] },
  ]
  readonly vms = new Map<string, Vm>()
  readonly volumes = new Map<string, Volume>()
  readonly snapshots = new Map<string, Snapshot>()
  readonly applianceVm: Vm
  /** By resource type; a kind that is not named has no limit. */
  readonly resourceLimits = new Map<number, number>()
  readonly powerChanges: PowerChange[] = []
  /** Volumes that went with their VM. */
  readonly lostWithVm: string[] = []
  poolScope: 'ZONE' | 'CLUSTER' | 'HOST' = 'ZONE'
  /** Volumes that were; CloudStack knows their ids, but lists them no more. */
  readonly #removedVolumes = new Set<string>()
  readonly #removedSnapshots = new Set<string>()
  readonly #removedVms = new Set<string>()
  #vmCount = 0

  constructor(appliance: VmSpec, vms: readonly VmSpec[]) {
    this.applianceVm = this.#addVm(appliance)
    for (const spec of vms) this.#addVm(spec)
  }

  #addVm(spec: VmSpec): Vm {
    const zone = spec.zone ?? 0
    this.#vmCount += 1
    const vm = new Vm(spec, this.#vmCount, this.zones[zone], this.networks[zone])
    this.vms.set(vm.id, vm)
    const root = this.#addRoot(vm, rootGib * gib)
    root.state = 'Ready'
    root.isPlaced = true
    return vm
  }

  /** Off, and its root nowhere yet: CloudStack puts it on a pool when the VM first starts. */
  deploy(name: string, deployment: Deployment): Vm {
    this.#vmCount += 1
    const vm = new Vm({ name, power: 'off' }, this.#vmCount, this.zones[0], this.networks[0], deployment)
    this.vms.set(vm.id, vm)
    this.#addRoot(vm, templateGib * gib)
    return vm
  }

  #addRoot(vm: Vm, sizeBytes: number): Volume {
    const name = `ROOT-${this.#vmCount}`
    const root = new Volume({ name, type: 'ROOT', zone: vm.zone, offering: null, sizeBytes })
    root.vm = vm
    root.deviceId = 0
    root.attachedAt = vm.created
    this.volumes.set(root.id, root)
    return root
  }

  setPower(vm: Vm, state: VmState): void {
    vm.state = state
    this.powerChanges.push({ vmId: vm.id, state, atMs: Date.now() })
  }

  removeVm(vm: Vm): void {
    this.vms.delete(vm.id)
    this.#removedVms.add(vm.id)
  }

  volumesOf(vm: Vm): readonly Volume[] {
    return [...this.volumes.values()].filter(volume => volume.vm === vm)
  }

  poolOf(volume: Volume): Named {
    return volume.zone === this.zones[0] ? this.pools[0] : this.pools[1]
  }

  remove(volume: Volume): void {
    this.volumes.delete(volume.id)
    this.#removedVolumes.add(volume.id)
  }

  removeSnapshot(snapshot: Snapshot): void {
    this.snapshots.delete(snapshot.id)
    this.#removedSnapshots.add(snapshot.id)
  }

  /** True also for volumes and snapshots that were removed, as CloudStack's translation of ids finds them. */
  exists(kind: EntityKind, id: string): boolean {
    const among = (list: readonly Named[]) => list.some(item => item.id === id)
    switch (kind) {
      case 'zone':
        return among(this.zones)
      case 'disk-offering':
        return among(this.diskOfferings)
      case 'service-offering':
        return among(this.serviceOfferings)
      case 'template':
        return among([this.template])
      case 'network':
        return among(this.networks)
      case 'pool':
        return among(this.pools)
      case 'account':
        return among([this.account])
      case 'domain':
        return among([this.domain])
      case 'vm':
        return this.vms.has(id) || this.#removedVms.has(id)
      case 'volume':
        return this.volumes.has(id) || this.#removedVolumes.has(id)
      case 'snapshot':
        return this.snapshots.has(id) || this.#removedSnapshots.has(id)
      case 'job':
      case 'none':
        return false
    }
  }
}
