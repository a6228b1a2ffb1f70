import { ApiError } from './api-error.js'

interface Rule {
  /** Name of the API command, such as `attachVolume`; left out: every command. */
  readonly command?: string
  /** Counts down; left out: until removed. */
  readonly times?: number
}

/** What a simulated CloudStack can be told to do wrong. `after`: the command takes effect first. */
export type FaultRule = Rule &
  (
    | { readonly kind: 'fail-call'; readonly errorCode: number; readonly errorText: string }
    /** The job ends in failure instead of doing its work. */
    | { readonly kind: 'fail-job'; readonly errorCode: number; readonly errorText: string }
    /** As after a change of keys. */
    | { readonly kind: 'refuse-key' }
    /** No answer until the rule is removed; then the connection is cut. */
    | { readonly kind: 'hang-call'; readonly after: boolean }
    | { readonly kind: 'cut-connection'; readonly after: boolean }
    | { readonly kind: 'delay-call'; readonly delayMs: number }
    /** An answer of a proxy or of an overloaded server, with a body of HTML: 429, 502, 503, also 200. */
    | {
        readonly kind: 'proxy-answer'
        readonly status: number
        readonly after: boolean
        readonly retryAfterSec?: number
      }
    /** The command takes effect; its answer breaks off, as a whole HTTP message. */
    | { readonly kind: 'truncated-answer' }
    /** The job stays pending until the rule is removed. */
    | { readonly kind: 'hold-job' }
    /** The job ends in failure at once; its work takes effect when the rule is removed. */
    | { readonly kind: 'late-effect' }
    /** The command is carried out twice; the answer is that of the first time. */
    | { readonly kind: 'duplicate-job' }
    /** listVolumes as it was before the latest change. */
    | { readonly kind: 'stale-list' }
  )

type RuleOf<K extends FaultRule['kind']> = Extract<FaultRule, { kind: K }>

interface Armed<R extends FaultRule = FaultRule> {
  readonly rule: R
  left: number
  readonly released: Promise<void>
  readonly release: () => void
}

/** The faults in force. Rules are taken in the order in which they were added. */
export class Faults {
  #armed: Armed[] = []

  /** Adds a rule and returns what removes it; removing twice does nothing. */
  add(rule: FaultRule): () => void {
    let release: () => void = () => undefined
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const entry: Armed = { rule, left: rule.times ?? Number.POSITIVE_INFINITY, released, release }
    this.#armed.push(entry)
    return () => {
      this.#armed = this.#armed.filter(other => other !== entry)
      release()
    }
  }

  clear(): void {
    for (const { release } of this.#armed) release()
    this.#armed = []
  }

  /** The first rule of a kind for a command, used up once; null when there is none. */
  take<K extends FaultRule['kind']>(
    kind: K,
    command: string,
    matches: (rule: RuleOf<K>) => boolean = () => true,
  ): Armed<RuleOf<K>> | null {
    const isOfKind = (entry: Armed): entry is Armed<RuleOf<K>> => entry.rule.kind === kind
    const found = this.#armed
      .filter(isOfKind)
      .find(entry => (entry.rule.command ?? command) === command && matches(entry.rule))
    if (found === undefined) return null
    found.left -= 1
    if (found.left <= 0) this.#armed = this.#armed.filter(other => other !== found)
    return found
  }

  failCall(command: string): void {
    const fail = this.take('fail-call', command)
    if (fail !== null) throw new ApiError(fail.rule.errorCode, fail.rule.errorText)
  }
}
