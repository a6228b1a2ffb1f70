import { type StepView } from '../api/schemas.js'
import { errorTable } from '../errors.js'
import { stepStatuses, type StepStatus } from '../saga/history.js'
import { type SavedEvent } from '../saga/log.js'

/** A step of a saga as its definition names it. */
export interface StepName {
  readonly name: string
  /** In the words of an operator. */
  readonly title: string
}

/** All steps of a saga in their order, those to come included, with the times of their newest run. */
export function stepViews(steps: readonly StepName[], events: readonly SavedEvent[]): StepView[] {
  const statuses = stepStatuses(events)
  return steps.map(({ name, title }) => {
    const status = statuses.get(name) ?? { kind: 'waiting' }
    const own = events.filter(event => event.step === name)
    const started = own.filter(event => event.kind === 'started').at(-1)
    const last = own.at(-1)
    const ended = last?.kind === 'started' || last?.kind === 'undo-started' ? undefined : last
    return {
      name,
      title,
      state: stateOf(status),
      startedAt: started?.at.toISOString() ?? null,
      endedAt: ended?.at.toISOString() ?? null,
      failure:
        status.kind === 'failed' || status.kind === 'undo-failed'
          ? { ...status.failure, next: errorTable[status.failure.code].next }
          : null,
    }
  })
}

function stateOf(status: StepStatus): StepView['state'] {
  switch (status.kind) {
    case 'waiting':
      return 'waiting'
    case 'started':
      return 'running'
    case 'succeeded':
      return 'done'
    case 'failed':
      return 'failed'
    case 'undo-started':
      return 'undoing'
    case 'undone':
      return 'undone'
    case 'undo-failed':
      return 'undo-failed'
  }
}
