import { mkdir } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { AppError, errorTable } from '../errors.js'
import { listenOnSocket } from '../http-server/listen.js'
import { createLogger } from '../log/logger.js'
import { activateWithSystemd, kernelClock } from './activate.js'
import { HostChanges } from './changes.js'
import { hostApi } from './http/host-api.js'

const usage = 'usage: nethelper --socket PATH --state-dir DIR [--root DIR] [--files-only]'
/** As sysexits.h has them: EX_USAGE, EX_SOFTWARE. */
const status = { usage: 64, failed: 70 } as const
/** The helper's user, and the group of the agent and the console. */
const socketMode = 0o660

interface Options {
  readonly socketPath: string
  readonly stateDir: string
  readonly rootDir: string
  /** Writes the files and tells nobody: for an image that is not running. */
  readonly filesOnly: boolean
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        socket: { type: 'string' },
        'state-dir': { type: 'string' },
        root: { type: 'string', default: '/etc' },
        'files-only': { type: 'boolean', default: false },
      },
    })
    if (values.socket === undefined || values['state-dir'] === undefined)
      return '--socket and --state-dir are needed'
    return {
      socketPath: values.socket,
      stateDir: values['state-dir'],
      rootDir: values.root,
      filesOnly: values['files-only'],
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Applies typed host settings until SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') {
    process.stderr.write(`nethelper: ${options}\n${usage}\n`)
    process.exitCode = status.usage
    return
  }
  const logger = createLogger('nethelper', 'info')
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 })
  const changes = new HostChanges({
    rootDir: options.rootDir,
    stateDir: options.stateDir,
    activate: options.filesOnly ? () => Promise.resolve() : activateWithSystemd,
    clock: kernelClock,
    logger,
  })
  // Before anything else: a machine that came up unreachable helps itself.
  await changes.start()
  const api = hostApi(changes, logger)
  await listenOnSocket(api, options.socketPath, socketMode)
  logger.info({ pid: process.pid }, 'started')
  const stopped = new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  await stopped
  await api.close()
  await changes.close()
}

function complain(error: unknown): never {
  if (!(error instanceof AppError)) throw error
  const { sentence, next } = errorTable[error.code]
  process.stderr.write(`nethelper: ${error.code}: ${sentence}\n${error.message}\n${next}\n`)
  process.exit(status.failed)
}

await main().catch(complain)
