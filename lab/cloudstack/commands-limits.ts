import { equal, filtered, type Call, type Command, type Outcome } from './command.js'
import {
  absent,
  flags,
  id,
  ids,
  listParameters,
  longs,
  maps,
  ownedListParameters,
  texts,
} from './parameters.js'
import { dateText, type Fields } from './reply.js'
import { ownerFields } from './views.js'

const gib = 1024 ** 3

/** What is counted against limits, by the number CloudStack gives each kind. */
export const resourceTypes = { vm: 0, volume: 2, snapshot: 3, primaryStorage: 10 } as const

function listResourceLimits({ cloud, args }: Call): Outcome {
  const { site } = cloud
  const limits = new Map(site.resourceLimits)
  const items = [...Array(12).keys()].map((type): Fields => ({
    ...ownerFields(site),
    resourcetype: String(type),
    max: limits.get(type) ?? -1,
  }))
  return { kind: 'list', objectName: 'resourcelimit', items: filtered(items, args, [equal('resourcetype')]) }
}

function listVmSnapshots({ cloud, args }: Call): Outcome {
  const items = [...cloud.site.vms.values()].flatMap(vm =>
    vm.vmSnapshots.map((snapshot): Fields => ({
      id: snapshot.id,
      name: snapshot.name,
      displayname: snapshot.name,
      virtualmachineid: vm.id,
      virtualmachinename: vm.name,
      zoneid: vm.zone.id,
      type: 'Disk',
      current: true,
      state: 'Ready',
      created: dateText(vm.created),
      ...ownerFields(cloud.site),
    })),
  )
  return {
    kind: 'list',
    objectName: 'vmSnapshot',
    items: filtered(items, args, [equal('virtualmachineid'), equal('name'), equal('state')]),
  }
}

function listStoragePools({ cloud, args }: Call): Outcome {
  const { site } = cloud
  const items = site.pools.map((pool, number): Fields => ({
    id: pool.id,
    zoneid: site.zones[number]?.id,
    zonename: site.zones[number]?.name,
    name: pool.name,
    ipaddress: '192.0.2.60',
    path: `/export/${pool.name}`,
    created: dateText(new Date('2026-01-01T00:00:00Z')),
    type: 'NetworkFilesystem',
    disksizetotal: 4096 * gib,
    scope: site.poolScope,
    state: 'Up',
    hypervisor: 'KVM',
  }))
  return {
    kind: 'list',
    objectName: 'storagepool',
    items: filtered(items, args, [equal('id'), equal('name'), equal('zoneid'), equal('scope')]),
  }
}

function listHypervisorCapabilities({ cloud, args }: Call): Outcome {
  const items: readonly Fields[] = [
    {
      id: cloud.site.pools[0].id,
      hypervisor: 'KVM',
      hypervisorversion: 'default',
      maxguestslimit: 50,
      maxdatavolumeslimit: cloud.limits.maxDataVolumes,
      storagemotionenabled: true,
      vmsnapshotenabled: true,
    },
  ]
  return {
    kind: 'list',
    objectName: 'hypervisorCapabilities',
    items: filtered(items, args, [equal('hypervisor')]),
  }
}

export const limitCommands: readonly Command[] = [
  {
    name: 'listResourceLimits',
    description: 'Lists resource limits.',
    parameters: [...longs('id', 'resourcetype'), ...texts('resourcetypename', 'tag'), ...ownedListParameters],
    run: listResourceLimits,
  },
  {
    name: 'listVMSnapshot',
    description: 'List virtual machine snapshot by conditions',
    parameters: [
      ...absent('vmsnapshotid'),
      ids('vmsnapshotids', 'none'),
      id('virtualmachineid', 'vm'),
      ...texts('name', 'state'),
      ...flags('listsystemvms'),
      ...maps('tags'),
      ...ownedListParameters,
    ],
    run: listVmSnapshots,
  },
  {
    name: 'listStoragePools',
    description: 'Lists storage pools.',
    isForAdmins: true,
    parameters: [
      id('id', 'pool'),
      id('zoneid', 'zone'),
      ...absent('clusterid', 'podid', 'hostid'),
      ...texts('name', 'ipaddress', 'path', 'scope', 'status', 'storageaccessgroup'),
      ...flags('showcapacities', 'customstats'),
      ...listParameters,
    ],
    run: listStoragePools,
  },
  {
    name: 'listHypervisorCapabilities',
    description: 'Lists all hypervisor capabilities.',
    isForAdmins: true,
    parameters: [...absent('id'), ...texts('hypervisor'), ...listParameters],
    run: listHypervisorCapabilities,
  },
]
