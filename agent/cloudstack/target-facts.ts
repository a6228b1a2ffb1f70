import { type CloudstackApi, type Fields, type Parameters } from './api.js'
import { type CloudstackChoice } from './deps.js'
import { dataDiskLimit } from './limits.js'

/** What failovers call, beyond what replication does. */
const failoverCommands: readonly string[] = [
  'createSnapshot',
  'deleteSnapshot',
  'deployVirtualMachine',
  'destroyVirtualMachine',
  'listNetworks',
  'listServiceOfferings',
  'listTemplates',
  'startVirtualMachine',
  'stopVirtualMachine',
  'updateVirtualMachine',
]

/** `resourcetype` of listResourceLimits, and the field of the account that counts what is used. */
const counted = {
  vms: ['0', 'vmtotal'],
  volumes: ['2', 'volumetotal'],
  snapshots: ['3', 'snapshottotal'],
  primaryGib: ['10', 'primarystoragetotal'],
} as const

/** What of the target a failover depends on, as it is now. */
export async function targetFacts(api: CloudstackApi, choice: CloudstackChoice, signal: AbortSignal) {
  const list = async (
    command: string,
    objectName: string,
    parameters: Parameters,
  ): Promise<readonly Fields[]> =>
    (await api.mayCall(command, signal)) ? api.list(command, objectName, parameters, signal) : []
  const missingCommands: string[] = []
  for (const command of failoverCommands)
    if (!(await api.mayCall(command, signal))) missingCommands.push(command)
  const { zoneId, serviceOfferingId, templateId, applianceVmId } = choice
  const networks = await list('listNetworks', 'network', { listall: 'true', canusefordeploy: 'true' })
  const offerings = await list('listServiceOfferings', 'serviceoffering', {})
  const templates = await list('listTemplates', 'template', { templatefilter: 'executable', zoneid: zoneId })
  const vms = await list('listVirtualMachines', 'virtualmachine', { listall: 'true' })
  const vmSnapshots = await list('listVMSnapshot', 'vmSnapshot', {
    listall: 'true',
    virtualmachineid: applianceVmId,
  })
  return {
    zoneId,
    networks: networks.map(one => ({
      id: String(one['id']),
      name: String(one['name']),
      zoneId: String(one['zoneid']),
    })),
    offering: offeringOf(offerings.find(one => one['id'] === serviceOfferingId)),
    template: templateOf(templates.find(one => one['id'] === templateId)),
    missingCommands,
    dataDiskLimit: await dataDiskLimit(api, signal),
    left: leftOf(
      await list('listResourceLimits', 'resourcelimit', {}),
      // Without listall CloudStack shows the caller's own account only.
      (await list('listAccounts', 'account', {}))[0],
    ),
    applianceVmSnapshots: vmSnapshots.map(one => String(one['displayname'] ?? one['name'])),
    vmNames: vms
      .filter(vm => vm['state'] !== 'Destroyed' && vm['state'] !== 'Expunging')
      .map(vm => String(vm['name'])),
  }
}

const countOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)

const offeringOf = (one: Fields | undefined) =>
  one === undefined
    ? null
    : {
        id: String(one['id']),
        name: String(one['name']),
        isCustomized: one['iscustomized'] === true,
        cpuCount: countOf(one['cpunumber']),
        memoryMib: countOf(one['memory']),
      }

const templateOf = (one: Fields | undefined) =>
  one === undefined
    ? null
    : { id: String(one['id']), name: String(one['name']), isReady: one['isready'] === true }

function leftOf(limits: readonly Fields[], account: Fields | undefined) {
  const left = (what: keyof typeof counted): number | null => {
    const [type, field] = counted[what]
    const max = limits.find(one => String(one['resourcetype']) === type)?.['max']
    const total = account?.[field]
    // -1 is no limit.
    return typeof max === 'number' && max >= 0 && typeof total === 'number' ? max - total : null
  }
  return {
    vms: left('vms'),
    volumes: left('volumes'),
    snapshots: left('snapshots'),
    primaryGib: left('primaryGib'),
  }
}
