import { pidFileOf, startServer, type NbdServer } from './nbd-process.js'

export interface QemuNbdOptions {
  readonly qemuNbdPath: string
  readonly socketPath: string
  readonly exportName: string
  /** How many clients may be connected at once; with more than one the server vouches for multi-conn. */
  readonly clients: number
  readonly readOnly: boolean
  /** What is served, as qemu's `--image-opts` takes it: every driver named, nothing probed. */
  readonly image: string
  readonly startTimeoutMs: number
}

const setpriv = '/usr/bin/setpriv'

/**
 * Starts one qemu-nbd on a unix socket and resolves when it listens. A flush reaches the disk before it is acknowledged.
 * qemu-nbd does not look after its parent itself, so the kernel kills it when this process ends, however it ends. Rejects
 * with NBD_UNREACHABLE; then it has ended.
 */
export function startQemuNbd(options: QemuNbdOptions): Promise<NbdServer> {
  const { qemuNbdPath, socketPath, exportName, clients, readOnly, image, startTimeoutMs } = options
  const own = ['--persistent', '--socket', socketPath, '--pid-file', pidFileOf(socketPath)]
  const access = readOnly ? ['--read-only'] : ['--cache=writeback', '--discard=unmap']
  const served = ['--export-name', exportName, '--shared', String(clients), '--image-opts', image]
  return startServer({
    program: setpriv,
    argv: ['--pdeathsig', 'KILL', '--', qemuNbdPath, ...own, ...access, ...served],
    socketPath,
    startTimeoutMs,
  })
}
