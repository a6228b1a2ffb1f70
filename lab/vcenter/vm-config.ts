import { formatChangeId, type ChangeMark } from './change-journal.js'
import { type Disk } from './disk.js'
import { type Layer } from './layer.js'
import { data, type DataObject } from './vim-value.js'
import { type Vm } from './vm.js'

/** What of a disk a configuration shows: the VM's own shows the top layer, a snapshot's the frozen one. */
export interface ShownDisk {
  readonly layer: Layer
  readonly mark: ChangeMark | null
}

const SCSI_KEY_BASE = 1000

const keyId = data('CryptoKeyId', {
  keyId: 'key-1',
  providerId: data('KeyProviderId', { id: 'lab' }),
})

/** The configuration of a VM as `config` shows it, with the layers and change IDs given. */
export function vmConfig(vm: Vm, show: (disk: Disk) => ShownDisk): DataObject {
  const { identity, hardware } = vm
  return data('VirtualMachineConfigInfo', {
    changeVersion: `${vm.changeVersion}`,
    modified: new Date(0),
    name: vm.name,
    guestFullName: hardware.guestFullName,
    version: hardware.version,
    uuid: identity.uuid,
    instanceUuid: identity.instanceUuid,
    template: false,
    guestId: hardware.guestId,
    alternateGuestName: '',
    annotation: '',
    files: data('VirtualMachineFileInfo', {
      vmPathName: vm.datastorePath(`${identity.directory}.vmx`),
      snapshotDirectory: vm.datastorePath(''),
      suspendDirectory: vm.datastorePath(''),
      logDirectory: vm.datastorePath(''),
    }),
    flags: data('VirtualMachineFlagInfo', {
      snapshotDisabled: false,
      snapshotLocked: false,
      diskUuidEnabled: true,
    }),
    defaultPowerOps: data('VirtualMachineDefaultPowerOpInfo', {
      powerOffType: 'soft',
      defaultPowerOffType: 'soft',
    }),
    hardware: data('VirtualHardware', {
      numCPU: hardware.cpuCount,
      numCoresPerSocket: 1,
      memoryMB: hardware.memoryMb,
      device: [
        ...fixedDevices(vm),
        ...scsiControllers(vm),
        nic(vm),
        ...vm.disks.map(disk => diskDevice(vm, disk, show(disk))),
      ],
    }),
    bootOptions: data('VirtualMachineBootOptions', {
      bootDelay: 0n,
      enterBIOSSetup: false,
      efiSecureBootEnabled: false,
      bootRetryEnabled: false,
      bootRetryDelay: 10_000n,
    }),
    changeTrackingEnabled: vm.changeTrackingEnabled,
    firmware: hardware.firmware,
    extraConfig: extraConfig(vm),
    keyId: hardware.isEncrypted ? keyId : undefined,
  })
}

function extraConfig(vm: Vm): DataObject[] {
  const option = (key: string, value: string): DataObject =>
    data('OptionValue', {
      key,
      value: { kind: 'typed', declared: { kind: 'primitive', name: 'string' }, value },
    })
  const perDisk = vm.disks.map(disk =>
    option(
      `scsi${disk.options.controllerKey - SCSI_KEY_BASE}:${disk.options.unitNumber}.ctkEnabled`,
      String(disk.tracked),
    ),
  )
  return [option('ctkEnabled', String(vm.changeTrackingEnabled)), ...perDisk]
}

const description = (label: string, summary: string): DataObject => data('Description', { label, summary })

function fixedDevices(vm: Vm): DataObject[] {
  const controllers = [...new Set(vm.disks.map(disk => disk.options.controllerKey))]
  return [
    data('VirtualIDEController', { key: 200, deviceInfo: description('IDE 0', 'IDE 0'), busNumber: 0 }),
    data('VirtualIDEController', { key: 201, deviceInfo: description('IDE 1', 'IDE 1'), busNumber: 1 }),
    data('VirtualPS2Controller', {
      key: 300,
      deviceInfo: description('PS2 controller 0', 'PS2 controller 0'),
      busNumber: 0,
      device: [600, 700],
    }),
    data('VirtualPCIController', {
      key: 100,
      deviceInfo: description('PCI controller 0', 'PCI controller 0'),
      busNumber: 0,
      device: [500, ...controllers, 4000],
    }),
    data('VirtualSIOController', {
      key: 400,
      deviceInfo: description('SIO controller 0', 'SIO controller 0'),
      busNumber: 0,
    }),
    data('VirtualKeyboard', {
      key: 600,
      deviceInfo: description('Keyboard', 'Keyboard'),
      controllerKey: 300,
      unitNumber: 0,
    }),
    data('VirtualPointingDevice', {
      key: 700,
      deviceInfo: description('Pointing device', 'Pointing device; Device'),
      controllerKey: 300,
      unitNumber: 1,
    }),
    data('VirtualMachineVideoCard', {
      key: 500,
      deviceInfo: description('Video card ', 'Video card'),
      controllerKey: 100,
      unitNumber: 0,
      videoRamSizeInKB: 4096n,
      numDisplays: 1,
    }),
  ]
}

function scsiControllers(vm: Vm): DataObject[] {
  const keys = [...new Set(vm.disks.map(disk => disk.options.controllerKey))].sort((a, b) => a - b)
  return keys.map(key =>
    data('ParaVirtualSCSIController', {
      key,
      deviceInfo: description(`SCSI controller ${key - SCSI_KEY_BASE}`, 'VMware paravirtual SCSI'),
      controllerKey: 100,
      unitNumber: 3 + key - SCSI_KEY_BASE,
      busNumber: key - SCSI_KEY_BASE,
      device: vm.disks.filter(disk => disk.options.controllerKey === key).map(disk => disk.options.key),
      hotAddRemove: true,
      sharedBus: 'noSharing',
      scsiCtlrUnitNumber: 7,
    }),
  )
}

function nic(vm: Vm): DataObject {
  return data('VirtualVmxnet3', {
    key: 4000,
    deviceInfo: description('Network adapter 1', vm.identity.networkName),
    backing: data('VirtualEthernetCardNetworkBackingInfo', {
      deviceName: vm.identity.networkName,
      useAutoDetect: false,
      network: vm.identity.network,
      inPassthroughMode: false,
    }),
    connectable: data('VirtualDeviceConnectInfo', {
      startConnected: true,
      allowGuestControl: true,
      connected: vm.powerState === 'poweredOn',
      status: 'ok',
    }),
    controllerKey: 100,
    unitNumber: 7,
    addressType: 'assigned',
    macAddress: vm.identity.macAddress,
    wakeOnLanEnabled: true,
    uptCompatibilityEnabled: true,
  })
}

function diskDevice(vm: Vm, disk: Disk, shown: ShownDisk): DataObject {
  const capacityKb = disk.capacityBytes / 1024n
  return data('VirtualDisk', {
    key: disk.options.key,
    deviceInfo: description(disk.options.label, `${capacityKb.toLocaleString('en-US')} KB`),
    backing: diskBacking(vm, disk, shown.layer, shown.mark),
    controllerKey: disk.options.controllerKey,
    unitNumber: disk.options.unitNumber,
    capacityInKB: capacityKb,
    capacityInBytes: disk.capacityBytes,
    shares: data('SharesInfo', { shares: 1000, level: 'normal' }),
    nativeUnmanagedLinkedClone: false,
  })
}

function diskBacking(vm: Vm, disk: Disk, layer: Layer, mark: ChangeMark | null): DataObject {
  const isDelta = layer.parent !== null
  return data('VirtualDiskFlatVer2BackingInfo', {
    fileName: vm.datastorePath(layer.store.vmdkName),
    datastore: vm.identity.datastore,
    backingObjectId: '',
    diskMode: disk.options.diskMode,
    split: false,
    writeThrough: false,
    thinProvisioned: true,
    uuid: disk.backingUuid,
    changeId: mark === null ? undefined : formatChangeId(mark),
    parent: layer.parent === null ? undefined : diskBacking(vm, disk, layer.parent, null),
    deltaDiskFormat: isDelta ? 'seSparseFormat' : undefined,
    digestEnabled: false,
    deltaGrainSize: isDelta ? 8 : undefined,
    sharing: disk.options.sharing,
    keyId: vm.hardware.isEncrypted ? keyId : undefined,
  })
}
