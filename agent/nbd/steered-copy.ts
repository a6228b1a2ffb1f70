import { type RunningCopy } from '../../native/copy.js'

/** A copy that runs, for whoever may hold or slow it. */
export type SteeredCopy = Pick<RunningCopy, 'pause' | 'resume' | 'setRate'>

/** Called as the copy begins, before it has read anything; what it gives is called when the copy has ended. */
export type Steer = (copy: SteeredCopy) => () => void

export const unsteered: Steer = () => () => undefined
