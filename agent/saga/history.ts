import { type Failure } from '../errors.js'
import { type StepEvent } from './log.js'
import { type Json } from '../domain/json.js'

/** Where one step stands, read from the events. */
export type StepStatus =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'started' }
  | { readonly kind: 'succeeded'; readonly output: Json }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'undo-started' }
  | { readonly kind: 'undone' }
  | { readonly kind: 'undo-failed'; readonly failure: Failure }

/** Folds a saga's events, oldest first, into the status of each step. Steps not named are waiting. */
export function stepStatuses(events: readonly StepEvent[]): ReadonlyMap<string, StepStatus> {
  const statuses = new Map<string, StepStatus>()
  for (const event of events) statuses.set(event.step, statusAfter(event))
  return statuses
}

function statusAfter(event: StepEvent): StepStatus {
  switch (event.kind) {
    case 'started':
      return { kind: 'started' }
    case 'succeeded':
      return { kind: 'succeeded', output: event.output }
    case 'failed':
      return { kind: 'failed', failure: event.failure }
    case 'undo-started':
      return { kind: 'undo-started' }
    case 'undo-finished':
      return { kind: 'undone' }
    case 'undo-failed':
      return { kind: 'undo-failed', failure: event.failure }
  }
}

/** The outputs saved by the steps that succeeded, also of steps undone since (an undo needs them). */
export function savedOutputs(events: readonly StepEvent[]): ReadonlyMap<string, Json> {
  const outputs = new Map<string, Json>()
  for (const event of events) if (event.kind === 'succeeded') outputs.set(event.step, event.output)
  return outputs
}

/** The failure that started the unwinding; later failures of undo do not hide it. Undefined when no step failed. */
export function firstFailure(events: readonly StepEvent[]): Failure | undefined {
  for (const event of events) if (event.kind === 'failed') return event.failure
  return undefined
}
