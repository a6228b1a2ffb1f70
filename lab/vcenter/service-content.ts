import { identitiesOf, type ApiType } from './identities.js'
import { PlainObject, type Inventory } from './inventory.js'
import { data, ref, type DataObject, type MoRef } from './vim-value.js'

const VERSION = '8.0.1'

const products = {
  VirtualCenter: {
    name: 'VMware vCenter Server',
    osType: 'linux-x64',
    productLineId: 'vpx',
    licence: 'VMware VirtualCenter Server',
  },
  HostAgent: {
    name: 'VMware ESXi',
    osType: 'vmnix-x86',
    productLineId: 'embeddedEsx',
    licence: 'VMware ESX Server',
  },
} as const

/** Adds the service instance and the managers every client asks for first. */
export function addServices(
  apiType: ApiType,
  inventory: Inventory,
  rootFolder: MoRef,
  instanceUuid: string,
): void {
  const ids = identitiesOf(apiType)
  const content = serviceContent(apiType, rootFolder, instanceUuid)
  inventory.add(
    new PlainObject(ref('ServiceInstance', 'ServiceInstance'), { content, serverClock: new Date() }),
  )
  inventory.add(new PlainObject(ref('PropertyCollector', ids.propertyCollector), {}))
  inventory.add(new PlainObject(ref('ViewManager', ids.viewManager), {}))
  inventory.add(new PlainObject(ref('SearchIndex', ids.searchIndex), {}))
  inventory.add(new PlainObject(ref('AuthorizationManager', ids.authorizationManager), {}))
  inventory.add(
    new PlainObject(ref('SessionManager', ids.sessionManager), {
      defaultLocale: 'en',
      supportedLocaleList: ['en'],
      messageLocaleList: ['en'],
    }),
  )
}

function serviceContent(apiType: ApiType, rootFolder: MoRef, instanceUuid: string): DataObject {
  const ids = identitiesOf(apiType)
  const product = products[apiType]
  return data('ServiceContent', {
    rootFolder,
    propertyCollector: ref('PropertyCollector', ids.propertyCollector),
    viewManager: ref('ViewManager', ids.viewManager),
    about: data('AboutInfo', {
      name: product.name,
      fullName: `${product.name} ${VERSION} build-22088981`,
      vendor: 'VMware, Inc.',
      version: VERSION,
      build: '22088981',
      localeVersion: 'INTL',
      localeBuild: '000',
      osType: product.osType,
      productLineId: product.productLineId,
      apiType,
      apiVersion: '8.0.1.0',
      // Only a vCenter has one.
      ...(apiType === 'VirtualCenter' ? { instanceUuid } : {}),
      licenseProductName: product.licence,
      licenseProductVersion: '8.0',
    }),
    sessionManager: ref('SessionManager', ids.sessionManager),
    authorizationManager: ref('AuthorizationManager', ids.authorizationManager),
    taskManager: ref('TaskManager', ids.taskManager),
    searchIndex: ref('SearchIndex', ids.searchIndex),
  })
}
