import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as after } from 'node:timers/promises'
import { execa } from 'execa'
import { AppError } from '../errors.js'

export interface ServerProcess {
  readonly program: string
  readonly argv: readonly string[]
  readonly socketPath: string
  /** Given as file descriptor 3. */
  readonly secret?: string
  readonly startTimeoutMs: number
}

export interface NbdServer {
  /** The newest lines of what the server complained about: printable text, at most 500 characters, empty when it said nothing. */
  readonly complaint: () => string
  /** Resolves when the process has ended, whatever ended it. */
  readonly ended: Promise<void>
  /** Ends it at once and removes its socket; clients are cut off. Resolves when nothing of it is left. */
  readonly end: () => Promise<void>
}

const keptComplaint = 500

/**
 * Starts one NBD server that writes its id to `pidFileOf(socketPath)` when it listens, and resolves then. Nothing of this
 * process's environment reaches it: it handles bytes of untrusted guests. Rejects with NBD_UNREACHABLE; then it has ended.
 */
export async function startServer(options: ServerProcess): Promise<NbdServer> {
  const { program, argv, socketPath, secret } = options
  const child = execa(program, [...argv], {
    stdio: ['ignore', 'ignore', 'pipe', ...(secret === undefined ? [] : ['pipe' as const])],
    buffer: false,
    reject: false,
    env: {},
    extendEnv: false,
  })
  let text = ''
  child.stderr.on('data', (part: Buffer) => {
    text = (text + part.toString()).slice(-4 * keptComplaint)
  })
  const ended = child.then(result => {
    if (result.code !== undefined) text += `${program}: ${result.code}\n`
  })
  const server: NbdServer = {
    complaint: () => printable(text).slice(-keptComplaint),
    ended,
    end: async () => {
      child.kill('SIGKILL')
      await ended
      for (const path of [socketPath, pidFileOf(socketPath)]) await rm(path, { force: true })
    },
  }
  try {
    if (secret !== undefined) await hand(child.stdio[3], secret)
    await untilListening(server, options)
    return server
  } catch (error) {
    await server.end()
    throw error
  }
}

async function hand(pipe: unknown, secret: string): Promise<void> {
  if (!isWritable(pipe)) throw new Error('the server has no pipe for its secret')
  await new Promise<void>(resolve => {
    // A server that ended before it read is found by whoever waits for its answer.
    pipe.once('error', () => resolve())
    pipe.end(secret, () => resolve())
  })
}

const isWritable = (pipe: unknown): pipe is NodeJS.WritableStream =>
  typeof pipe === 'object' && pipe !== null && 'end' in pipe

async function untilListening(server: NbdServer, options: ServerProcess): Promise<void> {
  const end = performance.now() + options.startTimeoutMs
  const gone = server.ended.then(() => true)
  // It is written once the server listens; a connection made to find out would leave complaints in its log.
  while (!existsSync(pidFileOf(options.socketPath))) {
    if ((await Promise.race([gone, after(10)])) === true)
      throw new AppError('NBD_UNREACHABLE', `${options.program} ended at its start: ${server.complaint()}`)
    if (performance.now() > end)
      throw new AppError(
        'NBD_UNREACHABLE',
        `${options.program} does not listen after ${options.startTimeoutMs} ms`,
      )
  }
}

/** Where a server writes its process id. */
export const pidFileOf = (socketPath: string): string => `${socketPath}.pid`

/** What it prints holds names and texts of the other side. */
const printable = (text: string): string =>
  text
    .split('\n')
    .map(line => line.replace(/[^\u0020-\u007e]/g, '?').trim())
    .filter(line => line !== '')
    .slice(-3)
    .join('; ')

/**
 * Ends a server that an earlier, killed run of this program left waiting for its clients, and removes its files. Does nothing
 * to a process that is not that server: its id may have been given out again.
 */
export async function endLeftServer(socketPath: string): Promise<void> {
  const pid = await leftPid(socketPath)
  if (pid !== undefined) {
    killIfThere(pid)
    while ((await argumentsOf(pid)).includes(socketPath)) await after(5)
  }
  for (const path of [socketPath, pidFileOf(socketPath)]) await rm(path, { force: true })
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

async function leftPid(socketPath: string): Promise<number | undefined> {
  const text = await readIfThere(pidFileOf(socketPath))
  const pid = /^\d+$/.test(text.trim()) ? Number(text) : undefined
  return pid !== undefined && (await argumentsOf(pid)).includes(socketPath) ? pid : undefined
}

/** Of a running process; none when it has ended. */
const argumentsOf = async (pid: number): Promise<readonly string[]> =>
  (await readIfThere(`/proc/${pid}/cmdline`)).split('\0')

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')
