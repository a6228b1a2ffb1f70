/**
 * One look at a time, shared by all who ask: whoever asks while one is under way gets the next, so nobody is answered with
 * what was seen before the question.
 */
export class SharedLook<T> {
  readonly #look: () => Promise<T>
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<T> | undefined

  constructor(look: () => Promise<T>) {
    this.#look = look
  }

  take(): Promise<T> {
    this.#next ??= this.#afterRunning()
    return this.#next
  }

  /** Resolves when no look is under way, however it ended. */
  async idle(): Promise<void> {
    await (this.#next ?? this.#running).catch(() => undefined)
  }

  async #afterRunning(): Promise<T> {
    // Whoever waited for that look was told how it failed.
    await this.#running.catch(() => undefined)
    this.#running = this.#next ?? Promise.resolve()
    this.#next = undefined
    return this.#look()
  }
}
