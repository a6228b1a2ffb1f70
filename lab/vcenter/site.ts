import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Disk } from './disk.js'
import { identitiesOf, type ApiType, type Identities } from './identities.js'
import { PlainObject, type Inventory } from './inventory.js'
import { type DiskSpec, type VmSpec } from './options.js'
import { data, ref, type DataObject, type MoRef, type VimValue } from './vim-value.js'
import { Vm } from './vm.js'

export const DATASTORE_NAME = 'datastore1'
const NETWORK_NAME = 'VM Network'
const GIB = 1024n * 1024n * 1024n
export const FREE_BYTES = 4096n * GIB

/** One datacenter with a cluster of two hosts, or one host, a datastore, a network, and folders of VMs. */
export class Site {
  readonly rootFolder: MoRef
  readonly vms = new Map<string, Vm>()
  private readonly ids: Identities
  private readonly inventory: Inventory
  private readonly directory: string
  private readonly keepShadows: boolean
  private readonly folders = new Map<string, PlainObject>()
  private readonly hosts: PlainObject[] = []
  private readonly withVms: PlainObject[] = []
  private readonly directories = new Set<string>()
  private lastVm = 100
  private lastFolder = 20

  constructor(apiType: ApiType, inventory: Inventory, directory: string, keepShadows: boolean) {
    this.ids = identitiesOf(apiType)
    this.rootFolder = ref('Folder', this.ids.rootFolder)
    this.inventory = inventory
    this.directory = directory
    this.keepShadows = keepShadows
    this.build()
  }

  private get computeType(): 'ComputeResource' | 'ClusterComputeResource' {
    return this.isSingleHost ? 'ComputeResource' : 'ClusterComputeResource'
  }

  private get isSingleHost(): boolean {
    return this.ids.hosts.length === 1
  }

  /** Adds a VM; its disks hold nothing yet. */
  addVm(spec: VmSpec, view: Vm['view']): Vm {
    const number = ++this.lastVm
    const vmRef = ref('VirtualMachine', `${this.ids.vmPrefix}${number}`)
    if (this.isSingleHost && (spec.folder ?? []).length > 0)
      throw new RangeError(`an ESXi host has no folders of VMs for ${spec.name}`)
    const parent = this.folder(spec.folder ?? [])
    const host = this.hosts[number % this.hosts.length]
    if (host === undefined) throw new Error('the site has no host')
    const directory = this.directoryFor(spec.name)
    const vm = new Vm(
      {
        ref: vmRef,
        uuid: spec.uuid ?? `4237${randomUUID().slice(4)}`,
        instanceUuid: spec.instanceUuid ?? `5037${randomUUID().slice(4)}`,
        directory,
        datastoreName: DATASTORE_NAME,
        datastore: ref('Datastore', this.ids.datastore),
        network: ref('Network', this.ids.network),
        networkName: NETWORK_NAME,
        resourcePool: ref('ResourcePool', this.ids.resourcePool),
        macAddress: `00:50:56:${(randomBytes(3).toString('hex').match(/../g) ?? []).join(':')}`,
      },
      {
        cpuCount: spec.cpuCount ?? 2,
        memoryMb: spec.memoryMb ?? 2048,
        guestId: spec.guestId ?? 'debian12_64Guest',
        guestFullName: spec.guestFullName ?? 'Debian GNU/Linux 12 (64-bit)',
        firmware: spec.firmware ?? 'bios',
        version: 'vmx-19',
        toolsRunning: spec.toolsRunning ?? true,
        isEncrypted: spec.encrypted ?? false,
      },
      spec.disks.map((disk, index) => this.makeDisk(vmRef, directory, disk, index)),
      {
        name: spec.name,
        host: host.ref,
        parent: parent.ref,
        powerState: spec.power === 'off' ? 'poweredOff' : 'poweredOn',
        changeTrackingEnabled: spec.changeTracking ?? false,
      },
    )
    vm.view = view
    this.inventory.add(vm)
    this.vms.set(vmRef.id, vm)
    append(parent, 'childEntity', vmRef)
    for (const holder of [host, ...this.withVms]) append(holder, 'vm', vmRef)
    return vm
  }

  removeVm(vm: Vm): void {
    this.vms.delete(vm.ref.id)
    for (const holder of [...this.folders.values(), ...this.hosts, ...this.withVms]) {
      drop(holder, 'childEntity', vm.ref)
      drop(holder, 'vm', vm.ref)
    }
    this.inventory.remove(vm.ref)
  }

  private makeDisk(vm: MoRef, directory: string, spec: DiskSpec, index: number): Disk {
    const key = spec.key ?? 2000 + index
    return new Disk({
      key,
      label: `Hard disk ${index + 1}`,
      capacityBytes: spec.sizeBytes,
      controllerKey: spec.controllerKey ?? 1000,
      // Unit 7 of a SCSI bus is the controller itself.
      unitNumber: spec.unitNumber ?? (index < 7 ? index : index + 1),
      diskMode: spec.diskMode ?? 'persistent',
      sharing: spec.sharing ?? 'sharingNone',
      directory: join(this.directory, 'datastore', directory),
      stem: index === 0 ? directory : `${directory}_${index}`,
      shadowPath: this.keepShadows ? join(this.directory, 'shadow', vm.id, `${key}.img`) : null,
    })
  }

  /** Two VMs of one name get two directories, as on a real datastore. */
  private directoryFor(name: string): string {
    const wanted = name.replaceAll(/[^A-Za-z0-9 ._-]/g, '_')
    let candidate = wanted
    for (let number = 1; this.directories.has(candidate); number++) candidate = `${wanted}_${number}`
    this.directories.add(candidate)
    return candidate
  }

  private folder(path: readonly string[]): PlainObject {
    const key = path.join('/')
    const known = this.folders.get(key)
    if (known !== undefined) return known
    const parent = this.folder(path.slice(0, -1))
    const made = this.entity('Folder', `group-v${++this.lastFolder}`, path.at(-1) ?? '', parent.ref, {
      childType: ['Folder', 'VirtualMachine', 'VirtualApp'],
      childEntity: [],
    })
    append(parent, 'childEntity', made.ref)
    this.folders.set(key, made)
    return made
  }

  private build(): void {
    const root = this.entity('Folder', this.ids.rootFolder, 'Datacenters', undefined, {
      childType: ['Folder', 'Datacenter'],
      childEntity: [ref('Datacenter', this.ids.datacenter)],
    })
    const datacenter = this.entity('Datacenter', this.ids.datacenter, this.ids.datacenterName, root.ref, {
      vmFolder: ref('Folder', this.ids.vmFolder),
      hostFolder: ref('Folder', this.ids.hostFolder),
      datastoreFolder: ref('Folder', this.ids.datastoreFolder),
      networkFolder: ref('Folder', this.ids.networkFolder),
      datastore: [ref('Datastore', this.ids.datastore)],
      network: [ref('Network', this.ids.network)],
      configuration: data('DatacenterConfigInfo', {}),
    })
    const folder = (id: string, name: string, childType: string[], children: MoRef[]): PlainObject =>
      this.entity('Folder', id, name, datacenter.ref, { childType, childEntity: children })
    this.folders.set('', folder(this.ids.vmFolder, 'vm', ['Folder', 'VirtualMachine', 'VirtualApp'], []))
    folder(
      this.ids.hostFolder,
      'host',
      ['Folder', 'ComputeResource'],
      [ref(this.computeType, this.ids.computeResource)],
    )
    folder(
      this.ids.datastoreFolder,
      'datastore',
      ['Folder', 'Datastore', 'StoragePod'],
      [ref('Datastore', this.ids.datastore)],
    )
    folder(
      this.ids.networkFolder,
      'network',
      ['Folder', 'Network', 'DistributedVirtualSwitch'],
      [ref('Network', this.ids.network)],
    )
    this.buildCluster()
    this.buildStorage()
  }

  private buildCluster(): void {
    const shared = {
      datastore: [ref('Datastore', this.ids.datastore)],
      network: [ref('Network', this.ids.network)],
    }
    const hostRefs = this.ids.hosts.map(id => ref('HostSystem', id))
    const cluster = this.entity(
      this.computeType,
      this.ids.computeResource,
      'DC0_C0',
      ref('Folder', this.ids.hostFolder),
      {
        resourcePool: ref('ResourcePool', this.ids.resourcePool),
        host: hostRefs,
        ...shared,
      },
    )
    this.withVms.push(
      this.entity('ResourcePool', this.ids.resourcePool, 'Resources', cluster.ref, {
        owner: cluster.ref,
        resourcePool: [],
        vm: [],
      }),
    )
    for (const [index, host] of hostRefs.entries()) {
      const name = `esx${index + 1}.lab.example`
      this.hosts.push(
        this.entity('HostSystem', host.id, name, cluster.ref, {
          vm: [],
          ...shared,
          runtime: hostRuntime(),
          summary: data('HostListSummary', {
            host,
            runtime: hostRuntime(),
            config: data('HostConfigSummary', {
              name,
              port: 902,
              vmotionEnabled: true,
              faultToleranceEnabled: false,
            }),
            quickStats: data('HostListSummaryQuickStats', {}),
            overallStatus: 'green',
            rebootRequired: false,
          }),
        }),
      )
    }
  }

  private buildStorage(): void {
    const datastore = ref('Datastore', this.ids.datastore)
    const url = 'ds:///vmfs/volumes/5f0c0000-lab/'
    const freeSpace = FREE_BYTES
    this.withVms.push(
      this.entity('Datastore', datastore.id, DATASTORE_NAME, ref('Folder', this.ids.datastoreFolder), {
        vm: [],
        browser: ref('HostDatastoreBrowser', 'datastoreBrowser-11'),
        info: data('DatastoreInfo', {
          name: DATASTORE_NAME,
          url,
          freeSpace,
          maxFileSize: 62n * 1024n * GIB,
          maxMemoryFileSize: freeSpace,
        }),
        summary: data('DatastoreSummary', {
          datastore,
          name: DATASTORE_NAME,
          url,
          capacity: 8192n * GIB,
          freeSpace,
          accessible: true,
          multipleHostAccess: true,
          type: 'VMFS',
          maintenanceMode: 'normal',
        }),
      }),
    )
    const network = ref('Network', this.ids.network)
    this.withVms.push(
      this.entity('Network', network.id, NETWORK_NAME, ref('Folder', this.ids.networkFolder), {
        vm: [],
        host: this.hosts.map(host => host.ref),
        summary: data('NetworkSummary', { network, name: NETWORK_NAME, accessible: true, ipPoolName: '' }),
      }),
    )
  }

  private entity(
    type: string,
    id: string,
    name: string,
    parent: MoRef | undefined,
    values: Record<string, VimValue>,
  ): PlainObject {
    return this.inventory.add(
      new PlainObject(ref(type, id), {
        name,
        parent,
        overallStatus: 'green',
        configStatus: 'green',
        alarmActionsEnabled: true,
        effectiveRole: [-1],
        ...values,
      }),
    )
  }
}

const hostRuntime = (): DataObject =>
  data('HostRuntimeInfo', {
    connectionState: 'connected',
    powerState: 'poweredOn',
    inMaintenanceMode: false,
  })

function append(object: PlainObject, property: string, reference: MoRef): void {
  const list = object.property(property)
  // Appended in place: with thousands of VMs a copy for each would be quadratic.
  if (Array.isArray(list)) (list as VimValue[]).push(reference)
}

function drop(object: PlainObject, property: string, reference: MoRef): void {
  const list = object.property(property)
  if (!Array.isArray(list)) return
  const rest = (list as readonly MoRef[]).filter(one => one.id !== reference.id)
  object.set(property, rest)
}
