/** Data types of the rest of the inventory; the notation is that of the core types. */
export const siteTypes = `
HostListSummary < DynamicData | host:@HostSystem? hardware:HostHardwareSummary? runtime:HostRuntimeInfo?
  config:HostConfigSummary quickStats:HostListSummaryQuickStats overallStatus:#ManagedEntityStatus
  rebootRequired:boolean customValue:CustomFieldValue[]? managementServerIp:string? maxEVCModeKey:string?
  currentEVCModeKey:string? gateway:HostListSummaryGatewaySummary? tpmAttestation:HostTpmAttestationInfo?
HostHardwareSummary < DynamicData | vendor:string model:string uuid:string
  otherIdentifyingInfo:HostSystemIdentificationInfo[]? memorySize:long cpuModel:string cpuMhz:int
  numCpuPkgs:short numCpuCores:short numCpuThreads:short numNics:int numHBAs:int
HostRuntimeInfo < DynamicData | connectionState:#HostSystemConnectionState
  powerState:#HostSystemPowerState standbyMode:string? inMaintenanceMode:boolean inQuarantineMode:boolean?
  bootTime:dateTime? healthSystemRuntime:HealthSystemRuntime? dasHostState:ClusterDasFdmHostState?
  tpmPcrValues:HostTpmDigestInfo[]? cpuCapacityForVm:long? memoryCapacityForVm:long?
  vsanRuntimeInfo:VsanHostRuntimeInfo? networkRuntimeInfo:HostRuntimeInfoNetworkRuntimeInfo?
  vFlashResourceRuntimeInfo:HostVFlashManagerVFlashResourceRunTimeInfo? hostMaxVirtualDiskCapacity:long?
  cryptoState:string? cryptoKeyId:CryptoKeyId?
HostConfigSummary < DynamicData | name:string port:int sslThumbprint:string? product:AboutInfo?
  vmotionEnabled:boolean faultToleranceEnabled:boolean featureVersion:HostFeatureVersionInfo[]?
  agentVmDatastore:@Datastore? agentVmNetwork:@Network?
HostListSummaryQuickStats < DynamicData | overallCpuUsage:int? overallMemoryUsage:int?
  distributedCpuFairness:int? distributedMemoryFairness:int? availablePMemCapacity:int? uptime:int?
ComputeResourceSummary < DynamicData | totalCpu:int totalMemory:long numCpuCores:short numCpuThreads:short
  effectiveCpu:int effectiveMemory:long numHosts:int numEffectiveHosts:int
  overallStatus:#ManagedEntityStatus
ClusterComputeResourceSummary < ComputeResourceSummary | currentFailoverLevel:int
  admissionControlInfo:ClusterDasAdmissionControlInfo? numVmotions:int targetBalance:int?
  currentBalance:int? usageSummary:ClusterUsageSummary? currentEVCModeKey:string? dasData:ClusterDasData?
ResourcePoolSummary < DynamicData | name:string config:ResourceConfigSpec runtime:ResourcePoolRuntimeInfo
  quickStats:ResourcePoolQuickStats? configuredMemoryMB:int?
ResourcePoolRuntimeInfo < DynamicData | memory:ResourcePoolResourceUsage cpu:ResourcePoolResourceUsage
  overallStatus:#ManagedEntityStatus
ResourcePoolResourceUsage < DynamicData | reservationUsed:long reservationUsedForVm:long
  unreservedForPool:long unreservedForVm:long overallUsage:long maxUsage:long
DatastoreInfo < DynamicData | name:string url:string freeSpace:long maxFileSize:long
  maxVirtualDiskCapacity:long? maxMemoryFileSize:long timestamp:dateTime? containerId:string?
  aliasOf:string?
DatastoreSummary < DynamicData | datastore:@Datastore? name:string url:string capacity:long freeSpace:long
  uncommitted:long? accessible:boolean multipleHostAccess:boolean? type:string maintenanceMode:string?
DatastoreCapability < DynamicData | directoryHierarchySupported:boolean rawDiskMappingsSupported:boolean
  perFileThinProvisioningSupported:boolean storageIORMSupported:boolean nativeSnapshotSupported:boolean
  topLevelDirectoryCreateSupported:boolean? seSparseSupported:boolean? vmfsSparseSupported:boolean?
  vsanSparseSupported:boolean? upitSupported:boolean? vmdkExpandSupported:boolean?
NetworkSummary < DynamicData | network:@Network? name:string accessible:boolean ipPoolName:string
  ipPoolId:int?
DatacenterConfigInfo < DynamicData | defaultHardwareVersionKey:string?
Capability < DynamicData | provisioningSupported:boolean multiHostSupported:boolean
  userShellAccessSupported:boolean supportedEVCMode:EVCMode[]? networkBackupAndRestoreSupported:boolean?
  ftDrsWithoutEvcSupported:boolean? hciWorkflowSupported:boolean?
`

/** Managed objects with their properties: `Name < Base | property:type …`. */
export const managedObjectTypes = `
ServiceInstance < ManagedObject | serverClock:dateTime capability:Capability content:ServiceContent
PropertyCollector < ManagedObject | filter:@PropertyFilter[]?
PropertyFilter < ManagedObject | spec:PropertyFilterSpec partialUpdates:boolean
SessionManager < ManagedObject | sessionList:UserSession[]? currentSession:UserSession? message:string?
  messageLocaleList:string[]? supportedLocaleList:string[]? defaultLocale:string
ViewManager < ManagedObject | viewList:@View[]?
View < ManagedObject |
ManagedObjectView < View | view:@ManagedObject[]?
ContainerView < ManagedObjectView | container:@ManagedEntity type:string[]? recursive:boolean
ListView < ManagedObjectView |
SearchIndex < ManagedObject |
AuthorizationManager < ManagedObject | privilegeList:AuthorizationPrivilege[]?
  roleList:AuthorizationRole[]? description:AuthorizationDescription
ExtensibleManagedObject < ManagedObject | value:CustomFieldValue[]? availableField:CustomFieldDef[]?
ManagedEntity < ExtensibleManagedObject | parent:@ManagedEntity? customValue:CustomFieldValue[]?
  overallStatus:#ManagedEntityStatus configStatus:#ManagedEntityStatus configIssue:Event[]?
  effectiveRole:int[]? permission:Permission[]? name:string disabledMethod:string[]? recentTask:@Task[]?
  declaredAlarmState:AlarmState[]? triggeredAlarmState:AlarmState[]? alarmActionsEnabled:boolean?
  tag:Tag[]?
Folder < ManagedEntity | childType:string[]? childEntity:@ManagedEntity[]?
Datacenter < ManagedEntity | vmFolder:@Folder hostFolder:@Folder datastoreFolder:@Folder
  networkFolder:@Folder datastore:@Datastore[]? network:@Network[]? configuration:DatacenterConfigInfo
ComputeResource < ManagedEntity | resourcePool:@ResourcePool? host:@HostSystem[]? datastore:@Datastore[]?
  network:@Network[]? summary:ComputeResourceSummary environmentBrowser:@EnvironmentBrowser?
  configurationEx:ComputeResourceConfigInfo
ClusterComputeResource < ComputeResource | configuration:ClusterConfigInfo
  recommendation:ClusterRecommendation[]? drsRecommendation:ClusterDrsRecommendation[]?
  hciConfig:ClusterComputeResourceHCIConfigInfo? migrationHistory:ClusterDrsMigration[]?
  actionHistory:ClusterActionHistory[]? drsFault:ClusterDrsFaults[]?
ResourcePool < ManagedEntity | summary:ResourcePoolSummary runtime:ResourcePoolRuntimeInfo
  owner:@ComputeResource resourcePool:@ResourcePool[]? vm:@VirtualMachine[]? config:ResourceConfigSpec
  childConfiguration:ResourceConfigSpec[]?
HostSystem < ManagedEntity | runtime:HostRuntimeInfo summary:HostListSummary hardware:HostHardwareInfo?
  capability:HostCapability? licensableResource:HostLicensableResourceInfo
  remediationState:HostSystemRemediationState?
  precheckRemediationResult:ApplyHostProfileConfigurationSpec?
  remediationResult:ApplyHostProfileConfigurationResult?
  complianceCheckState:HostSystemComplianceCheckState? complianceCheckResult:ComplianceResult?
  configManager:HostConfigManager config:HostConfigInfo? vm:@VirtualMachine[]? datastore:@Datastore[]?
  network:@Network[]? datastoreBrowser:@HostDatastoreBrowser systemResources:HostSystemResourceInfo?
  answerFileValidationState:AnswerFileStatusResult? answerFileValidationResult:AnswerFileStatusResult?
Datastore < ManagedEntity | info:DatastoreInfo summary:DatastoreSummary host:DatastoreHostMount[]?
  vm:@VirtualMachine[]? browser:@HostDatastoreBrowser capability:DatastoreCapability
  iormConfiguration:StorageIORMInfo?
Network < ManagedEntity | summary:NetworkSummary host:@HostSystem[]? vm:@VirtualMachine[]?
VirtualMachine < ManagedEntity | capability:VirtualMachineCapability config:VirtualMachineConfigInfo?
  layout:VirtualMachineFileLayout? layoutEx:VirtualMachineFileLayoutEx? storage:VirtualMachineStorageInfo?
  environmentBrowser:@EnvironmentBrowser resourcePool:@ResourcePool? parentVApp:@ManagedEntity?
  resourceConfig:ResourceConfigSpec? runtime:VirtualMachineRuntimeInfo guest:GuestInfo?
  summary:VirtualMachineSummary datastore:@Datastore[]? network:@Network[]?
  snapshot:VirtualMachineSnapshotInfo? rootSnapshot:@VirtualMachineSnapshot[]?
  guestHeartbeatStatus:#ManagedEntityStatus
VirtualMachineSnapshot < ExtensibleManagedObject | config:VirtualMachineConfigInfo
  childSnapshot:@VirtualMachineSnapshot[]? vm:@VirtualMachine
Task < ExtensibleManagedObject | info:TaskInfo
TaskManager < ManagedObject | recentTask:@Task[]? description:TaskDescription maxCollector:int
`
