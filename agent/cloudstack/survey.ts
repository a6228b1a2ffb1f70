import { AppError } from '../errors.js'
import { type CloudstackApi, type Fields, type Parameters } from './api.js'
import { type CloudstackConfiguration, type MachineIdentity } from './deps.js'
import { ownVm, type OwnVm } from './own-machine.js'

/** What was seen, or why nothing could be seen; the two are never mixed up. */
export type Looked<T> =
  { readonly kind: 'seen'; readonly value: T } | { readonly kind: 'unknown'; readonly why: string }

/** What the validation judges. Lists hold objects as CloudStack showed them. */
export interface Survey {
  readonly isPlainHttp: boolean
  readonly missingCommands: Looked<readonly string[]>
  readonly own: Looked<OwnVm>
  readonly appliance: Looked<Fields | undefined>
  /** Of the key. */
  readonly account: Looked<Fields | undefined>
  readonly zone: Looked<Fields | undefined>
  readonly diskOffering: Looked<Fields | undefined>
  /** Undefined inside `seen`: CloudStack has none of that id; null: nothing was chosen. */
  readonly serviceOffering: Looked<Fields | undefined | null>
  readonly template: Looked<Fields | undefined | null>
  readonly network: Looked<Fields | undefined | null>
  readonly vmSnapshots: Looked<readonly Fields[]>
  readonly limits: Looked<readonly Fields[]>
  readonly pools: Looked<readonly Fields[]>
  readonly hypervisors: Looked<readonly Fields[]>
  readonly applianceVolumes: Looked<readonly Fields[]>
}

/** What replication and its clean-up need; nothing of it is for administrators. */
export const neededCommands: readonly string[] = [
  'attachVolume',
  'createSnapshot',
  'createTags',
  'createVolume',
  'deleteSnapshot',
  'deleteVolume',
  'detachVolume',
  'listSnapshots',
  'listVirtualMachines',
  'listVolumes',
  'queryAsyncJobResult',
  'revertSnapshot',
]

/** Looks at everything the validation judges. Rejects only for the signal; what cannot be seen is `unknown`. */
export async function survey(
  api: CloudstackApi,
  configuration: CloudstackConfiguration,
  machine: MachineIdentity,
  signal: AbortSignal,
): Promise<Survey> {
  const { zoneId, diskOfferingId, applianceVmId, ...optional } = configuration.choice
  const list = (command: string, objectName: string, parameters: Parameters) =>
    look(command, () => api.list(command, objectName, parameters, signal))
  const look = async <T>(command: string, work: () => Promise<T>): Promise<Looked<T>> => {
    try {
      if (!(await api.mayCall(command, signal)))
        return { kind: 'unknown', why: `the role of the key may not call ${command}` }
      return { kind: 'seen', value: await work() }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof AppError) return { kind: 'unknown', why: `${error.code}: ${error.message}` }
      throw error
    }
  }
  const one = async (command: string, objectName: string, id: string, more: Parameters = {}) =>
    mapped(await list(command, objectName, more), found => found.find(fields => fields['id'] === id))
  const maybe = async (command: string, objectName: string, id: string | null, more: Parameters = {}) =>
    id === null ? ({ kind: 'seen', value: null } as const) : one(command, objectName, id, more)

  const vms = await list('listVirtualMachines', 'virtualmachine', { listall: 'true' })
  return {
    isPlainHttp: configuration.url.startsWith('http:'),
    missingCommands: await look('listApis', async () => {
      const missing: string[] = []
      for (const command of neededCommands) if (!(await api.mayCall(command, signal))) missing.push(command)
      return missing
    }),
    own: mapped(vms, found => ownVm(machine, found)),
    appliance: mapped(vms, found => found.find(vm => vm['id'] === applianceVmId)),
    // Without listall CloudStack shows the caller's own account only.
    account: mapped(await list('listAccounts', 'account', {}), found => found[0]),
    zone: await one('listZones', 'zone', zoneId),
    diskOffering: await one('listDiskOfferings', 'diskoffering', diskOfferingId),
    serviceOffering: await maybe('listServiceOfferings', 'serviceoffering', optional.serviceOfferingId),
    template: await maybe('listTemplates', 'template', optional.templateId, {
      templatefilter: 'executable',
      zoneid: zoneId,
    }),
    network: await maybe('listNetworks', 'network', optional.networkId, { listall: 'true' }),
    vmSnapshots: await list('listVMSnapshot', 'vmSnapshot', {
      listall: 'true',
      virtualmachineid: applianceVmId,
    }),
    limits: await list('listResourceLimits', 'resourcelimit', {}),
    pools: await list('listStoragePools', 'storagepool', { zoneid: zoneId }),
    hypervisors: await list('listHypervisorCapabilities', 'hypervisorCapabilities', { hypervisor: 'KVM' }),
    applianceVolumes: await list('listVolumes', 'volume', {
      listall: 'true',
      virtualmachineid: applianceVmId,
    }),
  }
}

function mapped<T, U>(looked: Looked<T>, map: (value: T) => U): Looked<U> {
  return looked.kind === 'seen' ? { kind: 'seen', value: map(looked.value) } : looked
}
