/** Data types of a virtual machine; the notation is that of the core types. */
export const vmTypes = `
VirtualMachineGuestQuiesceSpec < DynamicData | timeout:int?
VirtualMachineWindowsQuiesceSpec < VirtualMachineGuestQuiesceSpec | vssBackupType:int?
  vssBootableSystemState:boolean? vssPartialFileSupport:boolean? vssBackupContext:string?
VirtualMachineConfigSpec < DynamicData | changeVersion:string? name:string? version:string?
  createDate:dateTime? uuid:string? instanceUuid:string? npivNodeWorldWideName:long[]?
  npivPortWorldWideName:long[]? npivWorldWideNameType:string? npivDesiredNodeWwns:short?
  npivDesiredPortWwns:short? npivTemporaryDisabled:boolean? npivOnNonRdmDisks:boolean?
  npivWorldWideNameOp:string? locationId:string? guestId:string? alternateGuestName:string?
  annotation:string? files:VirtualMachineFileInfo? tools:ToolsConfigInfo? flags:VirtualMachineFlagInfo?
  consolePreferences:VirtualMachineConsolePreferences? powerOpInfo:VirtualMachineDefaultPowerOpInfo?
  numCPUs:int? vcpuConfig:VirtualMachineVcpuConfig[]? numCoresPerSocket:int? simultaneousThreads:int?
  memoryMB:long? memoryHotAddEnabled:boolean?
  cpuHotAddEnabled:boolean? cpuHotRemoveEnabled:boolean? virtualICH7MPresent:boolean?
  virtualSMCPresent:boolean? deviceChange:VirtualDeviceConfigSpec[]? cpuAllocation:ResourceAllocationInfo?
  memoryAllocation:ResourceAllocationInfo? latencySensitivity:LatencySensitivity?
  cpuAffinity:VirtualMachineAffinityInfo? memoryAffinity:VirtualMachineAffinityInfo?
  networkShaper:VirtualMachineNetworkShaperInfo? cpuFeatureMask:VirtualMachineCpuIdInfoSpec[]?
  extraConfig:OptionValue[]? swapPlacement:string? bootOptions:VirtualMachineBootOptions?
  vAppConfig:VmConfigSpec? ftInfo:FaultToleranceConfigInfo? repConfig:ReplicationConfigSpec?
  vAppConfigRemoved:boolean? vAssertsEnabled:boolean? changeTrackingEnabled:boolean? firmware:string?
  maxMksConnections:int? guestAutoLockEnabled:boolean? managedBy:ManagedByInfo?
  memoryReservationLockedToMax:boolean? nestedHVEnabled:boolean? vPMCEnabled:boolean?
  scheduledHardwareUpgradeInfo:ScheduledHardwareUpgradeInfo? vmProfile:VirtualMachineProfileSpec[]?
  messageBusTunnelEnabled:boolean? crypto:CryptoSpec? migrateEncryption:string?
  sgxInfo:VirtualMachineSgxInfo? guestMonitoringModeInfo:VirtualMachineGuestMonitoringModeInfo?
  sevEnabled:boolean?
VirtualMachineConfigInfo < DynamicData | changeVersion:string modified:dateTime name:string
  guestFullName:string version:string uuid:string createDate:dateTime? instanceUuid:string?
  npivNodeWorldWideName:long[]? npivPortWorldWideName:long[]? npivWorldWideNameType:string?
  npivDesiredNodeWwns:short? npivDesiredPortWwns:short? npivTemporaryDisabled:boolean?
  npivOnNonRdmDisks:boolean? locationId:string? template:boolean guestId:string alternateGuestName:string
  annotation:string? files:VirtualMachineFileInfo tools:ToolsConfigInfo? flags:VirtualMachineFlagInfo
  consolePreferences:VirtualMachineConsolePreferences? defaultPowerOps:VirtualMachineDefaultPowerOpInfo
  hardware:VirtualHardware cpuAllocation:ResourceAllocationInfo? memoryAllocation:ResourceAllocationInfo?
  latencySensitivity:LatencySensitivity? memoryHotAddEnabled:boolean? cpuHotAddEnabled:boolean?
  cpuHotRemoveEnabled:boolean? hotPlugMemoryLimit:long? hotPlugMemoryIncrementSize:long?
  cpuAffinity:VirtualMachineAffinityInfo? memoryAffinity:VirtualMachineAffinityInfo?
  networkShaper:VirtualMachineNetworkShaperInfo? extraConfig:OptionValue[]?
  cpuFeatureMask:HostCpuIdInfo[]? datastoreUrl:VirtualMachineConfigInfoDatastoreUrlPair[]?
  swapPlacement:string? bootOptions:VirtualMachineBootOptions? ftInfo:FaultToleranceConfigInfo?
  repConfig:ReplicationConfigSpec? vAppConfig:VmConfigInfo? vAssertsEnabled:boolean?
  changeTrackingEnabled:boolean? firmware:string? maxMksConnections:int? guestAutoLockEnabled:boolean?
  managedBy:ManagedByInfo? memoryReservationLockedToMax:boolean?
  initialOverhead:VirtualMachineConfigInfoOverheadInfo? nestedHVEnabled:boolean? vPMCEnabled:boolean?
  scheduledHardwareUpgradeInfo:ScheduledHardwareUpgradeInfo? forkConfigInfo:VirtualMachineForkConfigInfo?
  vFlashCacheReservation:long? vmxConfigChecksum:base64Binary? messageBusTunnelEnabled:boolean?
  vmStorageObjectId:string? swapStorageObjectId:string? keyId:CryptoKeyId?
  guestIntegrityInfo:VirtualMachineGuestIntegrityInfo? migrateEncryption:string?
VirtualMachineFileInfo < DynamicData | vmPathName:string? snapshotDirectory:string?
  suspendDirectory:string? logDirectory:string? ftMetadataDirectory:string?
CryptoKeyId < DynamicData | keyId:string providerId:KeyProviderId?
KeyProviderId < DynamicData | id:string
VirtualHardware < DynamicData | numCPU:int numCoresPerSocket:int? memoryMB:int
  virtualICH7MPresent:boolean? virtualSMCPresent:boolean? device:VirtualDevice[]?
VirtualDevice < DynamicData | key:int deviceInfo:Description? backing:VirtualDeviceBackingInfo?
  connectable:VirtualDeviceConnectInfo? slotInfo:VirtualDeviceBusSlotInfo? controllerKey:int?
  unitNumber:int?
VirtualDeviceBackingInfo < DynamicData |
VirtualDeviceConnectInfo < DynamicData | migrateConnect:string? startConnected:boolean
  allowGuestControl:boolean connected:boolean status:string?
VirtualDisk < VirtualDevice | capacityInKB:long capacityInBytes:long? shares:SharesInfo?
  storageIOAllocation:StorageIOAllocationInfo? diskObjectId:string?
  vFlashCacheConfigInfo:VirtualDiskVFlashCacheConfigInfo? iofilter:string[]? vDiskId:string?
  nativeUnmanagedLinkedClone:boolean?
VirtualDeviceFileBackingInfo < VirtualDeviceBackingInfo | fileName:string datastore:@Datastore?
  backingObjectId:string?
VirtualDiskFlatVer2BackingInfo < VirtualDeviceFileBackingInfo | diskMode:string split:boolean?
  writeThrough:boolean? thinProvisioned:boolean? eagerlyScrub:boolean? uuid:string? contentId:string?
  changeId:string? parent:VirtualDiskFlatVer2BackingInfo? deltaDiskFormat:string? digestEnabled:boolean?
  deltaGrainSize:int? deltaDiskFormatVariant:string? sharing:string? keyId:CryptoKeyId?
VirtualDiskRawDiskMappingVer1BackingInfo < VirtualDeviceFileBackingInfo | lunUuid:string?
  deviceName:string? compatibilityMode:string? diskMode:string? uuid:string? contentId:string?
  changeId:string? parent:VirtualDiskRawDiskMappingVer1BackingInfo? deltaDiskFormat:string?
  deltaGrainSize:int? sharing:string?
VirtualController < VirtualDevice | busNumber:int device:int[]?
VirtualSCSIController < VirtualController | hotAddRemove:boolean? sharedBus:#VirtualSCSISharing
  scsiCtlrUnitNumber:int?
ParaVirtualSCSIController < VirtualSCSIController |
VirtualLsiLogicController < VirtualSCSIController |
VirtualIDEController < VirtualController |
VirtualPCIController < VirtualController |
VirtualPS2Controller < VirtualController |
VirtualSIOController < VirtualController |
VirtualKeyboard < VirtualDevice |
VirtualPointingDevice < VirtualDevice |
VirtualMachineVideoCard < VirtualDevice | videoRamSizeInKB:long? numDisplays:int? useAutoDetect:boolean?
  enable3DSupport:boolean? use3dRenderer:string? graphicsMemorySizeInKB:long?
VirtualEthernetCard < VirtualDevice | addressType:string? macAddress:string? wakeOnLanEnabled:boolean?
  resourceAllocation:VirtualEthernetCardResourceAllocation? externalId:string?
  uptCompatibilityEnabled:boolean?
VirtualVmxnet < VirtualEthernetCard |
VirtualVmxnet3 < VirtualVmxnet |
VirtualE1000 < VirtualEthernetCard |
VirtualDeviceDeviceBackingInfo < VirtualDeviceBackingInfo | deviceName:string useAutoDetect:boolean?
VirtualEthernetCardNetworkBackingInfo < VirtualDeviceDeviceBackingInfo | network:@Network?
  inPassthroughMode:boolean?
SharesInfo < DynamicData | shares:int level:#SharesLevel
ResourceAllocationInfo < DynamicData | reservation:long? expandableReservation:boolean? limit:long?
  shares:SharesInfo? overheadLimit:long?
VirtualMachineFlagInfo < DynamicData | disableAcceleration:boolean? enableLogging:boolean? useToe:boolean?
  runWithDebugInfo:boolean? monitorType:string? htSharing:string? snapshotDisabled:boolean?
  snapshotLocked:boolean? diskUuidEnabled:boolean? virtualMmuUsage:string? virtualExecUsage:string?
  snapshotPowerOffBehavior:string? recordReplayEnabled:boolean? faultToleranceType:string?
  cbrcCacheEnabled:boolean? vvtdEnabled:boolean? vbsEnabled:boolean?
ToolsConfigInfo < DynamicData | toolsVersion:int? toolsInstallType:string? afterPowerOn:boolean?
  afterResume:boolean? beforeGuestStandby:boolean? beforeGuestShutdown:boolean? beforeGuestReboot:boolean?
  toolsUpgradePolicy:string? pendingCustomization:string? customizationKeyId:CryptoKeyId?
  syncTimeWithHost:boolean? lastInstallInfo:ToolsConfigInfoToolsLastInstallInfo?
  upgradeRebootPredict:boolean?
VirtualMachineDefaultPowerOpInfo < DynamicData | powerOffType:string? suspendType:string?
  resetType:string? defaultPowerOffType:string? defaultSuspendType:string? defaultResetType:string?
  standbyAction:string?
VirtualMachineBootOptions < DynamicData | bootDelay:long? enterBIOSSetup:boolean?
  efiSecureBootEnabled:boolean? bootRetryEnabled:boolean? bootRetryDelay:long?
  bootOrder:VirtualMachineBootOptionsBootableDevice[]? networkBootProtocol:string?
VirtualMachineRuntimeInfo < DynamicData | device:VirtualMachineDeviceRuntimeInfo[]? host:@HostSystem?
  connectionState:#VirtualMachineConnectionState powerState:#VirtualMachinePowerState
  faultToleranceState:#VirtualMachineFaultToleranceState
  dasVmProtection:VirtualMachineRuntimeInfoDasProtectionState? toolsInstallerMounted:boolean
  suspendTime:dateTime? bootTime:dateTime? suspendInterval:long? question:VirtualMachineQuestionInfo?
  memoryOverhead:long? maxCpuUsage:int? maxMemoryUsage:int? numMksConnections:int
  recordReplayState:#VirtualMachineRecordReplayState cleanPowerOff:boolean? needSecondaryReason:string?
  onlineStandby:boolean minRequiredEVCModeKey:string? consolidationNeeded:boolean
  offlineFeatureRequirement:VirtualMachineFeatureRequirement[]?
  featureRequirement:VirtualMachineFeatureRequirement[]? featureMask:HostFeatureMask[]?
  vFlashCacheAllocation:long? paused:boolean? snapshotInBackground:boolean? quiescedForkParent:boolean?
  instantCloneFrozen:boolean? cryptoState:string?
VirtualMachineSummary < DynamicData | vm:@VirtualMachine? runtime:VirtualMachineRuntimeInfo
  guest:VirtualMachineGuestSummary? config:VirtualMachineConfigSummary
  storage:VirtualMachineStorageSummary? quickStats:VirtualMachineQuickStats
  overallStatus:#ManagedEntityStatus customValue:CustomFieldValue[]?
VirtualMachineConfigSummary < DynamicData | name:string template:boolean vmPathName:string
  memorySizeMB:int? cpuReservation:int? memoryReservation:int? numCpu:int? numEthernetCards:int?
  numVirtualDisks:int? uuid:string? instanceUuid:string? guestId:string? guestFullName:string?
  annotation:string? product:VAppProductInfo? installBootRequired:boolean?
  ftInfo:FaultToleranceConfigInfo? managedBy:ManagedByInfo? tpmPresent:boolean? numVmiopBackings:int?
VirtualMachineStorageSummary < DynamicData | committed:long uncommitted:long unshared:long
  timestamp:dateTime
VirtualMachineGuestSummary < DynamicData | guestId:string? guestFullName:string?
  toolsStatus:#VirtualMachineToolsStatus? toolsVersionStatus:string? toolsVersionStatus2:string?
  toolsRunningStatus:string? hostName:string? ipAddress:string?
VirtualMachineQuickStats < DynamicData | overallCpuUsage:int? overallCpuDemand:int? guestMemoryUsage:int?
  hostMemoryUsage:int? guestHeartbeatStatus:#ManagedEntityStatus distributedCpuEntitlement:int?
  distributedMemoryEntitlement:int? staticCpuEntitlement:int? staticMemoryEntitlement:int?
  privateMemory:int? sharedMemory:int? swappedMemory:int? balloonedMemory:int? consumedOverheadMemory:int?
  ftLogBandwidth:int? ftSecondaryLatency:int? ftLatencyStatus:#ManagedEntityStatus? compressedMemory:long?
  uptimeSeconds:int? ssdSwappedMemory:long?
VirtualMachineSnapshotInfo < DynamicData | currentSnapshot:@VirtualMachineSnapshot?
  rootSnapshotList:VirtualMachineSnapshotTree[]
VirtualMachineSnapshotTree < DynamicData | snapshot:@VirtualMachineSnapshot vm:@VirtualMachine name:string
  description:string id:int createTime:dateTime state:#VirtualMachinePowerState quiesced:boolean
  backupManifest:string? childSnapshotList:VirtualMachineSnapshotTree[]? replaySupported:boolean?
VirtualMachineCapability < DynamicData | snapshotOperationsSupported:boolean
  multipleSnapshotsSupported:boolean snapshotConfigSupported:boolean poweredOffSnapshotsSupported:boolean
  memorySnapshotsSupported:boolean revertToSnapshotSupported:boolean quiescedSnapshotsSupported:boolean
  disableSnapshotsSupported:boolean lockSnapshotsSupported:boolean consolePreferencesSupported:boolean
  cpuFeatureMaskSupported:boolean s1AcpiManagementSupported:boolean
  settingScreenResolutionSupported:boolean toolsAutoUpdateSupported:boolean vmNpivWwnSupported:boolean
  npivWwnOnNonRdmVmSupported:boolean vmNpivWwnDisableSupported:boolean vmNpivWwnUpdateSupported:boolean
  swapPlacementSupported:boolean toolsSyncTimeSupported:boolean virtualMmuUsageSupported:boolean
  diskSharesSupported:boolean bootOptionsSupported:boolean bootRetryOptionsSupported:boolean
  settingVideoRamSizeSupported:boolean settingDisplayTopologySupported:boolean
  settingDisplayTopologyModesSupported:boolean recordReplaySupported:boolean
  changeTrackingSupported:boolean multipleCoresPerSocketSupported:boolean
  hostBasedReplicationSupported:boolean guestAutoLockSupported:boolean
  memoryReservationLockSupported:boolean featureRequirementSupported:boolean
  poweredOnMonitorTypeChangeSupported:boolean vmfsNativeSnapshotSupported:boolean
  seSparseDiskSupported:boolean nestedHVSupported:boolean vPMCSupported:boolean
  toolsRebootPredictSupported:boolean? messageBusSupported:boolean canConnectUSBDevices:boolean?
  secureBootSupported:boolean? perVmEvcSupported:boolean? virtualMmuUsageIgnored:boolean?
  virtualExecUsageIgnored:boolean? diskOnlySnapshotOnSuspendedVMSupported:boolean?
GuestInfo < DynamicData | toolsStatus:#VirtualMachineToolsStatus? toolsVersionStatus:string?
  toolsVersionStatus2:string? toolsRunningStatus:string? toolsVersion:string? toolsInstallType:string?
  toolsUpdateStatus:VirtualMachineToolsUpdateStatus? guestId:string? guestFamily:string?
  guestFullName:string? hostName:string? ipAddress:string? net:GuestNicInfo[]? ipStack:GuestStackInfo[]?
  disk:GuestDiskInfo[]? screen:GuestScreenInfo? guestState:string powerPolicy:VirtualMachinePowerPolicy?
  appHeartbeatStatus:string? guestKernelCrashed:boolean? appState:string? guestOperationsReady:boolean?
  interactiveGuestOperationsReady:boolean? guestStateChangeSupported:boolean?
  generationInfo:GuestInfoNamespaceGenerationInfo[]?
GuestNicInfo < DynamicData | network:string? ipAddress:string[]? macAddress:string? connected:boolean
  deviceConfigId:int dnsConfig:NetDnsConfigInfo? ipConfig:NetIpConfigInfo?
  netBIOSConfig:NetBIOSConfigInfo?
GuestDiskInfo < DynamicData | diskPath:string? capacity:long? freeSpace:long?
VirtualMachineFileLayoutEx < DynamicData | file:VirtualMachineFileLayoutExFileInfo[]?
  disk:VirtualMachineFileLayoutExDiskLayout[]? snapshot:VirtualMachineFileLayoutExSnapshotLayout[]?
  timestamp:dateTime
VirtualMachineFileLayoutExFileInfo < DynamicData | key:int name:string type:string size:long
  uniqueSize:long? backingObjectId:string? accessible:boolean?
VirtualMachineFileLayoutExDiskLayout < DynamicData | key:int chain:VirtualMachineFileLayoutExDiskUnit[]?
VirtualMachineFileLayoutExDiskUnit < DynamicData | fileKey:int[]
VirtualMachineFileLayoutExSnapshotLayout < DynamicData | key:@VirtualMachineSnapshot dataKey:int
  memoryKey:int disk:VirtualMachineFileLayoutExDiskLayout[]?
VirtualMachineStorageInfo < DynamicData | perDatastoreUsage:VirtualMachineUsageOnDatastore[]?
  timestamp:dateTime
VirtualMachineUsageOnDatastore < DynamicData | datastore:@Datastore committed:long uncommitted:long
  unshared:long
`
