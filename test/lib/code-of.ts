import { AppError } from '../../agent/errors.js'

/** The code of the error that `attempt` rejects with; `no error` when it does not, the error's text when it has none. */
export const codeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
  return 'no error'
}
