import { errorTable, type AppError } from '../agent/errors.js'
import { LinkError } from './agent-link.js'
import type { Failure } from './part.js'

export const failureFromError = (error: AppError): Failure => ({
  code: error.code,
  sentence: errorTable[error.code].sentence,
  message: error.message,
  next: errorTable[error.code].next,
})

/** The words for a silent agent; null for any other error, which is a bug. */
export const awayReason = (error: unknown): string | null =>
  error instanceof LinkError ? error.message : null

/** A reading nobody answered. */
export const silent = (what: string, reason: string): Failure => ({
  code: 'NO_ANSWER',
  sentence: `The agent did not answer when it was asked for ${what}.`,
  message: reason,
  next: 'r asks again.',
})
