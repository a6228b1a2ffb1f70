import os from 'node:os'
import process from 'node:process'
import v8 from 'node:v8'
import type { ConsoleClient } from './console-client.js'
import type { Event } from './event.js'
import { ownAddresses } from './own-addresses.js'
import { frameView } from './panes/frame.js'
import type { PageClient } from './page.js'
import { openLines, type PlainLines } from './plain/lines.js'
import { startRunner } from './runner.js'
import { initialState, type State } from './state.js'
import { drawnTiers, type Tier } from './tier.js'
import { cleanEnvironment, terminalCaps } from './terminal-caps.js'
import type { Caps } from './ui/caps.js'
import { terminalGone } from './ui/terminal.js'
import type { TerminalScreen } from './ui/screen.js'

const tickMs = 1000
const addressesMs = 10_000

/** What the program is run with, apart from the process it is. */
export interface Program {
  readonly client: ConsoleClient
  readonly pageClient: PageClient
  readonly wantedTier: Tier | null
  readonly hostName: string
  readonly nowMs: () => number
  readonly addresses: typeof ownAddresses
}

export const productProgram = { hostName: os.hostname(), nowMs: Date.now, addresses: ownAddresses }

/** Runs the console on this process's terminal until it is left. */
export async function runProgram(program: Program): Promise<void> {
  const caps = terminalCaps(program.wantedTier)
  // Nearly everything a poll makes dies at once: a young generation that never grows costs 15 MB less and no time.
  v8.setFlagsFromString('--semi-space-growth-factor=1')
  cleanEnvironment(process.env)
  const tier: Tier = program.wantedTier ?? caps?.tier ?? 'plain'
  const display = displayOf(caps, {
    dispatch: event => runner.dispatch(event),
    leave: () => leave(0),
  })
  await display.use(tier)

  const leave = (status: number): void => {
    runner.stop()
    display.close()
    process.exit(status)
  }
  const crash = (error: unknown): void => {
    display.close()
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(`console: an unexpected error ended it; start it again.\n${text}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', crash).on('unhandledRejection', crash)
  process.on('exit', () => display.close())
  const onStreamError = (error: Error): void => (terminalGone(error) ? leave(0) : crash(error))
  process.stdin.on('error', onStreamError)
  process.stdout.on('error', onStreamError)
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => leave(0))
  // A stopped console is a dead screen, and SIGUSR1 would open Node's debugger.
  for (const signal of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGUSR1'] as const)
    process.on(signal, () => undefined)
  process.on('SIGCONT', () => {
    display.resume()
    runner.dispatch({ kind: 'key', key: 'ctrl-l' })
  })
  // Node prints warnings on the terminal that is being drawn on.
  process.removeAllListeners('warning')

  const runner = startRunner(
    {
      client: program.client,
      pageClient: program.pageClient,
      nowMs: program.nowMs,
      draw: (state, wipe) => display.draw(state, wipe, crash),
      quit: () => leave(0),
      crash,
    },
    initialState({
      ...display.size(),
      tier,
      tiersOffered: caps === null ? ['plain'] : [...drawnTiers, 'plain'],
      hostName: program.hostName,
      nowMs: program.nowMs(),
    }),
  )
  const tellAddresses = (): void => runner.dispatch({ kind: 'addresses', addresses: program.addresses() })
  runner.dispatch({ kind: 'tick', nowMs: program.nowMs() })
  tellAddresses()
  setInterval(() => runner.dispatch({ kind: 'tick', nowMs: program.nowMs() }), tickMs)
  setInterval(tellAddresses, addressesMs)
}

interface DisplayEvents {
  readonly dispatch: (event: Event) => void
  readonly leave: () => void
}

interface Display {
  use(tier: Tier): Promise<void>
  draw(state: State, wipe: boolean, crash: (error: unknown) => void): void
  size(): { readonly cols: number; readonly rows: number }
  resume(): void
  close(): void
}

/** Exactly one of the two holds the terminal; blessed is loaded by the first drawn tier. */
function displayOf(caps: Caps | null, events: DisplayEvents): Display {
  let screen: TerminalScreen | null = null
  let lines: PlainLines | null = null
  let changing = false

  const use = async (tier: Tier): Promise<void> => {
    if (tier === 'plain') {
      screen?.close()
      screen = null
      lines ??= openLines(process.stdin, process.stdout, { event: events.dispatch, gone: events.leave })
      return
    }
    lines?.close()
    lines = null
    if (screen !== null || caps === null) return
    const { openScreen } = await import('./ui/screen.js')
    screen = openScreen(caps, process.stdin, process.stdout, {
      input: events.dispatch,
      resized: size => events.dispatch({ kind: 'resized', ...size }),
      gone: events.leave,
    })
  }

  const draw = (state: State, wipe: boolean, crash: (error: unknown) => void): void => {
    if (changing) return
    if ((state.tier === 'plain') === (lines === null)) {
      changing = true
      use(state.tier)
        .then(() => {
          changing = false
          draw(state, true, crash)
        })
        .catch(crash)
      return
    }
    const view = frameView(state)
    if (wipe) screen?.wipe()
    if (state.tier === 'plain') lines?.show(state, view)
    else screen?.show(view, state.size, state.tier)
  }

  return {
    use,
    draw,
    size: () => screen?.size ?? { cols: 80, rows: 24 },
    resume: () => screen?.resume(),
    close: () => {
      screen?.close()
      lines?.close()
    },
  }
}
