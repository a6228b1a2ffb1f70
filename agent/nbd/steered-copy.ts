import { type RunningCopy } from '../../native/copy.js'

/** A copy that runs, for whoever may hold or slow it. */
export type SteeredCopy = Pick<RunningCopy, 'pause' | 'resume' | 'setRate'>

export interface Steered {
  readonly copy: RunningCopy
  /** Call it when the copy has ended. */
  readonly release: () => void
}

/** Starts a copy at the rate it may have, in bytes in a second, and steers it from then on. */
export type Steer = (start: (bytesPerSecond: bigint | undefined) => RunningCopy) => Steered

export const unsteered: Steer = start => ({ copy: start(undefined), release: () => undefined })
