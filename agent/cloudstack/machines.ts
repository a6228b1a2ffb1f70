import { type TargetVmId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type CloudstackApi, type Fields } from './api.js'
import { type Changes } from './changes.js'
import { isUnknownId } from './failure.js'
import { awaitPending, pendingJobOf } from './pending.js'
import { hasTag, ownerTag, type Tag } from './tags.js'

/** VMs of the account. Every method looks first and may be repeated after a crash or an unknown outcome. */
export class CloudstackMachines {
  readonly #api: CloudstackApi
  readonly #changes: Changes
  readonly #tag: Tag

  constructor(api: CloudstackApi, changes: Changes, installationId: string) {
    this.#api = api
    this.#changes = changes
    this.#tag = ownerTag(installationId)
  }

  /** Off is stopped. A VM that runs is stopped only when it carries our tag. */
  async ensureStopped(id: TargetVmId, signal: AbortSignal): Promise<void> {
    await this.#changes.ensure(
      {
        operation: `stopVirtualMachine ${id}`,
        command: 'stopVirtualMachine',
        parameters: { id, forced: 'true' },
        observe: async look => {
          const vm = await this.#existing(id, look)
          if (vm['state'] === 'Stopped') return true
          if (!hasTag(vm, this.#tag))
            throw new AppError(
              'TARGET_VM_NOT_OURS',
              `VM ${id} is ${String(vm['state'])} and has no tag of ours`,
            )
          return undefined
        },
      },
      signal,
    )
  }

  async #existing(id: TargetVmId, signal: AbortSignal): Promise<Fields> {
    try {
      const list = (look: AbortSignal) =>
        this.#api.list('listVirtualMachines', 'virtualmachine', { listall: 'true', id }, look)
      const found = await awaitPending(
        this.#api,
        async look => (await list(look)).map(fields => [pendingJobOf(fields), fields]),
        signal,
      )
      const vm = found.find(fields => fields['id'] === id)
      if (vm !== undefined) return vm
    } catch (error) {
      if (!isUnknownId(error)) throw error
    }
    throw new AppError('TARGET_VM_UNKNOWN', `CloudStack has no VM ${id}`)
  }
}
