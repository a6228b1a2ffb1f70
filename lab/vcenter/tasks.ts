import { setTimeout as after } from 'node:timers/promises'
import { localized, VimFault } from './fault.js'
import { PlainObject, type Inventory, type ManagedObject } from './inventory.js'
import { data, ref, type DataObject, type MoRef, type VimValue } from './vim-value.js'

export interface TaskRequest {
  /** Of the form `VirtualMachine.createSnapshot`. */
  readonly descriptionId: string
  /** The method that was called; null for what a guest does by itself. */
  readonly method: string | null
  readonly entity: MoRef
  readonly entityName: string
  readonly userName: string
  /** Runs once the task is `running`; what it returns is the task's result. */
  readonly work: (progress: (percent: number) => void) => Promise<VimValue | undefined>
}

export type TaskState = 'queued' | 'running' | 'success' | 'error'

export class Task implements ManagedObject {
  readonly ref: MoRef
  readonly request: TaskRequest
  readonly queuedAt = new Date()
  state: TaskState = 'queued'
  startedAt: Date | null = null
  endedAt: Date | null = null
  progress: number | null = null
  result: VimValue | undefined
  fault: VimFault | null = null

  constructor(ref: MoRef, request: TaskRequest) {
    this.ref = ref
    this.request = request
  }

  get hasEnded(): boolean {
    return this.state === 'success' || this.state === 'error'
  }

  property(name: string): VimValue | undefined {
    return name === 'info' ? this.info() : undefined
  }

  private info(): DataObject {
    return data('TaskInfo', {
      key: this.ref.id,
      task: this.ref,
      name: this.request.method ?? undefined,
      descriptionId: this.request.descriptionId,
      entity: this.request.entity,
      entityName: this.request.entityName,
      state: this.state,
      cancelled: false,
      cancelable: false,
      error: this.fault === null ? undefined : localized(this.fault),
      result: this.result,
      progress: this.state === 'running' ? (this.progress ?? undefined) : undefined,
      reason: data('TaskReasonUser', { userName: this.request.userName }),
      queueTime: this.queuedAt,
      startTime: this.startedAt ?? undefined,
      completeTime: this.endedAt ?? undefined,
      eventChainId: Number(this.ref.id.replace('task-', '')),
    })
  }
}

export interface TaskTimes {
  /** From `queued` to `running`, and again from the end of the work to the end of the task. */
  readonly delayMs: number
  /** How long an ended task can be asked about. */
  readonly retentionMs: number
}

/** Runs tasks: each answers at once with its reference and goes on by itself. */
export class TaskManager {
  /** Called between `running` and the work; a fault rule holds or fails the task here. */
  beforeWork: (request: TaskRequest) => Promise<void> = () => Promise.resolve()
  private readonly inventory: Inventory
  private readonly times: TaskTimes
  private readonly manager: PlainObject
  private readonly recent: Task[] = []
  private readonly running = new Set<Promise<void>>()
  private readonly forgetting = new Set<NodeJS.Timeout>()
  private lastNumber = 0

  constructor(inventory: Inventory, id: string, times: TaskTimes) {
    this.inventory = inventory
    this.times = times
    const description = data('TaskDescription', { methodInfo: [], state: [], reason: [] })
    this.manager = inventory.add(
      new PlainObject(ref('TaskManager', id), { recentTask: [], description, maxCollector: 32 }),
    )
  }

  start(request: TaskRequest): Task {
    this.lastNumber += 1
    const task = this.inventory.add(new Task(ref('Task', `task-${this.lastNumber}`), request))
    this.recent.push(task)
    if (this.recent.length > 200) this.recent.shift()
    this.manager.set(
      'recentTask',
      this.recent.map(recent => recent.ref),
    )
    const run = this.run(task).finally(() => this.running.delete(run))
    this.running.add(run)
    return task
  }

  /** The tasks of an entity that have not ended, oldest first. */
  activeOn(entity: MoRef): Task[] {
    return this.recent.filter(task => !task.hasEnded && task.request.entity.id === entity.id)
  }

  recentOn(entity: MoRef): MoRef[] {
    return this.recent.filter(task => task.request.entity.id === entity.id).map(task => task.ref)
  }

  /** Resolves when no task runs any more. */
  async settle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running)
    for (const timer of this.forgetting) clearTimeout(timer)
  }

  private async run(task: Task): Promise<void> {
    await after(this.times.delayMs)
    task.state = 'running'
    task.startedAt = new Date()
    this.progress(task, 0)
    try {
      await this.beforeWork(task.request)
      const result = await task.request.work(percent => {
        this.progress(task, percent)
      })
      this.progress(task, 95)
      await after(this.times.delayMs)
      task.result = result
      task.state = 'success'
    } catch (error) {
      task.fault =
        error instanceof VimFault
          ? error
          : new VimFault('SystemError', 'A general system error occurred.', { reason: String(error) })
      task.state = 'error'
    }
    task.endedAt = new Date()
    this.inventory.changed()
    const timer = setTimeout(() => {
      this.forgetting.delete(timer)
      this.inventory.remove(task.ref)
    }, this.times.retentionMs)
    timer.unref()
    this.forgetting.add(timer)
  }

  private progress(task: Task, percent: number): void {
    task.progress = percent
    this.inventory.changed()
  }
}
