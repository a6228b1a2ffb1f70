import { internalError } from './api-error.js'
import { type Call, type Cloud, type Command, type Outcome } from './command.js'
import { texts, type ParameterSpec } from './parameters.js'
import { type Fields } from './reply.js'

const parameterFields = (parameter: ParameterSpec): Fields => ({
  name: parameter.name,
  description: `the parameter ${parameter.name}`,
  type: parameter.type,
  length: 255,
  required: parameter.required,
})

const commandFields = (command: Command): Fields => ({
  name: command.name,
  description: command.description,
  isasync: command.javaClass !== undefined,
  related: '',
  params: command.parameters.map(parameterFields),
  response: [],
})

export const mayCall = (role: Cloud['role'], command: Command): boolean =>
  role === 'admin' || command.isForAdmins !== true

function listCapabilities({ cloud }: Call): Outcome {
  return {
    kind: 'fields',
    fields: {
      capability: {
        securitygroupsenabled: false,
        dynamicrolesenabled: true,
        cloudstackversion: cloud.site.version,
        userpublictemplateenabled: true,
        supportELB: 'false',
        projectinviterequired: false,
        allowusercreateprojects: true,
        customdiskofferingminsize: 1,
        customdiskofferingmaxsize: cloud.limits.maxVolumeGib,
        regionsecondaryenabled: false,
        kvmsnapshotenabled: true,
        allowuserviewdestroyedvm: false,
        allowuserexpungerecovervm: false,
        allowuserexpungerecovervolume: true,
        allowuserviewalldomainaccounts: false,
        kubernetesserviceenabled: false,
        kubernetesclusterexperimentalfeaturesenabled: false,
        defaultuipagesize: 20,
      },
    },
  }
}

/** `all`: every command of the simulator, these two among them. */
export const discoveryCommands = (all: () => readonly Command[]): readonly Command[] => [
  {
    name: 'listApis',
    description: 'lists all available apis on the server, provided by the Api Discovery plugin',
    parameters: texts('name'),
    run: ({ args, cloud }) => {
      const name = args.text('name')
      const found = all().filter(
        command => (name === undefined || command.name === name) && mayCall(cloud.role, command),
      )
      if (found.length === 0)
        throw internalError('Api Discovery plugin was unable to find an api by that name or process any apis')
      return { kind: 'list', objectName: 'api', items: found.map(commandFields) }
    },
  },
  {
    name: 'listCapabilities',
    description: 'Lists capabilities',
    parameters: [],
    run: listCapabilities,
  },
]
