import { demoClient } from '../../console/demo/client.js'
import type { ConsoleClient } from '../../console/console-client.js'
import type { Event } from '../../console/event.js'
import type { PageClient } from '../../console/page.js'
import { frameView } from '../../console/panes/frame.js'
import { plainPrompt, plainText } from '../../console/plain/text.js'
import { startRunner } from '../../console/runner.js'
import { initialState, type State } from '../../console/state.js'
import { tiers, type Tier } from '../../console/tier.js'
import { drawView } from '../../console/ui/draw.js'
import { until } from '../lib/until.js'

export const drivenNowMs = Date.UTC(2026, 10, 24, 2, 0, 0)

export interface DrivenOptions {
  readonly tier?: Tier
  readonly cols?: number
  readonly rows?: number
  readonly client?: ConsoleClient & PageClient
}

/** The console with its real runner and no terminal, on the recorded site unless told otherwise. */
export class Driven {
  state: State
  quits = 0
  readonly #runner: ReturnType<typeof startRunner>

  constructor({
    tier = 'rich',
    cols = 80,
    rows = 24,
    client = demoClient(() => drivenNowMs),
  }: DrivenOptions) {
    const start = { cols, rows, tier, tiersOffered: tiers, hostName: 'oma-01', nowMs: drivenNowMs }
    this.state = initialState(start)
    let crash: unknown = null
    this.#runner = startRunner(
      {
        client,
        pageClient: client,
        nowMs: () => drivenNowMs,
        draw: state => {
          this.state = state
        },
        quit: () => {
          this.quits += 1
        },
        crash: error => {
          crash = error
        },
      },
      this.state,
    )
    this.crashed = () => crash
    this.send({ kind: 'addresses', addresses: [{ interfaceName: 'ens3', address: '192.0.2.10' }] })
    this.send({ kind: 'tick', nowMs: drivenNowMs })
  }

  readonly crashed: () => unknown

  send(event: Event): void {
    this.#runner.dispatch(event)
  }

  /** Waits until everything that was asked for has come. */
  async settled(): Promise<void> {
    // A turn draws what was just sent, a few more answer it: waiting by the clock is for what takes longer.
    for (let turn = 0; turn < 8; turn += 1) {
      await new Promise(resolve => setImmediate(resolve))
      if (turn > 0 && this.#isIdle()) return
    }
    const { polling, asking, deed } = this.state
    await until(
      `nothing is under way: ${JSON.stringify({ polling, asking, deed })}`,
      () => {
        if (this.crashed() !== null) throw new Error('the console crashed', { cause: this.crashed() })
        return this.#isIdle()
      },
      60_000,
    )
  }

  #isIdle(): boolean {
    const { polling, asking, deed, features } = this.state
    return polling.inFlight === null && asking.length === 0 && deed === null && features !== null
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      this.send({ kind: 'key', key })
      await this.settled()
    }
  }

  async type(text: string): Promise<void> {
    await this.press(...Array.from(text))
  }

  picture(): string {
    const view = frameView(this.state)
    const { tier, size } = this.state
    if (tier === 'plain') return `${plainText(view).join('\n')}\n${plainPrompt(view)}`
    return drawView(view, size, tier).text()
  }

  stop(): void {
    this.#runner.stop()
  }
}

export async function driven(
  t: { teardown(work: () => void): unknown },
  options: DrivenOptions = {},
): Promise<Driven> {
  const console = new Driven(options)
  t.teardown(() => console.stop())
  await console.settled()
  return console
}
