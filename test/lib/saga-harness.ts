import {
  type SagaClaim,
  type SagaHolder,
  type SagaLog,
  type SagaRecord,
  type SagaState,
  type SavedEvent,
} from '../../agent/saga/log.js'
import { SagaClaimLost } from '../../agent/saga/log.js'
import { type Logger } from '../../agent/log/logger.js'
import { type Json } from '../../agent/domain/json.js'

const nothing = (): void => undefined
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing }

/** An agent that is alone with its database. */
export const aHolder: SagaHolder = { agent: 'alone', leaseMs: 60_000 }

/** A step log in memory behind the interface of the real one, with its epochs. */
export class MemorySagaLog implements SagaLog {
  readonly events: SavedEvent[] = []
  state: SagaState = 'running'
  epoch = 0
  isCancelRequested = false
  /** Called before each write; a throw is a crash or an outage. */
  beforeWrite: () => void = nothing

  readonly kind: string
  readonly input: Json

  constructor(kind: string, input: Json) {
    this.kind = kind
    this.input = input
  }

  unfinished = () => Promise.resolve(this.state === 'done' ? [] : [{ id: 'saga', state: this.state }])

  claim = (sagaId: string) => {
    if (this.state === 'done') return Promise.resolve(undefined)
    this.epoch += 1
    const record: SagaRecord = {
      id: sagaId,
      kind: this.kind,
      input: this.input,
      state: this.state,
      cancelRequested: false,
      events: [...this.events],
    }
    return Promise.resolve({ claim: { sagaId, epoch: this.epoch }, record })
  }

  append = async (
    claim: SagaClaim,
    event: Parameters<SagaLog['append']>[1],
    state: SagaState,
  ): Promise<void> => {
    this.#check(claim)
    this.events.push({ ...event, at: new Date(0) })
    this.state = state
  }

  setState = async (claim: SagaClaim, state: SagaState): Promise<void> => {
    this.#check(claim)
    this.state = state
  }

  renew = async (claim: SagaClaim): Promise<{ readonly isCancelRequested: boolean }> => {
    this.#check(claim)
    return { isCancelRequested: this.isCancelRequested }
  }

  release = () => Promise.resolve()
  free = () => Promise.resolve()

  cancelRequested = () => Promise.resolve(false)

  #check(claim: SagaClaim): void {
    this.beforeWrite()
    if (claim.epoch !== this.epoch) throw new SagaClaimLost('claimed by another')
  }
}
