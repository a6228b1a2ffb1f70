import process from 'node:process'
import { parseArgs } from 'node:util'
import v8 from 'node:v8'
import { type AgentConfig } from './config/schema.js'
import { readConfig } from './config/read.js'
import { AppError, errorTable } from './errors.js'
import { createLogger, type Logger } from './log/logger.js'
import { type Role } from './roles/role.js'

const usage = 'usage: agent --config FILE [--check-config]'
/** As sysexits.h has them: EX_USAGE, EX_SOFTWARE, EX_CONFIG. */
const status = { usage: 64, failed: 70, config: 78 } as const

/** Runs one role until SIGTERM or SIGINT. A bug ends the process: what was under way is taken up at the next start. */
async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (typeof options === 'string') {
    process.stderr.write(`agent: ${options}\n${usage}\n`)
    process.exitCode = status.usage
    return
  }
  const config = await readConfig(options.configPath)
  if (options.onlyCheck) return
  // Nearly all that a poll or a page makes dies at once: a young generation that never grows costs no time and spares 20 MB.
  v8.setFlagsFromString('--semi-space-growth-factor=1')
  const logger = createLogger(config.role, config.log_level)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
  const crash = (error: unknown): void => {
    logger.fatal({ err: error }, 'unexpected error')
    process.exit(status.failed)
  }
  process.on('uncaughtException', crash).on('unhandledRejection', crash)
  const role = await start(config, logger, stop.signal)
  logger.info({ pid: process.pid }, 'started')
  if (!stop.signal.aborted)
    await new Promise(resolve => stop.signal.addEventListener('abort', resolve, { once: true }))
  await role.close()
  logger.info({}, 'stopped')
  process.exit(0)
}

interface Options {
  readonly configPath: string
  readonly onlyCheck: boolean
}

/** The options, or what is wrong with them. */
function readOptions(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, 'check-config': { type: 'boolean', default: false } },
    })
    if (values.config === undefined) return '--config is missing'
    return { configPath: values.config, onlyCheck: values['check-config'] }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A role loads only what it is made of: the volume daemon needs no database, the VMA no API. */
async function start(config: AgentConfig, logger: Logger, stop: AbortSignal): Promise<Role> {
  switch (config.role) {
    case 'oma': {
      // Lists of thousands of VMs pass through it; 15 MB less at the peak.
      v8.setFlagsFromString('--optimize-for-size')
      const { startOma } = await import('./roles/oma.js')
      return startOma(config, logger, stop)
    }
    case 'vma': {
      const { startVma } = await import('./roles/vma.js')
      return startVma(config, logger)
    }
    case 'volumed': {
      const { startVolumed } = await import('./volumes/daemon.js')
      return startVolumed(config, logger)
    }
  }
}

function complain(error: unknown): never {
  if (error instanceof AppError) {
    const { sentence, next } = errorTable[error.code]
    process.stderr.write(`agent: ${error.code}: ${sentence}\n${error.message}\n${next}\n`)
    process.exit(error.code === 'CONFIG_INVALID' ? status.config : status.failed)
  }
  throw error
}

await main().catch(complain)
