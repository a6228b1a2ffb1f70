/** What was started and has to be ended, newest first, whatever ends the lab. */
export class Cleanup {
  readonly #ends: { readonly what: string; readonly end: () => Promise<void> }[] = []
  #running: Promise<readonly string[]> | undefined

  add(what: string, end: () => Promise<void>): void {
    this.#ends.push({ what, end })
  }

  /** What could not be ended, and why; a second call waits for the first. */
  run(): Promise<readonly string[]> {
    this.#running ??= this.#run()
    return this.#running
  }

  async #run(): Promise<readonly string[]> {
    const complaints: string[] = []
    for (const { what, end } of this.#ends.reverse()) {
      try {
        await end()
      } catch (error) {
        complaints.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return complaints
  }
}
