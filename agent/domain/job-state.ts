import { isCommitted, type PassState } from './pass-state.js'
import { type Replica } from './staging.js'

export type JobState =
  | 'needs-operator'
  | 'replicating'
  | 'pausing'
  | 'paused'
  | 'stopping'
  | 'cleaning-up'
  | 'failed'
  | 'stopped'
  | 'protected'
  | 'unprotected'
  | 'new'

export interface PassStanding {
  readonly state: PassState
  readonly sagaState: 'running' | 'unwinding' | 'done' | 'needs-operator'
  /** The VMA has confirmed that it moves nothing of this pass. */
  readonly isHeld: boolean
}

/** What the newest pass of a job is doing. */
export type NewestPass =
  | { readonly kind: 'none' }
  | { readonly kind: 'moving'; readonly isHeld: boolean }
  /** Nothing of it can be held any more: it is undone. */
  | { readonly kind: 'cleaning-up' }
  | { readonly kind: 'needs-operator' }
  | { readonly kind: 'ended'; readonly hasFailed: boolean }

/** What operators hold back. Both may be: a paused pass of a stopped job is the last one, and waits. */
export interface HeldBack {
  readonly isPaused: boolean
  readonly isStopped: boolean
}

export function newestPass(standing: PassStanding | undefined): NewestPass {
  if (standing === undefined) return { kind: 'none' }
  const { state, sagaState, isHeld } = standing
  switch (sagaState) {
    case 'needs-operator':
      return { kind: 'needs-operator' }
    case 'unwinding':
      return { kind: 'cleaning-up' }
    case 'running':
      // What is left to do after the commit takes nothing away from the recovery point.
      return isCommitted(state) ? { kind: 'ended', hasFailed: false } : { kind: 'moving', isHeld }
    case 'done':
      return { kind: 'ended', hasFailed: state === 'failed' }
  }
}

/**
 * What a job is doing; `point`: what its volumes are worth (domain/staging.ts). Paused and stopped are told only when they are true of the pass as well. A failed newest pass shows,
 * even where there is a recovery point and even while the job is paused.
 */
export function jobState(newest: NewestPass, point: Replica['kind'], held: HeldBack): JobState {
  switch (newest.kind) {
    case 'needs-operator':
    case 'cleaning-up':
      return newest.kind
    case 'moving':
      if (held.isPaused) return newest.isHeld ? 'paused' : 'pausing'
      return held.isStopped ? 'stopping' : 'replicating'
    case 'none':
    case 'ended':
      if (held.isStopped) return 'stopped'
      if (newest.kind === 'ended' && newest.hasFailed) return 'failed'
      if (held.isPaused) return 'paused'
      return stateOfPoint[point]
  }
}

const stateOfPoint = {
  none: 'new',
  'at-point': 'protected',
  finishing: 'protected',
  'no-point': 'unprotected',
} as const satisfies Record<Replica['kind'], JobState>
