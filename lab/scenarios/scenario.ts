import { type Cleanup } from '../site/cleanup.js'

export interface ScenarioContext {
  /** A directory of its own, removed afterwards. */
  readonly dir: string
  /** One line for the person who watches. */
  readonly say: (line: string) => void
  readonly checks: Checks
  readonly cleanup: Cleanup
}

/** What a scenario found, besides its checks; JSON. */
export type Findings = Readonly<Record<string, unknown>>

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly run: (context: ScenarioContext) => Promise<Findings>
}

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was found; always there, so that a passed check can be believed. */
  readonly found: string
}

/** The checks of one run. A scenario holds when it made at least one and none failed. */
export class Checks {
  readonly #say: (line: string) => void
  readonly #made: Check[] = []

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  get made(): readonly Check[] {
    return this.#made
  }

  get allHold(): boolean {
    return this.#made.length > 0 && this.#made.every(check => check.ok)
  }

  that(name: string, ok: boolean, found: string): void {
    this.#made.push({ name, ok, found })
    this.#say(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${found}`)
  }

  equal(name: string, found: unknown, wanted: unknown): void {
    const [is, should] = [JSON.stringify(found), JSON.stringify(wanted)]
    this.that(name, is === should, is === should ? is : `${is}, not ${should}`)
  }
}
