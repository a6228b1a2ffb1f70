import { ApiError, invalidValue, parameterError } from './api-error.js'
import { resourceTypes } from './commands-limits.js'
import { type Call, type Cloud, type Command, type Outcome } from './command.js'
import { absent, flags, id, ids, longs, maps, needed, texts } from './parameters.js'
import { macAddressOf, type Deployment, type Network, type ServiceOffering, type Vm } from './site.js'
import { vmFields } from './views.js'

const shown = ({ site, jobs }: Cloud, vm: Vm) => ({
  virtualmachine: { ...vmFields(site, jobs, vm), jobid: undefined, jobstatus: undefined },
})

function vmOf({ cloud, args }: Call): Vm {
  const vm = cloud.site.vms.get(args.given('id'))
  if (vm === undefined) throw invalidValue(`unable to find a virtual machine with id ${args.given('id')}`)
  return vm
}

/** NetUtils.verifyDomainNameLabel for host names. */
const hostName = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

function deploy(call: Call): Outcome {
  const { cloud, args } = call
  const { site } = cloud
  const name = args.text('name') ?? ''
  if (!hostName.test(name))
    throw invalidValue(
      'Invalid name. Vm name can contain ASCII letters "a" through "z", the digits "0" through "9", and the hyphen ("-"), must be between 1 and 63 characters long, and can\'t start or end with "-" and can\'t start with digit',
    )
  if (args.flag('startvm') !== false)
    throw invalidValue('This cloud deploys VMs switched off only (startvm=false)')
  const limit = site.resourceLimits.get(resourceTypes.vm) ?? -1
  if (limit >= 0 && site.vms.size >= limit)
    throw new ApiError(
      532,
      `Maximum number of resources of type 'user_vm' for account name=${site.account.name} has been exceeded.`,
    )
  const offering = site.serviceOfferings.find(one => one.id === args.given('serviceofferingid'))
  if (offering === undefined) throw invalidValue(`Unable to find service offering`)
  const networks = networksOf(call)
  const twin = [...site.vms.values()].find(
    vm =>
      vm.name.toLowerCase() === name.toLowerCase() &&
      vm.nics.some(nic => networks.some(one => one.network === nic.network)),
  )
  if (twin !== undefined)
    throw invalidValue(`The vm with hostName ${name} already exists in the network domain: cloud.example`)
  const vm = site.deploy(name, {
    displayName: args.text('displayname') ?? name,
    offering,
    ...sizeOf(call, offering),
    bootType: args.text('boottype') ?? 'BIOS',
    nics: networks,
  })
  return {
    kind: 'job',
    createdId: vm.id,
    request: {
      instance: { type: 'VirtualMachine', id: vm.id },
      locks: [vm.id],
      work: () => Promise.resolve(shown(cloud, vm)),
    },
  }
}

function networksOf({ cloud, args }: Call): Deployment['nics'] {
  const { site } = cloud
  const listed = args.entries('iptonetworklist')
  const plain = args.list('networkids') ?? []
  if (listed.length > 0 && plain.length > 0)
    throw invalidValue('ipToNetworkMap cannot be specified with networkIds')
  const wanted = listed.length > 0 ? listed : plain.map(networkid => ({ networkid }))
  const found = wanted.map((entry, index): Deployment['nics'][number] => {
    const { networkid, mac } = entry as { networkid?: string; mac?: string }
    const network: Network | undefined = site.networks.find(one => one.id === networkid)
    if (network === undefined) throw invalidValue(`Unable to find network by id ${networkid ?? ''}`)
    if (network.zone.id !== args.given('zoneid'))
      throw invalidValue(`Network id=${network.id} doesn't belong to zone ${args.given('zoneid')}`)
    if (mac !== undefined && !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac))
      throw invalidValue(`Mac address is not valid: ${mac}`)
    return { network, macAddress: (mac ?? macAddressOf(site.vms.size + 1, index + 1)).toLowerCase() }
  })
  if (new Set(found.map(({ network }) => network)).size !== found.length)
    throw invalidValue('Duplicate network is specified for the VM')
  for (const { macAddress, network } of found)
    for (const vm of site.vms.values())
      if (vm.nics.some(nic => nic.network === network && nic.macAddress === macAddress))
        throw invalidValue(`Mac address ${macAddress} is already in use in network ${network.name}`)
  return found
}

function sizeOf({ args }: Call, offering: ServiceOffering): { cpuNumber: number; memoryMib: number } {
  const details = Object.assign({}, ...args.entries('details')) as Record<string, string>
  const given = (name: string, own: number | null): number => {
    const value = details[name]
    if (own !== null) {
      if (value !== undefined) throw invalidValue(`${name} cannot be set: the offering has its own`)
      return own
    }
    if (value === undefined || !/^\d+$/.test(value))
      throw invalidValue(`Invalid ${name} value, specify a value between 1 and 2147483647`)
    return Number(value)
  }
  return { cpuNumber: given('cpuNumber', offering.cpuNumber), memoryMib: given('memory', offering.memoryMib) }
}

/** Without the right to expunge the VM goes a little later; here at once, which is the worst case for its disks. */
function destroy(call: Call): Outcome {
  const { cloud, args } = call
  const vm = vmOf(call)
  if (args.flag('expunge') === true && cloud.role !== 'admin')
    throw new ApiError(
      531,
      'Parameter expunge can be passed by Admin only. Or when the allow.user.expunge.recover.vm key is set.',
    )
  return {
    kind: 'job',
    request: {
      instance: { type: 'VirtualMachine', id: vm.id },
      locks: [vm.id, ...cloud.site.volumesOf(vm).map(volume => volume.id)],
      work: async () => {
        if (!cloud.site.vms.has(vm.id))
          throw invalidValue(`unable to find a virtual machine with id ${vm.id}`)
        if (vm === cloud.site.applianceVm) throw parameterError('The appliance of this site stays')
        if (vm.state === 'Running') cloud.site.setPower(vm, 'Stopped')
        await cloud.volumes.expungeVm(vm)
        return {}
      },
    },
  }
}

function update(call: Call): Outcome {
  const vm = vmOf(call)
  const displayName = call.args.text('displayname')
  if (displayName !== undefined) vm.displayName = displayName
  return { kind: 'fields', fields: shown(call.cloud, vm) }
}

export const machineCommands: readonly Command[] = [
  {
    name: 'deployVirtualMachine',
    description:
      'Creates and automatically starts a virtual machine based on a service offering, disk offering, and template.',
    javaClass: 'admin.vm.DeployVMCmdByAdmin',
    parameters: [
      needed(id('serviceofferingid', 'service-offering')),
      needed(id('zoneid', 'zone')),
      needed(id('templateid', 'template')),
      id('diskofferingid', 'disk-offering'),
      id('domainid', 'domain'),
      ids('networkids', 'network'),
      ...texts('name', 'displayname', 'account', 'hypervisor', 'keyboard', 'boottype', 'bootmode', 'group'),
      ...longs('size', 'rootdisksize'),
      ...flags('startvm', 'displayvm'),
      ...maps('details', 'iptonetworklist'),
      ...absent('projectid', 'hostid', 'podid', 'clusterid'),
    ],
    run: deploy,
  },
  {
    name: 'destroyVirtualMachine',
    description: 'Destroys a virtual machine.',
    javaClass: 'admin.vm.DestroyVMCmdByAdmin',
    parameters: [needed(id('id', 'vm')), ...flags('expunge'), ids('volumeids', 'volume')],
    run: destroy,
  },
  {
    name: 'updateVirtualMachine',
    description: 'Updates properties of a virtual machine.',
    parameters: [
      needed(id('id', 'vm')),
      ...texts('displayname', 'group'),
      ...flags('haenable', 'displayvm'),
      ...maps('details'),
    ],
    run: update,
  },
]
