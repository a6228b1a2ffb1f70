import { join } from 'node:path'
import { archiveDisk } from './archive.js'
import { type ChangeMark } from './change-journal.js'
import { type FrozenDisk } from './disk.js'
import { type Inventory } from './inventory.js'
import { type ReaderSite } from './reader-site.js'
import { ref } from './vim-value.js'
import { Snapshot, type PowerState, type Vm } from './vm.js'
import { vmConfig } from './vm-config.js'

export interface SnapshotRequest {
  readonly name: string
  readonly description: string
  readonly quiesced: boolean
}

export interface OperationDeps {
  readonly inventory: Inventory
  readonly reader: () => ReaderSite
  /** Null: keep no archive. */
  readonly archiveDir: string | null
  /** What a fault rule makes of the mark of a disk at a snapshot. */
  readonly shownMark: (vm: Vm, mark: ChangeMark | null) => ChangeMark | null
}

/** What tasks do to VMs. Every operation holds the VM's lock while it touches disks. */
export class VmOperations {
  private readonly deps: OperationDeps
  private lastSnapshot = 0

  constructor(deps: OperationDeps) {
    this.deps = deps
  }

  /**
   * Freezes all disks at one instant: no write of the guest falls between two disks. The archive and the description
   * for readers are complete before it returns.
   */
  createSnapshot(vm: Vm, request: SnapshotRequest): Promise<Snapshot> {
    return vm.lock.run(async () => {
      vm.applyChangeTracking()
      const disks = vm.disks.filter(disk => disk.isSnapshotable)
      if (this.deps.archiveDir !== null)
        for (const disk of disks) await archiveDisk(disk, join(this.deps.archiveDir, request.name))
      const frozen = new Map<number, FrozenDisk>()
      for (const disk of disks) frozen.set(disk.options.key, await disk.freeze())
      const config = vmConfig(vm, disk => {
        const at = frozen.get(disk.options.key)
        return at === undefined
          ? { layer: disk.top, mark: null }
          : { layer: at.layer, mark: this.deps.shownMark(vm, at.mark) }
      })
      this.lastSnapshot += 1
      const snapshot = new Snapshot(vm, {
        ref: ref('VirtualMachineSnapshot', `snapshot-${this.lastSnapshot}`),
        name: request.name,
        description: request.description,
        number: this.lastSnapshot,
        powerState: vm.powerState,
        quiesced: request.quiesced && vm.powerState === 'poweredOn' && vm.hardware.toolsRunning,
        parent: vm.currentSnapshot,
        disks: frozen,
        config,
      })
      await this.deps.reader().publishSnapshot(snapshot)
      await this.publishPowerState(vm)
      // Shown in the VM's tree and there to be read at one instant.
      this.deps.inventory.add(snapshot)
      vm.snapshots.push(snapshot)
      vm.currentSnapshot = snapshot
      vm.touched(this.deps.inventory)
      return snapshot
    })
  }

  /** `consolidate: false` leaves the layers in place and the VM in need of consolidation. */
  removeSnapshots(vm: Vm, doomed: readonly Snapshot[], consolidate: boolean): Promise<void> {
    return vm.lock.run(async () => {
      for (const snapshot of doomed) {
        for (const child of snapshot.children) child.parent = snapshot.parent
        vm.snapshots = vm.snapshots.filter(other => other !== snapshot)
        if (vm.currentSnapshot === snapshot) vm.currentSnapshot = snapshot.parent
        await this.deps.reader().withdraw(vm, snapshot.ref.id)
        this.deps.inventory.remove(snapshot.ref)
      }
      if (consolidate) await this.foldLayers(vm)
      else vm.consolidationNeeded = true
      vm.touched(this.deps.inventory)
    })
  }

  consolidate(vm: Vm): Promise<void> {
    return vm.lock.run(async () => {
      await this.foldLayers(vm)
      vm.touched(this.deps.inventory)
    })
  }

  revert(vm: Vm, snapshot: Snapshot): Promise<void> {
    return vm.lock.run(async () => {
      for (const disk of vm.disks) {
        const frozen = snapshot.disks.get(disk.options.key)
        if (frozen !== undefined) await disk.revertTo(frozen.layer)
      }
      vm.currentSnapshot = snapshot
      // Snapshots are taken without memory, so the VM comes back powered off.
      vm.powerState = 'poweredOff'
      vm.bootedAt = null
      await this.publishPowerState(vm)
      vm.touched(this.deps.inventory)
    })
  }

  setPower(vm: Vm, state: PowerState): Promise<void> {
    return vm.lock.run(async () => {
      vm.powerState = state
      vm.powerChanges.push({ state, atMs: Date.now() })
      vm.bootedAt = state === 'poweredOn' ? new Date() : null
      if (state === 'poweredOn') vm.applyChangeTracking()
      await this.publishPowerState(vm)
      vm.touched(this.deps.inventory)
    })
  }

  /** Only a powered-off VM's current disks can be opened by a reader. */
  private async publishPowerState(vm: Vm): Promise<void> {
    if (vm.powerState === 'poweredOff') await this.deps.reader().publishCurrent(vm)
    else await this.deps.reader().withdraw(vm, 'current')
  }

  private async foldLayers(vm: Vm): Promise<void> {
    for (const disk of vm.disks) await disk.consolidate(vm.frozenLayers(disk))
    vm.consolidationNeeded = false
    for (const snapshot of vm.snapshots) await this.deps.reader().publishSnapshot(snapshot)
    await this.publishPowerState(vm)
  }
}
