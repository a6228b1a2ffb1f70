import { randomUUID } from 'node:crypto'
import {
  snapshotId,
  targetVmId,
  volumeId,
  type SnapshotId,
  type TargetVmId,
  type VolumeId,
} from '../../agent/domain/ids.js'
import { AppError } from '../../agent/errors.js'
import {
  type Appliance,
  type SourceMachine,
  type TargetCloud,
  type TargetVolume,
} from '../../agent/failover/deps.js'

interface FakeVolume {
  readonly name: string
  readonly isOurs: boolean
  vm: string | undefined
  deviceId: number | undefined
}

interface FakeVm {
  readonly mark: string
  readonly networks: readonly string[]
  state: 'Running' | 'Stopped'
}

export const appliance = targetVmId('00000000-0000-4000-8000-00000000000a')
export const [testNetwork, liveNetwork] = ['network-test', 'network-live']
const gib = 1024n ** 3n

/**
 * Both sites of a failover behind its interfaces, with CloudStack's destructive rules: whoever destroys a VM deletes its
 * root. It notes what must never happen.
 */
export class FailoverSite {
  readonly volumes = new Map<string, FakeVolume>()
  readonly snapshots = new Map<string, string>()
  readonly vms = new Map<string, FakeVm>()
  readonly broken: string[] = []
  readonly calls: string[] = []
  sourceIsOn = true
  /** Throws before or after the effect of any call. */
  fault: (call: string, moment: 'before' | 'after') => void = () => undefined

  addReplica(id: VolumeId): void {
    this.volumes.set(id, {
      name: `replica ${id}`,
      isOurs: true,
      vm: appliance,
      deviceId: this.volumes.size + 1,
    })
  }

  #setPower(change: () => void): void {
    change()
    const runs = [...this.vms.values()].some(
      vm => vm.state === 'Running' && vm.networks.includes(liveNetwork),
    )
    if (this.sourceIsOn && runs) this.broken.push('source and target are on together')
  }

  async #call<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.calls.push(name)
    this.fault(name, 'before')
    const result = await work()
    this.fault(name, 'after')
    return result
  }

  readonly source: SourceMachine = {
    power: () =>
      this.#call('source-power', () => ({
        power: this.sourceIsOn ? ('on' as const) : ('off' as const),
        toolsRunning: true,
      })),
    shutDown: () =>
      this.#call('shut-down', () => {
        this.#setPower(() => (this.sourceIsOn = false))
        return { how: 'guest' as const, seconds: 1 }
      }),
    powerOn: () => this.#call('power-on', () => this.#setPower(() => (this.sourceIsOn = true))),
  }

  readonly appliance: Appliance = {
    attach: volume => this.#call('attach-here', () => this.#attach(volume, appliance, undefined)),
    closeExport: () => this.#call('close-export', () => undefined),
    hasDevice: volume => this.#call('has-device', () => this.volumes.get(volume)?.vm === appliance),
  }

  #attach(id: string, vm: string, deviceId: number | undefined): void {
    const volume = this.volumes.get(id)
    if (volume === undefined) throw new AppError('VOLUME_UNKNOWN', id)
    if (volume.vm === vm) return
    if (volume.vm !== undefined) throw new AppError('VOLUME_BUSY', `${id} is attached to ${volume.vm}`)
    const used = [...this.volumes.values()].filter(one => one.vm === vm).map(one => one.deviceId)
    if (deviceId !== undefined && used.includes(deviceId))
      throw new AppError('CLOUDSTACK_FAULT', `disk ${deviceId} is used`)
    let free = 1
    while (used.includes(free)) free += 1
    volume.vm = vm
    volume.deviceId = deviceId ?? free
  }

  #detach(id: string, vm: string): void {
    const volume = this.volumes.get(id)
    if (volume === undefined || volume.vm === undefined) return
    if (volume.vm !== vm) throw new AppError('VOLUME_BUSY', `${id} is attached to ${volume.vm}`)
    if (this.vms.get(vm)?.state === 'Running')
      this.broken.push(`${volume.name} was taken from a VM that runs`)
    volume.vm = undefined
    volume.deviceId = undefined
  }

  #shown(id: string): TargetVolume | undefined {
    const volume = this.volumes.get(id)
    if (volume === undefined) return undefined
    const { name, vm, deviceId } = volume
    return { id: volumeId(id), name, sizeBytes: gib, vmId: vm, deviceId }
  }

  readonly cloud: TargetCloud = {
    facts: () =>
      this.#call('facts', () => ({
        zoneId: 'zone',
        networks: [testNetwork, liveNetwork].map(id => ({ id, name: id, zoneId: 'zone' })),
        offering: { id: 'offering', name: 'Custom', isCustomized: true, cpuCount: null, memoryMib: null },
        template: { id: 'template', name: 'small', isReady: true },
        missingCommands: [],
        dataDiskLimit: 24,
        left: { vms: null, volumes: null, snapshots: null, primaryGib: null },
        applianceVmSnapshots: [],
        vmNames: [],
      })),
    applianceVmId: () => Promise.resolve(appliance),
    volume: id => this.#call('volume', () => this.#shown(id)),
    volumesOf: vm =>
      this.#call('volumes-of', () =>
        [...this.volumes].filter(([, one]) => one.vm === vm).flatMap(([id]) => this.#shown(id) ?? []),
      ),
    snapshot: (name, volume) =>
      this.#call('snapshot', (): SnapshotId => {
        const known = [...this.snapshots].find(([, one]) => one === `${name} ${volume}`)
        const id = known?.[0] ?? randomUUID()
        this.snapshots.set(id, `${name} ${volume}`)
        return snapshotId(id)
      }),
    snapshotsNamed: (name, volume) =>
      this.#call('snapshots-named', () =>
        [...this.snapshots].filter(([, one]) => one === `${name} ${volume}`).map(([id]) => snapshotId(id)),
      ),
    removeSnapshot: id => this.#call('remove-snapshot', () => void this.snapshots.delete(id)),
    clone: (name, snapshot) =>
      this.#call('clone', (): VolumeId => {
        if (!this.snapshots.has(snapshot)) throw new AppError('CLOUDSTACK_FAULT', `no snapshot ${snapshot}`)
        const known = [...this.volumes].find(([, one]) => one.name === name)
        const id = known?.[0] ?? randomUUID()
        if (known === undefined)
          this.volumes.set(id, { name, isOurs: true, vm: undefined, deviceId: undefined })
        return volumeId(id)
      }),
    volumesNamed: name =>
      this.#call('volumes-named', () =>
        [...this.volumes].filter(([, one]) => one.name === name).map(([id]) => volumeId(id)),
      ),
    removeVolume: id =>
      this.#call('remove-volume', () => {
        const volume = this.volumes.get(id)
        if (volume?.vm !== undefined) throw new AppError('VOLUME_BUSY', `${id} is attached`)
        this.#delete(id)
      }),
    deploy: (mark, { nics }) =>
      this.#call('deploy', (): TargetVmId => {
        const known = [...this.vms].find(([, vm]) => vm.mark === mark)
        if (known !== undefined) return targetVmId(known[0])
        const id = randomUUID()
        this.vms.set(id, { mark, state: 'Stopped', networks: nics.map(({ networkId }) => networkId) })
        this.volumes.set(randomUUID(), { name: 'ROOT', isOurs: false, vm: id, deviceId: 0 })
        return targetVmId(id)
      }),
    machinesMarked: mark =>
      this.#call('marked', () =>
        [...this.vms].filter(([, vm]) => vm.mark === mark).map(([id]) => targetVmId(id)),
      ),
    machine: id =>
      this.#call('machine', () => {
        const vm = this.vms.get(id)
        if (vm === undefined) return undefined
        const nics = vm.networks.map(networkId => ({ networkId, macAddress: '', address: '10.0.0.9' }))
        return { id, name: vm.mark, state: vm.state, isOurs: true, nics }
      }),
    discardRoot: (vm, id) =>
      this.#call('discard-root', () => {
        if (this.volumes.get(id)?.isOurs === true) this.broken.push('a volume of ours was discarded')
        this.#detach(id, vm)
        this.#delete(id)
      }),
    attach: (volume, vm, place) =>
      this.#call('attach', () => this.#attach(volume, vm, place === 'root' ? 0 : undefined)),
    detach: (volume, vm) => this.#call('detach', () => this.#detach(volume, vm)),
    start: id =>
      this.#call('start', () => {
        const vm = this.vms.get(id)
        if (vm === undefined) throw new AppError('TARGET_VM_UNKNOWN', id)
        this.#setPower(() => (vm.state = 'Running'))
      }),
    stop: id =>
      this.#call('stop', () => {
        const vm = this.vms.get(id)
        if (vm !== undefined) vm.state = 'Stopped'
      }),
    destroy: (id, keep) =>
      this.#call('destroy', () => {
        for (const [volume, { vm, name, deviceId }] of [...this.volumes]) {
          if (vm !== id) continue
          if (keep.includes(volumeId(volume))) throw new AppError('VOLUME_BUSY', `${id} has ${name}`)
          if (deviceId === 0) this.#delete(volume)
        }
        this.vms.delete(id)
      }),
    rename: () => this.#call('rename', () => undefined),
  }

  #delete(id: string): void {
    if (this.volumes.get(id)?.name.startsWith('replica') === true)
      this.broken.push(`replica ${id} was deleted`)
    this.volumes.delete(id)
  }
}
