import { targetVmId, type TargetVmId } from '../domain/ids.js'
import { type CloudstackConnection } from './connection.js'
import { dataDiskLimit } from './limits.js'
import { type CloudstackMachines } from './machines.js'
import { type CloudstackSnapshots } from './snapshots.js'
import { type CloudstackVolumes } from './volumes.js'

export type ConfiguredVolumes = Pick<
  CloudstackVolumes,
  'find' | 'all' | 'findByName' | 'ofVm' | 'ensure' | 'grow' | 'attachTo' | 'detachFrom' | 'remove'
> &
  Pick<CloudstackMachines, 'ensureStopped'> & {
    readonly allSnapshots: CloudstackSnapshots['all']
    readonly removeSnapshot: CloudstackSnapshots['remove']
    readonly applianceVmId: () => Promise<TargetVmId>
    readonly dataDiskLimit: (signal: AbortSignal) => Promise<number | undefined>
  }

/** The volumes of whatever CloudStack is configured when they are asked for. */
export function configuredVolumes(connection: CloudstackConnection): ConfiguredVolumes {
  const volumes = async (): Promise<CloudstackVolumes> => (await connection.current()).volumes
  return {
    applianceVmId: async () => targetVmId((await connection.current()).configuration.choice.applianceVmId),
    dataDiskLimit: async signal => dataDiskLimit((await connection.current()).api, signal),
    find: async (id, signal) => (await volumes()).find(id, signal),
    all: async signal => (await volumes()).all(signal),
    findByName: async (name, signal) => (await volumes()).findByName(name, signal),
    ofVm: async (vm, signal) => (await volumes()).ofVm(vm, signal),
    ensure: async (name, sizeBytes, signal) => (await volumes()).ensure(name, sizeBytes, signal),
    grow: async (id, sizeBytes, signal) => (await volumes()).grow(id, sizeBytes, signal),
    attachTo: async (id, vm, place, signal) => (await volumes()).attachTo(id, vm, place, signal),
    detachFrom: async (id, vm, signal) => (await volumes()).detachFrom(id, vm, signal),
    remove: async (id, signal) => (await volumes()).remove(id, signal),
    allSnapshots: async signal => (await connection.current()).snapshots.all(signal),
    removeSnapshot: async (id, signal) => (await connection.current()).snapshots.remove(id, signal),
    ensureStopped: async (vm, signal) => (await connection.current()).machines.ensureStopped(vm, signal),
  }
}
