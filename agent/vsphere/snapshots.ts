import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type TakenSnapshot } from '../source/deps.js'
import { disksOf, type DiskDevice } from './devices.js'
import { isFault, OutcomeUnknown, type VimFault } from './faults.js'
import { readObject, readVm, vmRef } from './properties.js'
import { type VimSession } from './session.js'
import { type Call } from './soap.js'
import { listedSnapshots, type ListedSnapshot } from './snapshot-tree.js'
import { type Tasks } from './tasks.js'
import { child, element, flag, refOf, type MoRef } from './vim-xml.js'

export interface SnapshotRequest {
  readonly moref: string
  readonly name: string
  readonly description: string
  /** The guest is asked to bring its file systems in order first; a VM that is off has no guest to ask. */
  readonly quiesce: boolean
}

export interface SnapshotDeps {
  readonly session: VimSession
  readonly tasks: Tasks
  readonly logger: Logger
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** How long a call whose answer was lost may take to show its effect. */
  readonly settleMs: number
}

/** Looks or attempts until something is settled, each followed by a look. */
const maxRounds = 3

/** Snapshots of one name, which is how a pass knows its own: others are never touched, whatever they are called. */
export class Snapshots {
  readonly #deps: SnapshotDeps

  constructor(deps: SnapshotDeps) {
    this.#deps = deps
  }

  /**
   * One snapshot of all disks, without memory. Rejects with SOURCE_QUIESCE_FAILED when the guest could not be quiesced,
   * which leaves no snapshot. A snapshot of this name that is there already was
   * made by an earlier call and is the result; so is one whose creation is under way.
   */
  async create(request: SnapshotRequest, signal: AbortSignal): Promise<TakenSnapshot> {
    const vm = vmRef(request.moref)
    const call: Call = {
      method: 'CreateSnapshot_Task',
      target: vm,
      args: [
        element('name', request.name),
        element('description', request.description),
        element('memory', false),
        element('quiesce', request.quiesce),
      ],
    }
    const exists = async (): Promise<boolean> => (await this.#named(vm, request.name, signal)).length > 0
    for (let round = 1; ; round += 1) {
      const found = await this.find(request.moref, request.name, signal)
      if (found !== undefined) return found
      try {
        await this.#deps.tasks.run(call, exists, signal)
      } catch (error) {
        if (request.quiesce && isQuiesceFault(error))
          throw new AppError(
            'SOURCE_QUIESCE_FAILED',
            `${call.method} on ${request.moref}: ${error.fault}`,
            error,
          )
        // Its answer was lost, or what it was to answer: only the VM itself can tell.
        if (!(error instanceof OutcomeUnknown) || round >= maxRounds) throw error
        this.#deps.logger.warn(
          { vm: request.moref, err: error },
          'looking for a snapshot whose creation was not answered',
        )
        await this.#deps.pause(this.#deps.settleMs, signal)
        signal.throwIfAborted()
        continue
      }
      const taken = await this.find(request.moref, request.name, signal)
      if (taken !== undefined) return taken
      throw new AppError(
        'VSPHERE_FAULT',
        `${call.method} on ${request.moref} ended, but there is no such snapshot`,
      )
    }
  }

  /** Undefined only when vCenter lists the VM's snapshots, none has this name and none is being made. */
  async find(moref: string, name: string, signal: AbortSignal): Promise<TakenSnapshot | undefined> {
    const vm = vmRef(moref)
    let found = await this.#named(vm, name, signal)
    if (found.length === 0 && (await this.#deps.tasks.quiet(vm, signal)))
      found = await this.#named(vm, name, signal)
    const [one, another] = found
    if (another !== undefined)
      throw new AppError('VSPHERE_FAULT', `${found.length} snapshots of ${moref} are called ${name}`)
    if (one === undefined) return undefined
    const disks = await frozenDisks(this.#deps.session, one.ref, signal)
    return {
      snapshotMoref: one.ref.id,
      createdAt: one.createdAt,
      consistency: one.consistency,
      // A disk no snapshot freezes is in the snapshot's configuration too, but with the file the guest writes to.
      disks: disks
        .filter(disk => disk.snapshotable)
        .map(({ key, changeId, fileName, capacityBytes }) => ({ key, changeId, fileName, capacityBytes })),
    }
  }

  /**
   * What somebody else did to the snapshots of the VM while the one of this name stood; null: it is the current one still.
   * Rejects with SOURCE_SNAPSHOT_GONE.
   */
  async disturbance(moref: string, name: string, signal: AbortSignal): Promise<string | null> {
    const info = (await readVm(this.#deps.session, vmRef(moref), ['snapshot'], signal)).get('snapshot')
    const all = listedSnapshots(info)
    const own = all.find(snapshot => snapshot.name === name)
    if (own === undefined) throw new AppError('SOURCE_SNAPSHOT_GONE', `VM ${moref} no longer has ${name}`)
    const current = child(info, 'currentSnapshot')
    const currentId = current === undefined ? undefined : refOf(current, 'currentSnapshot').id
    if (currentId === own.ref.id) return null
    const other = all.find(snapshot => snapshot.ref.id === currentId)
    return `snapshot ${other?.name ?? 'unknown'} became the current one of the VM while the pass read its own`
  }

  /** Removes what has this name, and resolves when it is gone and the disks of the VM are consolidated. */
  async remove(
    request: { readonly moref: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<void> {
    const vm = vmRef(request.moref)
    for (let round = 1; ; round += 1) {
      await this.#deps.tasks.quiet(vm, signal)
      const [one] = await this.#named(vm, request.name, signal)
      if (one === undefined) break
      await this.#removeOne(vm, one.ref, request.name, round >= maxRounds, signal)
    }
    await this.#consolidate(vm, signal)
  }

  async #removeOne(vm: MoRef, ref: MoRef, name: string, isLast: boolean, signal: AbortSignal): Promise<void> {
    const call: Call = {
      method: 'RemoveSnapshot_Task',
      target: ref,
      args: [element('removeChildren', false), element('consolidate', true)],
    }
    const isGone = async (): Promise<boolean> =>
      !(await this.#named(vm, name, signal)).some(other => other.ref.id === ref.id)
    try {
      await this.#deps.tasks.run(call, isGone, signal)
    } catch (error) {
      if (isFault(error, 'ManagedObjectNotFound')) return
      // vSphere takes a snapshot out of the tree before it consolidates, so a failed removal may leave only that to do.
      if (!(error instanceof OutcomeUnknown) && (await isGone())) return
      if (!(error instanceof OutcomeUnknown) || isLast) throw error
      this.#deps.logger.warn(
        { vm: vm.id, err: error },
        'looking for a snapshot whose removal was not answered',
      )
      await this.#deps.pause(this.#deps.settleMs, signal)
      signal.throwIfAborted()
      return
    }
    if (isLast && !(await isGone()))
      throw new AppError(
        'VSPHERE_FAULT',
        `${call.method} on ${ref.id} ended, but the snapshot is still there`,
      )
  }

  async #consolidate(vm: MoRef, signal: AbortSignal): Promise<void> {
    const call: Call = { method: 'ConsolidateVMDisks_Task', target: vm, args: [] }
    const isDone = async (): Promise<boolean> => !(await this.#needsConsolidation(vm, signal))
    for (let round = 1; !(await isDone()); round += 1) {
      if (round > maxRounds)
        throw new AppError(
          'VSPHERE_FAULT',
          `the disks of ${vm.id} still need consolidation after ${maxRounds} tries`,
        )
      this.#deps.logger.info({ vm: vm.id }, 'consolidating the disks of a VM')
      try {
        await this.#deps.tasks.run(call, isDone, signal)
      } catch (error) {
        // A consolidation may be repeated: it folds what is left to fold.
        if (!(error instanceof OutcomeUnknown) || round >= maxRounds) throw error
      }
      await this.#deps.tasks.quiet(vm, signal)
    }
  }

  async #needsConsolidation(vm: MoRef, signal: AbortSignal): Promise<boolean> {
    const path = 'runtime.consolidationNeeded'
    return flag((await readVm(this.#deps.session, vm, [path], signal)).get(path)) ?? false
  }

  async #named(vm: MoRef, name: string, signal: AbortSignal): Promise<readonly ListedSnapshot[]> {
    const object = await readVm(this.#deps.session, vm, ['snapshot'], signal)
    return listedSnapshots(object.get('snapshot')).filter(snapshot => snapshot.name === name)
  }
}

/** ESXi reports a guest that cannot be quiesced by any of these; the last ones also for other reasons. */
const isQuiesceFault = (error: unknown): error is VimFault =>
  isFault(error, 'ToolsUnavailable', 'ApplicationQuiesceFault', 'FilesystemQuiesceFault') ||
  (isFault(error, 'SnapshotFault', 'GenericVmConfigFault') && /quiesc/i.test(error.message))

/** The disks as they were when the snapshot was taken, with its change IDs and files, never those of the running VM. */
export async function frozenDisks(
  session: VimSession,
  snapshot: MoRef,
  signal: AbortSignal,
): Promise<readonly DiskDevice[]> {
  const path = 'config.hardware.device'
  return disksOf((await readObject(session, snapshot, [path], signal)).get(path))
}
