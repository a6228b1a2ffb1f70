import { AppError } from '../../agent/errors.js'

export function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new AppError('NOT_FOUND', what)
  return value
}

/** A refusal rejects, as one of the agent does. */
export const attempt = <T>(work: () => T): Promise<T> => Promise.resolve().then(work)
