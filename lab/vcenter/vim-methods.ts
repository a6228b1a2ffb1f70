/**
 * Methods in the order of their parameters in the published schema: `Name @ Type (param:type …) result`. A method ending
 * in `_Task` answers with the reference of its task, whatever the task's own result is.
 */
export const methodTable = `
RetrieveServiceContent @ ServiceInstance () ServiceContent
CurrentTime @ ServiceInstance () dateTime
Fetch @ ManagedObject (prop:string) anyType?
Login @ SessionManager (userName:string password:string locale:string?) UserSession
Logout @ SessionManager () void
SessionIsActive @ SessionManager (sessionID:string userName:string) boolean
TerminateSession @ SessionManager (sessionId:string[]) void
CreateFilter @ PropertyCollector (spec:PropertyFilterSpec partialUpdates:boolean) @PropertyFilter
RetrieveProperties @ PropertyCollector (specSet:PropertyFilterSpec[]) ObjectContent[]?
RetrievePropertiesEx @ PropertyCollector (specSet:PropertyFilterSpec[] options:RetrieveOptions) RetrieveResult?
ContinueRetrievePropertiesEx @ PropertyCollector (token:string) RetrieveResult
CancelRetrievePropertiesEx @ PropertyCollector (token:string) void
CheckForUpdates @ PropertyCollector (version:string?) UpdateSet?
WaitForUpdates @ PropertyCollector (version:string?) UpdateSet
WaitForUpdatesEx @ PropertyCollector (version:string? options:WaitOptions?) UpdateSet?
CancelWaitForUpdates @ PropertyCollector () void
CreatePropertyCollector @ PropertyCollector () @PropertyCollector
DestroyPropertyCollector @ PropertyCollector () void
DestroyPropertyFilter @ PropertyFilter () void
CreateContainerView @ ViewManager (container:@ManagedEntity type:string[]? recursive:boolean) @ContainerView
CreateListView @ ViewManager (obj:@ManagedObject[]?) @ListView
DestroyView @ View () void
HasPrivilegeOnEntities @ AuthorizationManager (entity:@ManagedEntity[] sessionId:string privId:string[]?)
  EntityPrivilege[]?
FindByUuid @ SearchIndex (datacenter:@Datacenter? uuid:string vmSearch:boolean instanceUuid:boolean?)
  @ManagedEntity?
FindAllByUuid @ SearchIndex (datacenter:@Datacenter? uuid:string vmSearch:boolean instanceUuid:boolean?)
  @ManagedEntity[]?
FindByInventoryPath @ SearchIndex (inventoryPath:string) @ManagedEntity?
FindChild @ SearchIndex (entity:@ManagedEntity name:string) @ManagedEntity?
RefreshDatastore @ Datastore () void
CancelTask @ Task () void
Rename_Task @ ManagedEntity (newName:string) @Task
CreateSnapshot_Task @ VirtualMachine (name:string description:string? memory:boolean quiesce:boolean) @Task
CreateSnapshotEx_Task @ VirtualMachine (name:string description:string? memory:boolean
  quiesceSpec:VirtualMachineGuestQuiesceSpec?) @Task
RemoveAllSnapshots_Task @ VirtualMachine (consolidate:boolean?) @Task
ConsolidateVMDisks_Task @ VirtualMachine () @Task
RevertToCurrentSnapshot_Task @ VirtualMachine (host:@HostSystem? suppressPowerOn:boolean?) @Task
ReconfigVM_Task @ VirtualMachine (spec:VirtualMachineConfigSpec) @Task
PowerOnVM_Task @ VirtualMachine (host:@HostSystem?) @Task
PowerOffVM_Task @ VirtualMachine () @Task
ShutdownGuest @ VirtualMachine () void
QueryChangedDiskAreas @ VirtualMachine (snapshot:@VirtualMachineSnapshot? deviceKey:int startOffset:long
  changeId:string) DiskChangeInfo
RemoveSnapshot_Task @ VirtualMachineSnapshot (removeChildren:boolean consolidate:boolean?) @Task
RevertToSnapshot_Task @ VirtualMachineSnapshot (host:@HostSystem? suppressPowerOn:boolean?) @Task
RenameSnapshot @ VirtualMachineSnapshot (name:string? description:string?) void
`
