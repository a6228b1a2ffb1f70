import { type TaskManager } from './tasks.js'
import { data, type DataObject, type VimValue } from './vim-value.js'
import { type Snapshot, type Vm } from './vm.js'
import { vmConfig } from './vm-config.js'

/** The properties of a VM as clients read them. A property the schema has and this does not name is unset. */
export function makeVmView(tasks: TaskManager): (vm: Vm, property: string) => VimValue | undefined {
  return (vm, property) => {
    switch (property) {
      case 'name':
        return vm.name
      case 'parent':
        return vm.parent
      case 'overallStatus':
      case 'configStatus':
      case 'guestHeartbeatStatus':
        return 'green'
      case 'alarmActionsEnabled':
        return true
      case 'effectiveRole':
        return [-1]
      case 'recentTask':
        return tasks.recentOn(vm.ref)
      case 'config':
        return currentConfig(vm)
      case 'capability':
        return capability()
      case 'runtime':
        return runtime(vm)
      case 'guest':
        return guest(vm)
      case 'summary':
        return summary(vm)
      case 'snapshot':
        return snapshotInfo(vm)
      case 'rootSnapshot':
        return vm.snapshots.filter(snapshot => snapshot.parent === null).map(snapshot => snapshot.ref)
      case 'datastore':
        return [vm.identity.datastore]
      case 'network':
        return [vm.identity.network]
      case 'resourcePool':
        return vm.identity.resourcePool
      case 'environmentBrowser':
        return { kind: 'ref', type: 'EnvironmentBrowser', id: `envbrowser-${vm.ref.id.replace('vm-', '')}` }
      case 'layoutEx':
        return layoutEx(vm)
      case 'storage':
        return storage(vm)
      default:
        return undefined
    }
  }
}

export const currentConfig = (vm: Vm): DataObject =>
  vmConfig(vm, disk => ({ layer: disk.top, mark: disk.tracked ? disk.journal.now : null }))

/** Only what a client may want to know; the flags the schema requires besides are false. */
function capability(): DataObject {
  const supported = [
    'snapshotOperationsSupported', 'multipleSnapshotsSupported', 'snapshotConfigSupported',
    'poweredOffSnapshotsSupported', 'memorySnapshotsSupported', 'revertToSnapshotSupported',
    'quiescedSnapshotsSupported', 'changeTrackingSupported', 'bootOptionsSupported', 'diskSharesSupported',
  ] // prettier-ignore
  const unsupported = [
    'disableSnapshotsSupported', 'lockSnapshotsSupported', 'consolePreferencesSupported',
    'cpuFeatureMaskSupported', 's1AcpiManagementSupported', 'settingScreenResolutionSupported',
    'toolsAutoUpdateSupported', 'vmNpivWwnSupported', 'npivWwnOnNonRdmVmSupported', 'vmNpivWwnDisableSupported',
    'vmNpivWwnUpdateSupported', 'swapPlacementSupported', 'toolsSyncTimeSupported', 'virtualMmuUsageSupported',
    'bootRetryOptionsSupported', 'settingVideoRamSizeSupported', 'settingDisplayTopologySupported',
    'settingDisplayTopologyModesSupported', 'recordReplaySupported', 'multipleCoresPerSocketSupported',
    'hostBasedReplicationSupported', 'guestAutoLockSupported', 'memoryReservationLockSupported',
    'featureRequirementSupported', 'poweredOnMonitorTypeChangeSupported', 'vmfsNativeSnapshotSupported',
    'seSparseDiskSupported', 'nestedHVSupported', 'vPMCSupported', 'messageBusSupported',
  ] // prettier-ignore
  return data('VirtualMachineCapability', {
    ...Object.fromEntries(supported.map(name => [name, true])),
    ...Object.fromEntries(unsupported.map(name => [name, false])),
  })
}

function runtime(vm: Vm): DataObject {
  return data('VirtualMachineRuntimeInfo', {
    host: vm.host,
    connectionState: 'connected',
    powerState: vm.powerState,
    faultToleranceState: 'notConfigured',
    toolsInstallerMounted: false,
    bootTime: vm.bootedAt ?? undefined,
    maxCpuUsage: 2400 * vm.hardware.cpuCount,
    maxMemoryUsage: vm.hardware.memoryMb,
    numMksConnections: 0,
    recordReplayState: 'inactive',
    onlineStandby: false,
    consolidationNeeded: vm.consolidationNeeded,
    paused: false,
    snapshotInBackground: false,
  })
}

const toolsRun = (vm: Vm): boolean => vm.hardware.toolsRunning && vm.powerState === 'poweredOn'

const toolsState = (vm: Vm) => ({
  toolsStatus: toolsRun(vm) ? 'toolsOk' : 'toolsNotRunning',
  toolsVersionStatus: 'guestToolsCurrent',
  toolsVersionStatus2: 'guestToolsCurrent',
  toolsRunningStatus: toolsRun(vm) ? 'guestToolsRunning' : 'guestToolsNotRunning',
})

function guest(vm: Vm): DataObject {
  return data('GuestInfo', {
    ...toolsState(vm),
    toolsVersion: '12352',
    guestId: vm.hardware.guestId,
    guestFamily: vm.hardware.guestId.startsWith('win') ? 'windowsGuest' : 'linuxGuest',
    guestFullName: vm.hardware.guestFullName,
    hostName: toolsRun(vm) ? vm.name : undefined,
    guestState: toolsRun(vm) ? 'running' : 'notRunning',
    guestOperationsReady: toolsRun(vm),
    guestStateChangeSupported: true,
  })
}

const committedBytes = (vm: Vm): bigint =>
  vm.disks.reduce((sum, disk) => {
    let blocks = 0
    for (const run of disk.allocatedBlocks(disk.top).runs()) blocks += run.end - run.start
    return sum + BigInt(blocks) * 65_536n
  }, 0n)

const capacityBytes = (vm: Vm): bigint => vm.disks.reduce((sum, disk) => sum + disk.capacityBytes, 0n)

function storageFigures(vm: Vm) {
  const committed = committedBytes(vm)
  const rest = capacityBytes(vm) - committed
  return { committed, uncommitted: rest < 0n ? 0n : rest, unshared: committed }
}

function summary(vm: Vm): DataObject {
  return data('VirtualMachineSummary', {
    vm: vm.ref,
    runtime: runtime(vm),
    guest: data('VirtualMachineGuestSummary', {
      guestId: vm.hardware.guestId,
      guestFullName: vm.hardware.guestFullName,
      ...toolsState(vm),
      hostName: toolsRun(vm) ? vm.name : undefined,
    }),
    config: data('VirtualMachineConfigSummary', {
      name: vm.name,
      template: false,
      vmPathName: vm.datastorePath(`${vm.identity.directory}.vmx`),
      memorySizeMB: vm.hardware.memoryMb,
      cpuReservation: 0,
      memoryReservation: 0,
      numCpu: vm.hardware.cpuCount,
      numEthernetCards: 1,
      numVirtualDisks: vm.disks.length,
      uuid: vm.identity.uuid,
      instanceUuid: vm.identity.instanceUuid,
      guestId: vm.hardware.guestId,
      guestFullName: vm.hardware.guestFullName,
      annotation: '',
      installBootRequired: false,
    }),
    storage: data('VirtualMachineStorageSummary', { ...storageFigures(vm), timestamp: new Date(0) }),
    quickStats: data('VirtualMachineQuickStats', { guestHeartbeatStatus: 'green' }),
    overallStatus: 'green',
  })
}

function storage(vm: Vm): DataObject {
  const usage = data('VirtualMachineUsageOnDatastore', {
    datastore: vm.identity.datastore,
    ...storageFigures(vm),
  })
  return data('VirtualMachineStorageInfo', { perDatastoreUsage: [usage], timestamp: new Date(0) })
}

function layoutEx(vm: Vm): DataObject {
  const files: DataObject[] = []
  const add = (name: string, type: string, size: bigint): number => {
    files.push(
      data('VirtualMachineFileLayoutExFileInfo', {
        key: files.length,
        name: vm.datastorePath(name),
        type,
        size,
        uniqueSize: size,
        accessible: true,
      }),
    )
    return files.length - 1
  }
  add(`${vm.identity.directory}.vmx`, 'config', 3_000n)
  const disks = vm.disks.map(disk => {
    const chain: DataObject[] = []
    for (let at: typeof disk.top | null = disk.top; at !== null; at = at.parent) {
      const name = at.store.vmdkName
      const keys = [
        add(name, 'diskDescriptor', 600n),
        add(name.replace(/\.vmdk$/, '-flat.vmdk'), 'diskExtent', disk.capacityBytes),
      ]
      chain.unshift(data('VirtualMachineFileLayoutExDiskUnit', { fileKey: keys }))
    }
    return data('VirtualMachineFileLayoutExDiskLayout', { key: disk.options.key, chain })
  })
  return data('VirtualMachineFileLayoutEx', { file: files, disk: disks, timestamp: new Date(0) })
}

function snapshotInfo(vm: Vm): DataObject | undefined {
  if (vm.snapshots.length === 0) return undefined
  return data('VirtualMachineSnapshotInfo', {
    currentSnapshot: vm.currentSnapshot?.ref,
    rootSnapshotList: vm.snapshots.filter(snapshot => snapshot.parent === null).map(snapshotTree),
  })
}

function snapshotTree(snapshot: Snapshot): DataObject {
  const children = snapshot.children.map(snapshotTree)
  return data('VirtualMachineSnapshotTree', {
    snapshot: snapshot.ref,
    vm: snapshot.vm.ref,
    name: snapshot.name,
    description: snapshot.description,
    id: snapshot.number,
    createTime: snapshot.createdAt,
    state: snapshot.powerState,
    quiesced: snapshot.quiesced,
    childSnapshotList: children.length === 0 ? undefined : children,
    replaySupported: false,
  })
}
