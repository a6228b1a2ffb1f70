import { type DiskOptions } from './disk.js'
import { type ReaderSite } from './reader-site.js'
import { type Vcenter } from './vcenter.js'
import { type PowerState, type Snapshot, type Vm } from './vm.js'

/** Where a disk hangs in its VM and what it is called; the key is what stays. */
export type Placement = Pick<DiskOptions, 'key' | 'label' | 'controllerKey' | 'unitNumber'>

/** Somebody else at work in the same vCenter: takes effect at once, without a task. */
export class VcenterAdmin {
  private readonly vcenter: Vcenter
  private readonly reader: ReaderSite

  constructor(vcenter: Vcenter, reader: ReaderSite) {
    this.vcenter = vcenter
    this.reader = reader
  }

  setPower(vm: Vm, state: PowerState): Promise<void> {
    return this.vcenter.operations.setPower(vm, state)
  }

  /** vSphere refuses to grow a disk under a snapshot. */
  growDisk(vm: Vm, key: number, capacityBytes: bigint): Promise<void> {
    return vm.lock.run(async () => {
      const disk = vm.disk(key)
      if (disk === undefined) throw new RangeError(`${vm.name} has no disk ${key}`)
      if (vm.snapshots.length > 0) throw new RangeError(`${vm.name} has snapshots`)
      await disk.grow(capacityBytes)
      vm.touched(this.vcenter.inventory)
    })
  }

  /** The host dies and another one starts the VM: what tracked its changes is lost with it. */
  async crashHost(vm: Vm): Promise<void> {
    await this.setPower(vm, 'poweredOff')
    await vm.lock.run(() => {
      for (const disk of vm.disks) disk.journal.reset()
      return Promise.resolve()
    })
    await this.setPower(vm, 'poweredOn')
  }

  /** Somebody switches change tracking off, and a snapshot of theirs makes that count. */
  async switchTrackingOff(vm: Vm): Promise<void> {
    vm.changeTrackingEnabled = false
    vm.touched(this.vcenter.inventory)
    await this.takeSnapshot(vm, 'stuns the VM')
    await this.removeSnapshot(vm, 'stuns the VM')
  }

  /** To the snapshot of this name; the VM is off afterwards, as after every revert to a snapshot without memory. */
  revert(vm: Vm, snapshotName: string): Promise<void> {
    return this.vcenter.operations.revert(vm, snapshotOf(vm, snapshotName))
  }

  takeSnapshot(vm: Vm, name: string): Promise<unknown> {
    return this.vcenter.operations.createSnapshot(vm, { name, description: 'by a customer', quiesced: false })
  }

  removeSnapshot(vm: Vm, name: string): Promise<void> {
    return this.vcenter.operations.removeSnapshots(vm, [snapshotOf(vm, name)], true)
  }

  /** With its snapshots and disks. */
  deleteVm(vm: Vm): Promise<void> {
    return vm.lock.run(async () => {
      for (const snapshot of vm.snapshots) {
        await this.reader.withdraw(vm, snapshot.ref.id)
        this.vcenter.inventory.remove(snapshot.ref)
      }
      await this.reader.withdraw(vm, 'current')
      this.vcenter.removeVm(vm)
    })
  }

  /** As a storage vMotion leaves it: all files in another directory, the disks still the same. */
  moveFiles(vm: Vm, directory: string): Promise<void> {
    return vm.lock.run(async () => {
      vm.identity = { ...vm.identity, directory }
      for (const snapshot of vm.snapshots) await this.reader.publishSnapshot(snapshot)
      if (vm.powerState === 'poweredOff') await this.reader.publishCurrent(vm)
      vm.touched(this.vcenter.inventory)
    })
  }

  /** Of the one datastore; clients see it when they have asked for a refresh. */
  setFreeSpace(bytes: bigint): void {
    this.vcenter.storage.freeBytes = bytes
  }

  /** Hangs disks on other controllers and units under other labels, and lists them in the order given. */
  rewire(vm: Vm, placements: readonly Placement[]): Promise<void> {
    return vm.lock.run(() => {
      const order = new Map(placements.map((placement, index) => [placement.key, index]))
      for (const placement of placements) {
        const disk = vm.disk(placement.key)
        if (disk === undefined) throw new RangeError(`${vm.name} has no disk ${placement.key}`)
        disk.options = { ...disk.options, ...placement }
      }
      const placeOf = (key: number): number => order.get(key) ?? order.size
      vm.disks = [...vm.disks].sort((a, b) => placeOf(a.options.key) - placeOf(b.options.key))
      vm.touched(this.vcenter.inventory)
      return Promise.resolve()
    })
  }
}

function snapshotOf(vm: Vm, name: string): Snapshot {
  const snapshot = vm.snapshots.find(candidate => candidate.name === name)
  if (snapshot === undefined) throw new RangeError(`${vm.name} has no snapshot ${name}`)
  return snapshot
}
