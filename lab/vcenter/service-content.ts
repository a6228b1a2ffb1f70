import { PlainObject, type Inventory } from './inventory.js'
import { data, ref, type DataObject, type MoRef } from './vim-value.js'

const VERSION = '8.0.1'

/** Adds the service instance and the managers every client asks for first. */
export function addServices(inventory: Inventory, rootFolder: MoRef, instanceUuid: string): void {
  const content = serviceContent(rootFolder, instanceUuid)
  inventory.add(
    new PlainObject(ref('ServiceInstance', 'ServiceInstance'), { content, serverClock: new Date() }),
  )
  inventory.add(new PlainObject(ref('PropertyCollector', 'propertyCollector'), {}))
  inventory.add(new PlainObject(ref('ViewManager', 'ViewManager'), {}))
  inventory.add(new PlainObject(ref('SearchIndex', 'SearchIndex'), {}))
  inventory.add(new PlainObject(ref('AuthorizationManager', 'AuthorizationManager'), {}))
  inventory.add(
    new PlainObject(ref('SessionManager', 'SessionManager'), {
      defaultLocale: 'en',
      supportedLocaleList: ['en'],
      messageLocaleList: ['en'],
    }),
  )
}

function serviceContent(rootFolder: MoRef, instanceUuid: string): DataObject {
  return data('ServiceContent', {
    rootFolder,
    propertyCollector: ref('PropertyCollector', 'propertyCollector'),
    viewManager: ref('ViewManager', 'ViewManager'),
    about: data('AboutInfo', {
      name: 'VMware vCenter Server',
      fullName: `VMware vCenter Server ${VERSION} build-22088981`,
      vendor: 'VMware, Inc.',
      version: VERSION,
      build: '22088981',
      localeVersion: 'INTL',
      localeBuild: '000',
      osType: 'linux-x64',
      productLineId: 'vpx',
      apiType: 'VirtualCenter',
      apiVersion: '8.0.1.0',
      instanceUuid,
      licenseProductName: 'VMware VirtualCenter Server',
      licenseProductVersion: '8.0',
    }),
    sessionManager: ref('SessionManager', 'SessionManager'),
    authorizationManager: ref('AuthorizationManager', 'AuthorizationManager'),
    taskManager: ref('TaskManager', 'TaskManager'),
    searchIndex: ref('SearchIndex', 'SearchIndex'),
  })
}
