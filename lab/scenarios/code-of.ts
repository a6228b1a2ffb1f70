/** The code of the error that `attempt` rejects with; `no error` when it does not, the error's text when it has none. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return 'no error'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
