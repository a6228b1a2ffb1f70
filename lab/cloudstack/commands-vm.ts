import { internalError, invalidValue } from './api-error.js'
import {
  contains,
  equal,
  filtered,
  oneOf,
  type Call,
  type Cloud,
  type Command,
  type Outcome,
} from './command.js'
import { absent, flags, id, ids, lists, maps, needed, ownedListParameters, texts } from './parameters.js'
import { type Vm, type VmState } from './site.js'
import { vmFields } from './views.js'

/** UserVmJoinDao looks in the host name and in the display name. */
const containsName = (parameter: string) => contains(parameter, 'searchednames')

const listFilters = [
  equal('id'),
  oneOf('ids', 'id'),
  containsName('name'),
  containsName('keyword'),
  equal('state'),
  equal('zoneid'),
  equal('hypervisor'),
  equal('templateid'),
  equal('serviceofferingid'),
  equal('account'),
  equal('domainid'),
  equal('userid'),
]

function listVirtualMachines({ cloud, args }: Call): Outcome {
  const { site, jobs } = cloud
  const network = args.text('networkid')
  const vms = [...site.vms.values()].filter(
    vm => network === undefined || vm.nics.some(nic => nic.network.id === network),
  )
  return {
    kind: 'list',
    objectName: 'virtualmachine',
    items: filtered(
      vms.map(vm => ({ ...vmFields(site, jobs, vm), searchednames: `${vm.name}\n${vm.displayName}` })),
      args,
      listFilters,
    ).map(fields => ({ ...fields, searchednames: undefined })),
  }
}

/** A VM boots from disk 0; one that was never started gets what its template holds now. */
async function start({ site, storage }: Cloud, vm: Vm): Promise<void> {
  const root = site.volumesOf(vm).find(volume => volume.deviceId === 0)
  if (root === undefined) throw internalError(`Unable to start a VM ${vm.id} that has no root volume`)
  if (!root.isPlaced) await storage.create(root.id, root.sizeBytes)
  root.isPlaced = true
  root.state = 'Ready'
}

/** Disks stay attached. Of VMs that do not really run only the state changes. */
const power =
  (from: VmState, to: VmState) =>
  ({ cloud, args }: Call): Outcome => {
    const { site, jobs, devices } = cloud
    const vm = site.vms.get(args.given('id'))
    if (vm === undefined) throw invalidValue(`unable to find a virtual machine with id ${args.given('id')}`)
    return {
      kind: 'job',
      request: {
        instance: { type: 'VirtualMachine', id: vm.id },
        locks: [vm.id],
        work: async () => {
          if (vm.state === from) {
            if (to === 'Running') await start(cloud, vm)
            if (vm === site.applianceVm) await devices.power(to === 'Running' ? 'on' : 'off')
            site.setPower(vm, to)
          }
          const shown = { ...vmFields(site, jobs, vm), jobid: undefined, jobstatus: undefined }
          return { virtualmachine: shown }
        },
      },
    }
  }

export const vmCommands: readonly Command[] = [
  {
    name: 'listVirtualMachines',
    description: 'List the virtual machines owned by the account.',
    parameters: [
      id('id', 'vm'),
      ids('ids', 'vm'),
      id('zoneid', 'zone'),
      id('templateid', 'template'),
      id('serviceofferingid', 'service-offering'),
      id('networkid', 'network'),
      id('storageid', 'pool'),
      ...absent(
        'affinitygroupid',
        'autoscalevmgroupid',
        'backupofferingid',
        'clusterid',
        'groupid',
        'hostid',
        'isoid',
        'podid',
        'securitygroupid',
        'userdataid',
        'vpcid',
      ),
      ...texts('name', 'state', 'hypervisor', 'keypair', 'userid', 'arch'),
      ...lists('details'),
      ...flags(
        'accumulate',
        'displayvm',
        'forvirtualnetwork',
        'haenable',
        'isvnf',
        'retrieveonlyresourcecount',
        'showicon',
        'userdata',
      ),
      ...maps('tags'),
      ...ownedListParameters,
    ],
    run: listVirtualMachines,
  },
  {
    name: 'startVirtualMachine',
    description: 'Starts a virtual machine.',
    javaClass: 'admin.vm.StartVMCmdByAdmin',
    parameters: [
      needed(id('id', 'vm')),
      ...absent('clusterid', 'hostid', 'podid'),
      ...texts('bootintosetup', 'deploymentplanner'),
      ...flags('considerlasthost'),
    ],
    run: power('Stopped', 'Running'),
  },
  {
    name: 'stopVirtualMachine',
    description: 'Stops a virtual machine.',
    javaClass: 'admin.vm.StopVMCmdByAdmin',
    parameters: [needed(id('id', 'vm')), ...flags('forced')],
    run: power('Running', 'Stopped'),
  },
]
