import { isUuid, targetVmId, type TargetVmId, type VolumeId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { isFields, type CloudstackApi, type Fields, type Parameters } from './api.js'
import { type Change, type Changes } from './changes.js'
import { CloudstackError, isUnknownId } from './failure.js'
import { awaitPending, pendingJobOf } from './pending.js'
import { hasTag, ownerTag, tagChange, type Tag } from './tags.js'
import { type CloudstackVolumes } from './volumes.js'

export interface CloudstackMachine {
  readonly id: TargetVmId
  readonly name: string
  /** CloudStack's word. */
  readonly state: string
  readonly isOurs: boolean
  readonly nics: readonly {
    readonly networkId: string
    readonly macAddress: string
    readonly address: string | null
  }[]
}

export interface DeployRequest {
  readonly hostName: string
  readonly zoneId: string
  readonly serviceOfferingId: string
  readonly templateId: string
  /** Null: the offering has its own. */
  readonly cpuCount: number | null
  readonly memoryMib: number | null
  readonly firmware: 'bios' | 'uefi' | 'uefi-secure'
  /** In this order; a MAC address of null is CloudStack's to choose. */
  readonly nics: readonly { readonly networkId: string; readonly macAddress: string | null }[]
}

/** On its way out; CloudStack lists it for a while. */
const dying = new Set(['Destroyed', 'Expunging'])

/** VMs of the account. Every method looks first and may be repeated after a crash or an unknown outcome. */
export class CloudstackMachines {
  readonly #api: CloudstackApi
  readonly #changes: Changes
  readonly #volumes: Pick<CloudstackVolumes, 'ofVm'>
  readonly #tag: Tag

  constructor(
    api: CloudstackApi,
    changes: Changes,
    volumes: Pick<CloudstackVolumes, 'ofVm'>,
    installationId: string,
  ) {
    this.#api = api
    this.#changes = changes
    this.#volumes = volumes
    this.#tag = ownerTag(installationId)
  }

  /** Undefined: there is none, or it is on its way out. */
  async find(id: TargetVmId, signal: AbortSignal): Promise<CloudstackMachine | undefined> {
    const fields = await this.#fields(id, signal)
    return fields === undefined ? undefined : machineFrom(fields, this.#tag)
  }

  /** Those with this display name, whatever became of them, except on their way out. */
  async marked(mark: string, signal: AbortSignal): Promise<readonly TargetVmId[]> {
    const found = await this.#settled({ keyword: mark }, signal)
    return found.filter(fields => fields['displayname'] === mark).map(idOf)
  }

  /** The one VM with this display name, made and left off if there is none, with our tag on it. */
  async deploy(mark: string, request: DeployRequest, signal: AbortSignal): Promise<TargetVmId> {
    const id = await this.#changes.ensure(
      {
        operation: `deployVirtualMachine ${mark}`.slice(0, 200),
        command: 'deployVirtualMachine',
        parameters: deployParameters(mark, request),
        observe: async look => {
          const [vm, ...more] = await this.marked(mark, look)
          if (more.length === 0) return vm
          throw new AppError('CLOUDSTACK_AMBIGUOUS', `${more.length + 1} VMs named ${mark}`)
        },
      },
      signal,
    )
    await this.#changes.ensure(
      tagChange('UserVm', id, this.#tag, async look =>
        hasTag(await this.#existing(id, look), this.#tag) ? true : undefined,
      ),
      signal,
    )
    return id
  }

  /** Running is started. Only of ours. */
  async start(id: TargetVmId, signal: AbortSignal): Promise<void> {
    await this.#ours(id, signal)
    await this.#ensureState(id, 'startVirtualMachine', { id }, 'Running', signal)
  }

  /** Off is stopped. A VM that runs is stopped only when it carries our tag. */
  async ensureStopped(id: TargetVmId, signal: AbortSignal): Promise<void> {
    await this.#ensureState(id, 'stopVirtualMachine', { id, forced: 'true' }, 'Stopped', signal, vm => {
      if (!hasTag(vm, this.#tag))
        throw new AppError('TARGET_VM_NOT_OURS', `VM ${id} is ${String(vm['state'])} and has no tag of ours`)
    })
  }

  async rename(id: TargetVmId, displayName: string, signal: AbortSignal): Promise<void> {
    await this.#ours(id, signal)
    await this.#changes.ensure(
      {
        operation: `updateVirtualMachine ${id}`,
        command: 'updateVirtualMachine',
        parameters: { id, displayname: displayName },
        observe: async look =>
          (await this.#existing(id, look))['displayname'] === displayName ? true : undefined,
      },
      signal,
    )
  }

  /**
   * Destroyed, and expunged where the account may; absent is destroyed. CloudStack deletes the root disk of a VM with it, so
   * a VM that has a volume of ours or one of `keep` is refused with VOLUME_BUSY.
   */
  async destroy(id: TargetVmId, keep: readonly VolumeId[], signal: AbortSignal): Promise<void> {
    if ((await this.#fields(id, signal)) === undefined) return
    await this.#ours(id, signal)
    for (const volume of await this.#volumes.ofVm(id, signal))
      if (volume.isOurs || keep.includes(volume.id))
        throw new AppError('VOLUME_BUSY', `VM ${id} still has volume ${volume.id} (${volume.name})`)
    const expunge = (await this.#mayExpunge(signal)) ? { expunge: 'true' } : {}
    await this.#changes.ensure(
      {
        operation: `destroyVirtualMachine ${id}`,
        command: 'destroyVirtualMachine',
        parameters: { id, ...expunge },
        observe: async look => ((await this.#fields(id, look)) === undefined ? true : undefined),
      },
      signal,
    )
  }

  /** An ordinary account may only where the cloud allows it; otherwise CloudStack expunges by itself, later. */
  async #mayExpunge(signal: AbortSignal): Promise<boolean> {
    if (!(await this.#api.mayCall('listCapabilities', signal))) return false
    const { capability } = await this.#api.read('listCapabilities', {}, signal)
    return isFields(capability) && capability['allowuserexpungerecovervm'] === true
  }

  async #ensureState(
    id: TargetVmId,
    command: string,
    parameters: Parameters,
    state: string,
    signal: AbortSignal,
    check: (vm: Fields) => void = () => undefined,
  ): Promise<void> {
    const change: Change<true> = {
      operation: `${command} ${id}`,
      command,
      parameters,
      observe: async look => {
        const vm = await this.#existing(id, look)
        if (vm['state'] === state) return true
        check(vm)
        return undefined
      },
    }
    await this.#changes.ensure(change, signal)
  }

  async #ours(id: TargetVmId, signal: AbortSignal): Promise<void> {
    const vm = await this.#existing(id, signal)
    if (!hasTag(vm, this.#tag))
      throw new AppError('TARGET_VM_NOT_OURS', `VM ${id} (${String(vm['name'])}) has no tag of ours`)
  }

  async #existing(id: TargetVmId, signal: AbortSignal): Promise<Fields> {
    const vm = await this.#fields(id, signal)
    if (vm === undefined) throw new AppError('TARGET_VM_UNKNOWN', `CloudStack has no VM ${id}`)
    return vm
  }

  async #fields(id: TargetVmId, signal: AbortSignal): Promise<Fields | undefined> {
    try {
      return (await this.#settled({ id }, signal)).find(fields => fields['id'] === id)
    } catch (error) {
      if (isUnknownId(error)) return undefined
      throw error
    }
  }

  /** When no job works on them. */
  async #settled(filter: Parameters, signal: AbortSignal): Promise<readonly Fields[]> {
    const found = await awaitPending(
      this.#api,
      async look => {
        const command = 'listVirtualMachines'
        const all = await this.#api.list(command, 'virtualmachine', { listall: 'true', ...filter }, look)
        return all.map(fields => [pendingJobOf(fields), fields])
      },
      signal,
    )
    return found.filter(fields => !dying.has(String(fields['state'])))
  }
}

function deployParameters(mark: string, request: DeployRequest): Parameters {
  const { cpuCount, memoryMib, firmware, nics } = request
  const parameters: Record<string, string> = {
    zoneid: request.zoneId,
    serviceofferingid: request.serviceOfferingId,
    templateid: request.templateId,
    name: request.hostName,
    displayname: mark,
    startvm: 'false',
  }
  if (cpuCount !== null) parameters['details[0].cpuNumber'] = cpuCount.toString()
  if (memoryMib !== null) parameters['details[0].memory'] = memoryMib.toString()
  if (firmware !== 'bios') {
    parameters['boottype'] = 'UEFI'
    parameters['bootmode'] = firmware === 'uefi-secure' ? 'SECURE' : 'LEGACY'
  }
  for (const [index, { networkId, macAddress }] of nics.entries()) {
    parameters[`iptonetworklist[${index}].networkid`] = networkId
    if (macAddress !== null) parameters[`iptonetworklist[${index}].mac`] = macAddress
  }
  return parameters
}

function idOf({ id }: Fields): TargetVmId {
  if (typeof id === 'string' && isUuid(id)) return targetVmId(id)
  throw new CloudstackError('CLOUDSTACK_PROTOCOL', 'listVirtualMachines: a VM without a proper id', {
    effect: 'none',
  })
}

const machineFrom = (fields: Fields, tag: Tag): CloudstackMachine => ({
  id: idOf(fields),
  name: String(fields['name']),
  state: String(fields['state']),
  isOurs: hasTag(fields, tag),
  nics: (Array.isArray(fields['nic']) ? fields['nic'] : []).filter(isFields).map(nic => ({
    networkId: String(nic['networkid']),
    macAddress: String(nic['macaddress']).toLowerCase(),
    address: typeof nic['ipaddress'] === 'string' ? nic['ipaddress'] : null,
  })),
})
