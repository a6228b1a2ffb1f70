/**
 * Data types of vim25 in the order of their sequences in the published schema: `Name < Base | field:type …`.
 * `?` optional, `[]` repeated, `@X` a reference to a managed object, `#X` an enumeration.
 */
export const coreTypes = `
PropertyFilterSpec < DynamicData | propSet:PropertySpec[] objectSet:ObjectSpec[]
  reportMissingObjectsInResults:boolean?
PropertySpec < DynamicData | type:string all:boolean? pathSet:string[]?
ObjectSpec < DynamicData | obj:@ManagedObject skip:boolean? selectSet:SelectionSpec[]?
SelectionSpec < DynamicData | name:string?
TraversalSpec < SelectionSpec | type:string path:string skip:boolean? selectSet:SelectionSpec[]?
RetrieveOptions < DynamicData | maxObjects:int?
WaitOptions < DynamicData | maxWaitSeconds:int? maxObjectUpdates:int?
AboutInfo < DynamicData | name:string fullName:string vendor:string version:string build:string
  localeVersion:string? localeBuild:string? osType:string productLineId:string apiType:string
  apiVersion:string instanceUuid:string? licenseProductName:string? licenseProductVersion:string?
ServiceContent < DynamicData | rootFolder:@Folder propertyCollector:@PropertyCollector
  viewManager:@ViewManager? about:AboutInfo setting:@OptionManager? userDirectory:@UserDirectory?
  sessionManager:@SessionManager? authorizationManager:@AuthorizationManager?
  serviceManager:@ServiceManager? perfManager:@PerformanceManager?
  scheduledTaskManager:@ScheduledTaskManager? alarmManager:@AlarmManager? eventManager:@EventManager?
  taskManager:@TaskManager? extensionManager:@ExtensionManager?
  customizationSpecManager:@CustomizationSpecManager? customFieldsManager:@CustomFieldsManager?
  accountManager:@HostLocalAccountManager? diagnosticManager:@DiagnosticManager?
  licenseManager:@LicenseManager? searchIndex:@SearchIndex? fileManager:@FileManager?
  datastoreNamespaceManager:@DatastoreNamespaceManager? virtualDiskManager:@VirtualDiskManager?
  virtualizationManager:@VirtualizationManager? snmpSystem:@HostSnmpSystem?
  vmProvisioningChecker:@VirtualMachineProvisioningChecker?
  vmCompatibilityChecker:@VirtualMachineCompatibilityChecker? ovfManager:@OvfManager?
  ipPoolManager:@IpPoolManager? dvSwitchManager:@DistributedVirtualSwitchManager?
  hostProfileManager:@HostProfileManager? clusterProfileManager:@ClusterProfileManager?
  complianceManager:@ProfileComplianceManager? localizationManager:@LocalizationManager?
  storageResourceManager:@StorageResourceManager? guestOperationsManager:@GuestOperationsManager?
  overheadMemoryManager:@OverheadMemoryManager? certificateManager:@CertificateManager?
  ioFilterManager:@IoFilterManager? vStorageObjectManager:@VStorageObjectManagerBase?
  hostSpecManager:@HostSpecificationManager? cryptoManager:@CryptoManager?
  healthUpdateManager:@HealthUpdateManager? failoverClusterConfigurator:@FailoverClusterConfigurator?
  failoverClusterManager:@FailoverClusterManager?
  tenantManager:@TenantManager? siteInfoManager:@SiteInfoManager? storageQueryManager:@StorageQueryManager?
PrivilegeAvailability < DynamicData | privId:string isGranted:boolean
EntityPrivilege < DynamicData | entity:@ManagedEntity privAvailability:PrivilegeAvailability[]
UserSession < DynamicData | key:string userName:string fullName:string loginTime:dateTime
  lastActiveTime:dateTime locale:string messageLocale:string extensionSession:boolean ipAddress:string
  userAgent:string callCount:long
RetrieveResult < DynamicData | token:string? objects:ObjectContent[]
ObjectContent < DynamicData | obj:@ManagedObject propSet:DynamicProperty[]? missingSet:MissingProperty[]?
DynamicProperty < DataObject | name:string val:anyType
MissingProperty < DynamicData | path:string fault:LocalizedMethodFault
MissingObject < DynamicData | obj:@ManagedObject fault:LocalizedMethodFault
UpdateSet < DynamicData | version:string filterSet:PropertyFilterUpdate[]? truncated:boolean?
PropertyFilterUpdate < DynamicData | filter:@PropertyFilter objectSet:ObjectUpdate[]?
  missingSet:MissingObject[]?
ObjectUpdate < DynamicData | kind:#ObjectUpdateKind obj:@ManagedObject changeSet:PropertyChange[]?
  missingSet:MissingProperty[]?
PropertyChange < DynamicData | name:string op:#PropertyChangeOp val:anyType?
TaskInfo < DynamicData | key:string task:@Task description:LocalizableMessage? name:string?
  descriptionId:string entity:@ManagedEntity? entityName:string? locked:@ManagedEntity[]?
  state:#TaskInfoState cancelled:boolean cancelable:boolean error:LocalizedMethodFault? result:anyType?
  progress:int? reason:TaskReason queueTime:dateTime startTime:dateTime? completeTime:dateTime?
  eventChainId:int changeTag:string? parentTaskKey:string? rootTaskKey:string? activationId:string?
TaskReason < DynamicData |
TaskReasonUser < TaskReason | userName:string
LocalizableMessage < DynamicData | key:string arg:KeyAnyValue[]? message:string?
KeyAnyValue < DynamicData | key:string value:anyType
Description < DynamicData | label:string summary:string
ElementDescription < Description | key:string
TypeDescription < Description | key:string
TaskDescription < DynamicData | methodInfo:ElementDescription[] state:ElementDescription[]
  reason:TypeDescription[]
OptionValue < DynamicData | key:string value:anyType?
DiskChangeInfo < DynamicData | startOffset:long length:long changedArea:DiskChangeExtent[]?
DiskChangeExtent < DynamicData | start:long length:long
Permission < DynamicData | entity:@ManagedEntity? principal:string group:boolean roleId:int
  propagate:boolean
LocalizedMethodFault < DynamicData | fault:MethodFault localizedMessage:string?
MethodFault < DynamicData | faultCause:LocalizedMethodFault? faultMessage:LocalizableMessage[]?
VimFault < MethodFault |
RuntimeFault < MethodFault |
SecurityError < RuntimeFault |
NoPermission < SecurityError | object:@ManagedObject privilegeId:string
NotAuthenticated < NoPermission |
InvalidLogin < VimFault |
InvalidLocale < VimFault |
InvalidProperty < MethodFault | name:string
InvalidArgument < RuntimeFault | invalidProperty:string?
InvalidRequest < RuntimeFault |
InvalidType < InvalidRequest | argument:string?
MethodNotFound < InvalidRequest | receiver:@ManagedObject method:string
ManagedObjectNotFound < RuntimeFault | obj:@ManagedObject
NotSupported < RuntimeFault |
RequestCanceled < RuntimeFault |
SystemError < RuntimeFault | reason:string
HostCommunication < RuntimeFault |
UnexpectedFault < RuntimeFault | faultName:string fault:LocalizedMethodFault?
InvalidCollectorVersion < MethodFault |
InvalidState < VimFault |
InvalidPowerState < InvalidState | requestedState:#VirtualMachinePowerState?
  existingState:#VirtualMachinePowerState
InvalidVmState < InvalidState | vm:@VirtualMachine
FileFault < VimFault | file:string
NotFound < VimFault |
TaskInProgress < VimFault | task:@Task
SnapshotFault < VimFault |
ToolsUnavailable < VimFault |
InvalidName < VimFault | name:string entity:@ManagedEntity?
ConcurrentAccess < VimFault |
NoDiskSpace < FileFault | datastore:string
`
