import { type CloudstackApi, type Fields, type Parameters } from './api.js'
import { type MachineIdentity } from './deps.js'
import { ownVm, type OwnVm } from './own-machine.js'

export interface Named {
  readonly id: string
  readonly name: string
}

/** What an operator chooses from, by the names CloudStack's own pages show. Sizes are bytes in decimal. */
export interface Resources {
  readonly zones: Named[]
  readonly domains: Named[]
  readonly networks: (Named & { readonly zoneId: string; readonly type: string })[]
  readonly templates: (Named & { readonly zoneId: string; readonly sizeBytes: string | null })[]
  readonly serviceOfferings: (Named & { readonly isCustomized: boolean })[]
  readonly diskOfferings: (Named & { readonly isCustomized: boolean })[]
  readonly applianceVm: OwnVm
  /** Commands the role of the key may not call; their lists are empty for that reason. */
  readonly notPermitted: string[]
}

const lists = {
  zones: ['listZones', 'zone', { available: 'true' }],
  domains: ['listDomains', 'domain', {}],
  networks: ['listNetworks', 'network', { listall: 'true', canusefordeploy: 'true' }],
  templates: ['listTemplates', 'template', { templatefilter: 'executable' }],
  serviceOfferings: ['listServiceOfferings', 'serviceoffering', {}],
  diskOfferings: ['listDiskOfferings', 'diskoffering', {}],
  vms: ['listVirtualMachines', 'virtualmachine', { listall: 'true' }],
} as const satisfies Record<string, readonly [string, string, Parameters]>

/** Reads all that may be read. A list the key may not see is empty and named, every other failure rejects. */
export async function discoverResources(
  api: CloudstackApi,
  machine: MachineIdentity,
  signal: AbortSignal,
): Promise<Resources> {
  const notPermitted: string[] = []
  const read = async (what: keyof typeof lists): Promise<readonly Fields[]> => {
    const [command, objectName, parameters] = lists[what]
    if (await api.mayCall(command, signal)) return api.list(command, objectName, parameters, signal)
    notPermitted.push(command)
    return []
  }
  const zones = await read('zones')
  const domains = await read('domains')
  const networks = await read('networks')
  const templates = await read('templates')
  const serviceOfferings = await read('serviceOfferings')
  const diskOfferings = await read('diskOfferings')
  const vms = await read('vms')
  return {
    zones: zones.map(named),
    domains: domains.map(named),
    networks: networks.map(one => ({ ...named(one), zoneId: text(one, 'zoneid'), type: text(one, 'type') })),
    templates: templates.map(one => ({
      ...named(one),
      zoneId: text(one, 'zoneid'),
      sizeBytes: typeof one['size'] === 'number' ? one['size'].toString() : null,
    })),
    serviceOfferings: serviceOfferings.map(customizable),
    diskOfferings: diskOfferings.map(customizable),
    applianceVm: ownVm(machine, vms),
    notPermitted,
  }
}

const text = (fields: Fields, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}
const named = (fields: Fields): Named => ({ id: text(fields, 'id'), name: text(fields, 'name') })
const customizable = (fields: Fields) => ({ ...named(fields), isCustomized: fields['iscustomized'] === true })
