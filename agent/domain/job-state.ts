import { type PassState } from './pass-state.js'

export type JobState = 'needs-operator' | 'replicating' | 'cleaning-up' | 'failed' | 'protected' | 'new'

export interface PassStanding {
  readonly state: PassState
  readonly sagaState: 'running' | 'unwinding' | 'done' | 'needs-operator'
}

/** What a job is doing, from its newest pass and whether a recovery point exists. A failed newest pass shows, even so. */
export function jobState(newest: PassStanding | undefined, hasRecoveryPoint: boolean): JobState {
  if (newest === undefined) return 'new'
  switch (newest.sagaState) {
    case 'needs-operator':
      return 'needs-operator'
    case 'unwinding':
      return 'cleaning-up'
    case 'running':
      return newest.state === 'committed' ? 'cleaning-up' : 'replicating'
    case 'done':
      if (newest.state === 'failed') return 'failed'
      return hasRecoveryPoint ? 'protected' : 'new'
  }
}
