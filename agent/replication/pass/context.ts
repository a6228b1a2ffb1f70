import { type PassId, type JobId } from '../../domain/ids.js'
import { type Json } from '../../domain/json.js'
import { type Step, type StepContext } from '../../saga/step.js'
import { type PassDeps } from '../deps.js'

/** Names the pass; everything else is looked up, so that a resumed saga sees what is true now. */
export type PassInput = {
  readonly passId: PassId
  readonly jobId: JobId
  /** `final` reads the VM while it is off, without a snapshot. Left out: with a snapshot. */
  readonly mode?: 'snapshot' | 'final'
}

export type PassStep<Output extends Json> = Step<PassDeps, PassInput, Output>
export type PassContext = StepContext<PassDeps, PassInput>

/** The owner of the work one step asks of a VMA: the same again after a crash. */
export const ownerOf = (context: PassContext, step: string): string => `${context.sagaId}/${step}`
