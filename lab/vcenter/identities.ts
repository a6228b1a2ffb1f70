/** What this server says it is. */
export type ApiType = 'VirtualCenter' | 'HostAgent'

/** The ids a server gives its objects; a client that knows one kind by heart does not find the other. */
export interface Identities {
  readonly rootFolder: string
  readonly datacenter: string
  readonly datacenterName: string
  readonly vmFolder: string
  readonly hostFolder: string
  readonly datastoreFolder: string
  readonly networkFolder: string
  readonly computeResource: string
  readonly resourcePool: string
  readonly hosts: readonly string[]
  readonly datastore: string
  readonly network: string
  readonly vmPrefix: string
  readonly propertyCollector: string
  readonly viewManager: string
  readonly searchIndex: string
  readonly sessionManager: string
  readonly authorizationManager: string
  readonly taskManager: string
}

const ofVcenter: Identities = {
  rootFolder: 'group-d1',
  datacenter: 'datacenter-2',
  datacenterName: 'DC0',
  vmFolder: 'group-v3',
  hostFolder: 'group-h4',
  datastoreFolder: 'group-s5',
  networkFolder: 'group-n6',
  computeResource: 'domain-c7',
  resourcePool: 'resgroup-8',
  hosts: ['host-9', 'host-10'],
  datastore: 'datastore-11',
  network: 'network-12',
  vmPrefix: 'vm-',
  propertyCollector: 'propertyCollector',
  viewManager: 'ViewManager',
  searchIndex: 'SearchIndex',
  sessionManager: 'SessionManager',
  authorizationManager: 'AuthorizationManager',
  taskManager: 'TaskManager',
}

/** As an ESXi host has them. */
const ofHost: Identities = {
  rootFolder: 'ha-folder-root',
  datacenter: 'ha-datacenter',
  datacenterName: 'ha-datacenter',
  vmFolder: 'ha-folder-vm',
  hostFolder: 'ha-folder-host',
  datastoreFolder: 'ha-folder-datastore',
  networkFolder: 'ha-folder-network',
  computeResource: 'ha-compute-res',
  resourcePool: 'ha-root-pool',
  hosts: ['ha-host'],
  datastore: '5f0c0000-00000000-0000-000000000000',
  network: 'HaNetwork-VM Network',
  vmPrefix: '',
  propertyCollector: 'ha-property-collector',
  viewManager: 'ViewManager',
  searchIndex: 'ha-searchindex',
  sessionManager: 'ha-sessionmgr',
  authorizationManager: 'ha-authmgr',
  taskManager: 'ha-taskmgr',
}

export const identitiesOf = (apiType: ApiType): Identities => (apiType === 'HostAgent' ? ofHost : ofVcenter)
