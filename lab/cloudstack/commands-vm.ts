import { invalidValue } from './api-error.js'
import { contains, equal, filtered, oneOf, type Call, type Command, type Outcome } from './command.js'
import { absent, flags, id, ids, lists, maps, needed, ownedListParameters, texts } from './parameters.js'
import { type VmState } from './site.js'
import { vmFields } from './views.js'

const listFilters = [
  equal('id'),
  oneOf('ids', 'id'),
  contains('name'),
  contains('keyword', 'name'),
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
  const vms = [...site.vms.values()].filter(vm => network === undefined || vm.network.id === network)
  return {
    kind: 'list',
    objectName: 'virtualmachine',
    items: filtered(
      vms.map(vm => vmFields(site, jobs, vm)),
      args,
      listFilters,
    ),
  }
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
          if (vm.state === from && vm === site.applianceVm)
            await devices.power(to === 'Running' ? 'on' : 'off')
          if (vm.state === from) vm.state = to
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
