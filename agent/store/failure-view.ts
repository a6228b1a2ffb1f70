import { errorTable, type Failure } from '../errors.js'

/** A kept failure as operators see it, with what to do about it. */
export const failureView = (failure: Failure) => ({ ...failure, next: errorTable[failure.code].next })
