import { AppError } from '../errors.js'
import { faultOfLocalized, isFault, isUnsupported, OutcomeUnknown } from './faults.js'
import { objectFilter, ofVm, readObject, referredFilter, retrieve } from './properties.js'
import { type VimSession } from './session.js'
import { type Call } from './soap.js'
import { child, element, refOf, textOf, type MoRef, type Node } from './vim-xml.js'

export interface TaskOptions {
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** Between two looks at a task, where vCenter cannot be asked to tell by itself. */
  readonly pollMs: number
  /** How long vCenter may hold an answer back while nothing changes. */
  readonly waitSeconds: number
  /** How many tasks of others, one after the other, a task of ours gives way to. */
  readonly maxBusyRounds: number
}

export interface TaskInfo {
  readonly descriptionId: string
  readonly method: string
  readonly ended: boolean
  readonly info: Node
}

/** The end of a task: its result, or the fault it ended with is thrown. Undefined result: it has none. */
export type TaskEnd =
  { readonly kind: 'done'; readonly result: Node | undefined } | { readonly kind: 'vanished' }

/** Starts tasks and waits for their ends. An aborted signal ends the waiting and leaves the task alone. */
export class Tasks {
  readonly #session: VimSession
  readonly #options: TaskOptions

  constructor(session: VimSession, options: TaskOptions) {
    this.#session = session
    this.#options = options
  }

  /**
   * Starts a task and waits for its end. TaskInProgress means that nothing was started: the other task is waited for, and
   * `settled` may tell that the wish has been fulfilled meanwhile (then undefined is the result). Rejects with
   * OutcomeUnknown when the task may have been started.
   */
  async run(
    call: Call,
    settled: () => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<TaskEnd | { readonly kind: 'settled' }> {
    for (let round = 1; ; round += 1) {
      try {
        const response = await this.#session.call(call, 'never', signal)
        return await this.waitFor(refOf(child(response, 'returnval'), call.method), call.method, signal)
      } catch (error) {
        if (!isFault(error, 'TaskInProgress') || round > this.#options.maxBusyRounds) throw error
        await this.#giveWay(child(error.detail, 'task'), call.target, signal)
      }
      if (await settled()) return { kind: 'settled' }
    }
  }

  /** The tasks vCenter remembers of a VM, oldest first. Tasks that vanish while they are read are left out. */
  async recent(vm: MoRef, signal: AbortSignal): Promise<readonly (TaskInfo & { readonly ref: MoRef })[]> {
    const filter = referredFilter(vm, 'recentTask', { type: 'Task', paths: ['info'] })
    const objects = await ofVm(vm, retrieve(this.#session, filter, signal))
    return objects.flatMap(object => {
      if (object.refusal('info') !== undefined) return []
      const info = object.get('info')
      return info === undefined ? [] : [{ ref: object.ref, ...taskInfo(info) }]
    })
  }

  /** Waits until no task that touches snapshots or disks of the VM is under way; true when there was one. */
  async quiet(vm: MoRef, signal: AbortSignal): Promise<boolean> {
    let waited = false
    for (const task of await this.recent(vm, signal)) {
      if (task.ended || !/snapshot|consolidat/i.test(`${task.descriptionId} ${task.method}`)) continue
      waited = true
      await this.#ended(task.ref, signal)
    }
    return waited
  }

  /** Rejects with the fault the task ended with. */
  async waitFor(task: MoRef, what: string, signal: AbortSignal): Promise<TaskEnd> {
    const ended = await this.#ended(task, signal)
    if (ended === undefined) return { kind: 'vanished' }
    const error = child(ended.info, 'error')
    if (textOf(ended.info, 'state') === 'success')
      return { kind: 'done', result: child(ended.info, 'result') }
    if (error === undefined)
      throw new AppError('VSPHERE_FAULT', `${what}: the task ended in an error without a fault`)
    throw faultOfLocalized(`${what}: the task`, error)
  }

  async #giveWay(other: Node | undefined, vm: MoRef, signal: AbortSignal): Promise<void> {
    if (other !== undefined) await this.#ended(refOf(other, 'TaskInProgress'), signal)
    else if (vm.type !== 'VirtualMachine' || !(await this.quiet(vm, signal)))
      await this.#options.pause(this.#options.pollMs, signal)
    signal.throwIfAborted()
  }

  /** Undefined: vCenter no longer knows the task. */
  async #ended(task: MoRef, signal: AbortSignal): Promise<TaskInfo | undefined> {
    try {
      const now = await this.#look(task, signal)
      if (now.ended) return now
      return (await this.#watch(task, signal)) ?? (await this.#poll(task, signal))
    } catch (error) {
      if (isFault(error, 'ManagedObjectNotFound')) return undefined
      throw error
    }
  }

  async #look(task: MoRef, signal: AbortSignal): Promise<TaskInfo> {
    const info = (await readObject(this.#session, task, ['info'], signal)).get('info')
    if (info === undefined) throw new AppError('VSPHERE_PROTOCOL', `task ${task.id} has no info`)
    return taskInfo(info)
  }

  async #poll(task: MoRef, signal: AbortSignal): Promise<TaskInfo> {
    for (;;) {
      const now = await this.#look(task, signal)
      if (now.ended) return now
      await this.#options.pause(this.#options.pollMs, signal)
      signal.throwIfAborted()
    }
  }

  /**
   * Lets vCenter tell. A collector of its own, because all filters of a collector answer one wait. Undefined: this server
   * cannot, or it forgot the session in the middle; then the task is polled.
   */
  async #watch(task: MoRef, signal: AbortSignal): Promise<TaskInfo | undefined> {
    const { propertyCollector } = await this.#session.content(signal)
    let collector: MoRef | undefined
    try {
      const make: Call = { method: 'CreatePropertyCollector', target: propertyCollector, args: [] }
      collector = refOf(child(await this.#session.call(make, 'safe', signal), 'returnval'), make.method)
      const filter: Call = {
        method: 'CreateFilter',
        target: collector,
        args: [element('spec', objectFilter(task, ['info.state'])), element('partialUpdates', false)],
      }
      await this.#session.call(filter, 'bound', signal)
      return await this.#waitForUpdates(collector, task, signal)
    } catch (error) {
      if (isUnsupported(error) || isFault(error, 'NotAuthenticated') || error instanceof OutcomeUnknown)
        return undefined
      if (isFault(error, 'ManagedObjectNotFound', 'InvalidCollectorVersion', 'RequestCanceled'))
        return undefined
      throw error
    } finally {
      if (collector !== undefined)
        this.#session.errand('destroy a collector', {
          method: 'DestroyPropertyCollector',
          target: collector,
          args: [],
        })
    }
  }

  async #waitForUpdates(collector: MoRef, task: MoRef, signal: AbortSignal): Promise<TaskInfo> {
    const { waitSeconds, pollMs, pause } = this.#options
    for (let version = ''; ;) {
      const wait: Call = {
        method: 'WaitForUpdatesEx',
        target: collector,
        args: [element('version', version), element('options', [element('maxWaitSeconds', waitSeconds)])],
        waitMs: waitSeconds * 1000,
      }
      const update = child(await this.#session.call(wait, 'bound', signal), 'returnval')
      const now = await this.#look(task, signal)
      if (now.ended) return now
      const next = textOf(update, 'version') ?? version
      // A server that answers at once without news would be asked in a tight loop.
      if (update !== undefined && next === version) await pause(pollMs, signal)
      signal.throwIfAborted()
      version = next
    }
  }
}

function taskInfo(info: Node): TaskInfo {
  const state = textOf(info, 'state')
  if (state !== 'queued' && state !== 'running' && state !== 'success' && state !== 'error')
    throw new AppError('VSPHERE_PROTOCOL', 'a task has no known state')
  return {
    descriptionId: textOf(info, 'descriptionId') ?? '',
    method: textOf(info, 'name') ?? '',
    ended: state === 'success' || state === 'error',
    info,
  }
}
