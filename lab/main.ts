import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { openDemo } from './demo.js'
import { runScenario } from './scenarios/run.js'
import { scenarios } from './scenarios/list.js'
import { Cleanup } from './site/cleanup.js'

const usageStatus = 2
const interruptedStatus = 130

interface Options {
  readonly scenario: string | undefined
  readonly json: boolean
  /** The directory of the lab stays, for looking at logs and disks. */
  readonly keep: boolean
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        scenario: { type: 'string' },
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
      },
    })
    return { scenario: values.scenario, json: values.json, keep: values.keep }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const usage = (): string =>
  [
    'usage: npm run lab                                    the simulated site, with the console on it',
    '       npm run lab -- --scenario NAME [--json]        one scenario, without a terminal',
    '       --keep                                         leaves the directory of the lab for looking at it',
    'scenarios:',
    ...scenarios.map(({ name, title }) => `  ${name.padEnd(20)} ${title}`),
    '',
  ].join('\n')

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') {
    process.stderr.write(`lab: ${options}\n${usage()}`)
    return usageStatus
  }
  const isOnTerminal = process.stdin.isTTY && process.stdout.isTTY
  const wanted = options.scenario ?? (isOnTerminal ? undefined : 'replicate')
  const scenario = scenarios.find(candidate => candidate.name === wanted)
  if (wanted !== undefined && scenario === undefined) {
    process.stderr.write(`lab: there is no scenario ${wanted}\n${usage()}`)
    return usageStatus
  }
  const dir = await mkdtemp(join(tmpdir(), 'ossea-lab-'))
  const cleanup = new Cleanup()
  if (options.keep) process.stderr.write(`lab: everything stays in ${dir}\n`)
  else cleanup.add('the directory of the lab', () => rm(dir, { recursive: true, force: true }))
  const interrupt = (): void => {
    cleanup.run().then(
      () => process.exit(interruptedStatus),
      () => process.exit(interruptedStatus),
    )
  }
  // A terminal that is gone takes no more lines; everything is ended all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  if (scenario !== undefined) return runScenario(scenario, { dir, cleanup, json: options.json })
  return openDemo(dir, cleanup)
}

process.exit(await main())
