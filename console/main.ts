import process from 'node:process'
import { parseArgs } from 'node:util'
import { operatorClient } from '../agent/api/client.js'
import { pointClient } from '../agent/api/point-client.js'
import { volumeClient } from '../agent/api/volume-client.js'
import { agentLink } from './agent-link.js'
import { machineFacts } from './machine.js'
import { productProgram, runProgram } from './program.js'
import { terminalCaps } from './terminal-caps.js'
import { isTier, tiers, type Tier } from './tier.js'

const usage = `usage: console --socket PATH [--tier ${tiers.join('|')}]`
const usageStatus = 2
const replyTimeoutMs = 8000
/** A look at vCenter or CloudStack, on which the agent itself waits. */
const lookTimeoutMs = 90_000

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
  if (options.tier !== 'plain' && !(process.stdin.isTTY && process.stdout.isTTY)) {
    refuse(
      'this program draws on a terminal, and standard input or output is none. Start it on a console or with ssh -t, or with --tier plain.',
    )
    return
  }
  if (options.tier !== null && options.tier !== 'plain' && terminalCaps(options.tier) === null) {
    refuse('the cursor of this terminal (TERM) cannot be placed: only --tier plain works on it.')
    return
  }
  const link = agentLink({ socketPath: options.socketPath, timeoutMs: replyTimeoutMs })
  const patient = agentLink({ socketPath: options.socketPath, timeoutMs: lookTimeoutMs })
  const pageClient = {
    ...operatorClient(patient.send),
    volumes: volumeClient(patient.send),
    points: pointClient(patient.send),
    machine: machineFacts,
  }
  const client = operatorClient(link.send)
  await runProgram({ ...productProgram, client, pageClient, wantedTier: options.tier })
}

await main()
