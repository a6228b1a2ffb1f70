import os from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import v8 from 'node:v8'
import { operatorClient } from '../agent/api/client.js'
import { agentLink } from './agent-link.js'
import { frameView } from './panes/frame.js'
import { startRunner } from './runner.js'
import { initialState } from './state.js'
import { isTier, tiers, type Tier } from './tier.js'
import { capsFor } from './ui/caps.js'

const usage = `usage: console --socket PATH [--tier ${tiers.join('|')}]`
const usageStatus = 2
const tickMs = 1000
const replyTimeoutMs = 8000

interface Options {
  readonly socketPath: string
  readonly tier: Tier | null
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { socket: { type: 'string' }, tier: { type: 'string' } },
    })
    if (values.socket === undefined) return 'the path of the agent socket is missing'
    if (values.tier !== undefined && !isTier(values.tier)) return `there is no tier of that name`
    return { socketPath: values.socket, tier: values.tier ?? null }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * Blessed reads these when it is loaded: where to look for terminal descriptions (the user's own must not be parsed),
 * whether to start tmux to ask its version, whether to draw lines with the VT100's graphic set.
 */
function cleanEnvironment(env: NodeJS.ProcessEnv): void {
  delete env['TERMINFO']
  delete env['TERMINFO_DIRS']
  delete env['TERMCAP']
  delete env['HOME']
  delete env['TMUX']
  env['NCURSES_NO_UTF8_ACS'] = '1'
}

function refuse(text: string): void {
  process.stderr.write(`console: ${text}\n`)
  process.exitCode = usageStatus
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') {
    refuse(`${options}\n${usage}`)
    return
  }
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    refuse(
      'this program draws on a terminal, and standard input or output is none. Start it on a console or with ssh -t.',
    )
    return
  }
  const env = process.env
  const caps = capsFor({
    term: env['TERM'] ?? '',
    locale:
      [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(value => value !== undefined && value !== '') ?? '',
    noColour: (env['NO_COLOR'] ?? '') !== '',
    wantedTier: options.tier,
  })
  if (caps === null) {
    refuse(
      'the terminal type (TERM) is empty or dumb: its cursor cannot be placed. Set TERM to the type of the terminal.',
    )
    return
  }
  // Nearly everything a poll makes dies at once: a young generation that never grows costs 15 MB less and no time.
  v8.setFlagsFromString('--semi-space-growth-factor=1')
  cleanEnvironment(env)
  const { openScreen } = await import('./ui/screen.js')

  const link = agentLink({ socketPath: options.socketPath, timeoutMs: replyTimeoutMs })
  const screen = openScreen(caps, process.stdin, process.stdout, {
    input: input => runner.dispatch(input),
    resized: size => runner.dispatch({ kind: 'resized', ...size }),
    gone: () => leave(0),
  })
  const leave = (status: number): void => {
    runner.stop()
    screen.close()
    process.exit(status)
  }
  const crash = (error: unknown): void => {
    screen.close()
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    process.stderr.write(`console: an unexpected error ended it; start it again.\n${text}\n`)
    process.exit(1)
  }
  process.on('uncaughtException', crash).on('unhandledRejection', crash)
  process.on('exit', () => screen.close())
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => leave(0))
  // A stopped console is a dead screen, and SIGUSR1 would open Node's debugger.
  for (const signal of ['SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGUSR1'] as const)
    process.on(signal, () => undefined)
  process.on('SIGCONT', () => {
    screen.resume()
    runner.dispatch({ kind: 'key', key: 'ctrl-l' })
  })
  // Node prints warnings on the terminal that is being drawn on.
  process.removeAllListeners('warning')

  const runner = startRunner(
    {
      client: operatorClient(link.send),
      nowMs: Date.now,
      draw: (state, wipe) => {
        if (wipe) screen.wipe()
        screen.show(frameView(state), state.size, state.tier)
      },
      quit: () => leave(0),
      crash,
    },
    initialState({ ...screen.size, tier: caps.tier, hostName: os.hostname(), nowMs: Date.now() }),
  )
  runner.dispatch({ kind: 'tick', nowMs: Date.now() })
  setInterval(() => runner.dispatch({ kind: 'tick', nowMs: Date.now() }), tickMs)
}

await main()
