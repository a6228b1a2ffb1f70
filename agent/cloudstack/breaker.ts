import { type ErrorCode } from '../errors.js'
import { CloudstackError } from './failure.js'

export interface BreakerOptions {
  /** So many calls in a row without an answer open it. */
  readonly failuresToOpen: number
  /** How long it stays open at first; each probe in vain doubles it up to `maxOpenMs`. */
  readonly openMs: number
  readonly maxOpenMs: number
  /** How long no call is made after the key was refused; then one is, to see. */
  readonly refusedMs: number
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
}

export type CallOutcome =
  | { readonly kind: 'answered' }
  | { readonly kind: 'away'; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'refused' }
  /** The caller gave up, which says nothing about CloudStack. */
  | { readonly kind: 'abandoned' }

type State =
  | { readonly kind: 'closed'; readonly failures: number }
  | {
      readonly kind: 'open'
      readonly code: ErrorCode
      readonly untilMs: number
      readonly lastMs: number
      readonly probing: boolean
    }

/** No server may ask to be left alone for longer. */
const maxRetryAfterMs = 10 * 60_000

/**
 * Shared by all calls to one CloudStack: while it does not answer, or refuses the key, calls fail at once instead of each
 * waiting for itself, and one call at a time looks whether it is back.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions
  #state: State = { kind: 'closed', failures: 0 }

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** Every entered call has to be reported. Throws what keeps calls away, and until when. */
  enter(what: string): void {
    const state = this.#state
    if (state.kind === 'closed') return
    if (state.probing || this.#options.nowMs() < state.untilMs) {
      const until = new Date(state.untilMs).toISOString()
      const why = state.code === 'CLOUDSTACK_REFUSED' ? 'the key was refused' : 'earlier calls got no answer'
      throw new CloudstackError(
        state.code,
        `${what}: not sent, ${why}; the next call goes out after ${until}`,
        {
          effect: 'none',
        },
      )
    }
    this.#state = { ...state, probing: true }
  }

  report(outcome: CallOutcome): void {
    const state = this.#state
    switch (outcome.kind) {
      case 'answered':
        this.#state = { kind: 'closed', failures: 0 }
        return
      case 'abandoned':
        if (state.kind === 'open') this.#state = { ...state, probing: false }
        return
      case 'refused':
        this.#open('CLOUDSTACK_REFUSED', this.#options.refusedMs)
        return
      case 'away':
        this.#away(state, outcome.retryAfterMs)
    }
  }

  #away(state: State, retryAfterMs: number | undefined): void {
    const { failuresToOpen, openMs, maxOpenMs } = this.#options
    if (retryAfterMs !== undefined) {
      this.#open('CLOUDSTACK_BUSY', Math.min(retryAfterMs, maxRetryAfterMs))
      return
    }
    if (state.kind === 'open') {
      // Calls that were under way when it opened change nothing.
      if (state.probing) this.#open('CLOUDSTACK_UNREACHABLE', Math.min(state.lastMs * 2, maxOpenMs))
      return
    }
    const failures = state.failures + 1
    if (failures >= failuresToOpen) this.#open('CLOUDSTACK_UNREACHABLE', openMs)
    else this.#state = { kind: 'closed', failures }
  }

  #open(code: ErrorCode, forMs: number): void {
    const untilMs = this.#options.nowMs() + forMs
    this.#state = { kind: 'open', code, untilMs, lastMs: Math.max(forMs, 1), probing: false }
  }
}
