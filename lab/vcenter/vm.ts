import { Mutex } from './mutex.js'
import { type Disk, type FrozenDisk } from './disk.js'
import { type Inventory, type ManagedObject } from './inventory.js'
import { type Layer } from './layer.js'
import { type DataObject, type MoRef, type VimValue } from './vim-value.js'

export type PowerState = 'poweredOn' | 'poweredOff'

export interface VmIdentity {
  readonly ref: MoRef
  readonly uuid: string
  readonly instanceUuid: string
  /** Directory on the datastore, which keeps its name when the VM is renamed. */
  readonly directory: string
  readonly datastoreName: string
  readonly datastore: MoRef
  readonly network: MoRef
  readonly networkName: string
  readonly resourcePool: MoRef
  readonly macAddress: string
}

export interface VmHardware {
  readonly cpuCount: number
  readonly memoryMb: number
  readonly guestId: string
  readonly guestFullName: string
  readonly firmware: 'bios' | 'efi'
  readonly version: string
  readonly toolsRunning: boolean
  readonly isEncrypted: boolean
}

/** A snapshot: the tree node of its VM, its own managed object, and what was frozen. */
export class Snapshot implements ManagedObject {
  readonly ref: MoRef
  readonly vm: Vm
  name: string
  description: string
  readonly number: number
  readonly createdAt = new Date()
  readonly powerState: PowerState
  readonly quiesced: boolean
  parent: Snapshot | null
  readonly disks: ReadonlyMap<number, FrozenDisk>
  /** The configuration at the instant of the snapshot, with the change IDs of that instant. */
  readonly config: DataObject

  constructor(
    vm: Vm,
    fields: Pick<
      Snapshot,
      'ref' | 'name' | 'description' | 'number' | 'powerState' | 'quiesced' | 'parent' | 'disks' | 'config'
    >,
  ) {
    this.vm = vm
    this.ref = fields.ref
    this.name = fields.name
    this.description = fields.description
    this.number = fields.number
    this.powerState = fields.powerState
    this.quiesced = fields.quiesced
    this.parent = fields.parent
    this.disks = fields.disks
    this.config = fields.config
  }

  get children(): Snapshot[] {
    return this.vm.snapshots.filter(other => other.parent === this)
  }

  property(name: string): VimValue | undefined {
    switch (name) {
      case 'config':
        return this.config
      case 'vm':
        return this.vm.identity.ref
      case 'childSnapshot':
        return this.children.map(child => child.ref)
      default:
        return undefined
    }
  }
}

/** A virtual machine: its state. What can be done to it is in vm-operations, what clients see of it in vm-view. */
export class Vm implements ManagedObject {
  identity: VmIdentity
  hardware: VmHardware
  disks: readonly Disk[]
  /** Held by everything that reads or changes disks: guest writes, snapshots, consolidation. */
  readonly lock = new Mutex()
  name: string
  host: MoRef
  parent: MoRef
  powerState: PowerState
  bootedAt: Date | null
  changeTrackingEnabled: boolean
  consolidationNeeded = false
  /** Every change since it was made, for whoever checks that two copies never ran at once. */
  readonly powerChanges: { readonly state: PowerState; readonly atMs: number }[] = []
  snapshots: Snapshot[] = []
  currentSnapshot: Snapshot | null = null
  changeVersion = 1
  /** Set by the simulator: how this VM's properties look to clients. */
  view: (vm: Vm, property: string) => VimValue | undefined = () => undefined

  constructor(
    identity: VmIdentity,
    hardware: VmHardware,
    disks: readonly Disk[],
    state: Pick<Vm, 'name' | 'host' | 'parent' | 'powerState' | 'changeTrackingEnabled'>,
  ) {
    this.identity = identity
    this.hardware = hardware
    this.disks = disks
    this.name = state.name
    this.host = state.host
    this.parent = state.parent
    this.powerState = state.powerState
    this.bootedAt = state.powerState === 'poweredOn' ? new Date() : null
    this.changeTrackingEnabled = state.changeTrackingEnabled
    if (state.changeTrackingEnabled) this.applyChangeTracking()
  }

  get ref(): MoRef {
    return this.identity.ref
  }

  property(name: string): VimValue | undefined {
    return this.view(this, name)
  }

  disk(key: number): Disk | undefined {
    return this.disks.find(disk => disk.options.key === key)
  }

  /** The path of a file of this VM as vSphere writes it. */
  datastorePath(fileName: string): string {
    return `[${this.identity.datastoreName}] ${this.identity.directory}/${fileName}`
  }

  /** The layers that the snapshots need frozen on one disk. */
  frozenLayers(disk: Disk): Set<Layer> {
    const layers = this.snapshots.flatMap(snapshot => snapshot.disks.get(disk.options.key)?.layer ?? [])
    return new Set(layers)
  }

  /** What a stun of the VM does: tracking begins or ends here, not when it is configured. */
  applyChangeTracking(): void {
    for (const disk of this.disks) {
      const wanted = this.changeTrackingEnabled && disk.isSnapshotable
      if (disk.tracked === wanted) continue
      disk.journal.reset()
      disk.tracked = wanted
    }
  }

  touched(inventory: Inventory): void {
    this.changeVersion += 1
    inventory.changed()
  }
}
