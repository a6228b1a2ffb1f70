import { pidFileOf, startServer, type NbdServer } from './nbd-process.js'

export interface NbdkitOptions {
  readonly nbdkitPath: string
  readonly socketPath: string
  /** Everything that names and opens the one disk: filters, plugin and its parameters. Never a secret: others can read it. */
  readonly argv: readonly string[]
  /** Given as file descriptor 3, where `password=-3` reads it. */
  readonly secret?: string
  readonly startTimeoutMs: number
}

/**
 * Starts one nbdkit on a unix socket and resolves when it listens. When this process ends, however it ends, the server
 * refuses every further request with ESHUTDOWN and ends with its last client (nbdkit's --exit-with-parent). Rejects with
 * NBD_UNREACHABLE; then it has ended.
 */
export function startNbdkit(options: NbdkitOptions): Promise<NbdServer> {
  const { nbdkitPath, socketPath, argv, secret, startTimeoutMs } = options
  const own = ['--foreground', '--exit-with-parent', '--unix', socketPath, '--pidfile', pidFileOf(socketPath)]
  return startServer({
    program: nbdkitPath,
    argv: [...own, ...argv],
    socketPath,
    startTimeoutMs,
    ...(secret === undefined ? {} : { secret }),
  })
}
