import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as after } from 'node:timers/promises'
import { execa } from 'execa'
import { AppError } from '../errors.js'

export interface NbdkitOptions {
  readonly nbdkitPath: string
  readonly socketPath: string
  /** Everything that names and opens the one disk: filters, plugin and its parameters. Never a secret: others can read it. */
  readonly argv: readonly string[]
  /** Given as file descriptor 3, where `password=-3` reads it. */
  readonly secret?: string
  readonly startTimeoutMs: number
}

export interface NbdkitServer {
  /** The newest lines of what nbdkit complained about: printable text, at most 500 characters, empty when it said nothing. */
  readonly complaint: () => string
  /** Resolves when the process has ended, whatever ended it. */
  readonly ended: Promise<void>
  /** Ends it at once and removes its socket; clients are cut off. Resolves when nothing of it is left. */
  readonly end: () => Promise<void>
}

const keptComplaint = 500

/**
 * Starts one nbdkit on a unix socket and resolves when it listens. Nothing of this process's environment reaches it: it
 * handles bytes of untrusted guests. The kernel kills it with this process, however that ends: nbdkit's own
 * `--exit-with-parent` is a polite request and would wait for its clients, one of which may be an old holder that must not
 * write any more. Rejects with NBD_UNREACHABLE; then it has ended.
 */
export async function startNbdkit(options: NbdkitOptions): Promise<NbdkitServer> {
  const child = execa(
    '/usr/bin/setpriv',
    [
      '--pdeathsig',
      'KILL',
      options.nbdkitPath,
      '--foreground',
      '--unix',
      options.socketPath,
      '--pidfile',
      pidFileOf(options.socketPath),
      ...options.argv,
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe', ...(options.secret === undefined ? [] : ['pipe' as const])],
      buffer: false,
      reject: false,
      env: {},
      extendEnv: false,
    },
  )
  let text = ''
  child.stderr.on('data', (part: Buffer) => {
    text = (text + part.toString()).slice(-4 * keptComplaint)
  })
  const ended = child.then(result => {
    if (result.code !== undefined) text += `setpriv: ${result.code}\n`
  })
  const server: NbdkitServer = {
    complaint: () => printable(text).slice(-keptComplaint),
    ended,
    end: async () => {
      child.kill('SIGKILL')
      await ended
      for (const path of [options.socketPath, pidFileOf(options.socketPath)]) await rm(path, { force: true })
    },
  }
  try {
    if (options.secret !== undefined) await hand(child.stdio[3], options.secret)
    await untilListening(server, options)
    return server
  } catch (error) {
    await server.end()
    throw error
  }
}

async function hand(pipe: unknown, secret: string): Promise<void> {
  if (!isWritable(pipe)) throw new Error('nbdkit has no pipe for its secret')
  await new Promise<void>(resolve => {
    // A server that ended before it read is found by whoever waits for its answer.
    pipe.once('error', () => resolve())
    pipe.end(secret, () => resolve())
  })
}

const isWritable = (pipe: unknown): pipe is NodeJS.WritableStream =>
  typeof pipe === 'object' && pipe !== null && 'end' in pipe

async function untilListening(server: NbdkitServer, options: NbdkitOptions): Promise<void> {
  const end = performance.now() + options.startTimeoutMs
  const gone = server.ended.then(() => true)
  // nbdkit writes it once it listens (nbdkit(1)); a connection made to find out would leave complaints in its log.
  while (!existsSync(pidFileOf(options.socketPath))) {
    if ((await Promise.race([gone, after(10)])) === true)
      throw new AppError('NBD_UNREACHABLE', `nbdkit ended at its start: ${server.complaint()}`)
    if (performance.now() > end)
      throw new AppError('NBD_UNREACHABLE', `nbdkit does not listen after ${options.startTimeoutMs} ms`)
  }
}

const pidFileOf = (socketPath: string): string => `${socketPath}.pid`

/** What nbdkit prints holds names and texts of the other side. */
const printable = (text: string): string =>
  text
    .split('\n')
    .map(line => line.replace(/[^\u0020-\u007e]/g, '?').trim())
    .filter(line => line !== '')
    .slice(-3)
    .join('; ')
