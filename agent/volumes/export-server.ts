import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { execa } from 'execa'
import { AppError } from '../errors.js'

/** A running nbdkit that serves one device under one name on one socket. */
export interface ExportServer {
  /** Resolves when the process is gone, with the end of what it said on standard error. */
  readonly ended: Promise<string>
  /** Resolves when the process is gone, so that nothing more reaches the device through it, and its socket is removed. */
  readonly kill: () => Promise<void>
}

const keptOfComplaints = 2000

/**
 * Starts a server. Nothing of this process's environment reaches it, because it handles bytes of untrusted guests. The
 * kernel kills it with this process, however that ends: nbdkit's own `--exit-with-parent` is a polite request and would
 * wait for its clients, one of which may be the old holder that must not write any more.
 */
export function startExportServer(
  nbdkitPath: string,
  socket: string,
  name: string,
  devicePath: string,
): ExportServer {
  const nbdkit = [
    nbdkitPath,
    '--foreground',
    '--unix',
    socket,
    '--filter=exportname',
    'file',
    devicePath,
    `exportname=${name}`,
    'exportname-strict=true',
  ]
  const child = execa('/usr/bin/setpriv', ['--pdeathsig', 'KILL', ...nbdkit], {
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    env: {},
    extendEnv: false,
  })
  let complaints = ''
  child.stderr.on('data', (text: Buffer) => {
    complaints = (complaints + text.toString()).slice(-keptOfComplaints)
  })
  const ended = child.then(() => complaints.trim())
  return {
    ended,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
      await rm(socket, { force: true })
    },
  }
}

/** Rejects with NBD_UNREACHABLE when the server ends or does not answer within `timeoutMs`. */
export async function untilAnswering(
  server: ExportServer,
  socket: string,
  what: string,
  timeoutMs: number,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await answers(socket))) {
    const complaint = await Promise.race([server.ended, after(10)])
    if (complaint !== undefined)
      throw new AppError('NBD_UNREACHABLE', `the server of ${what} ended: ${complaint}`)
    if (performance.now() > end)
      throw new AppError('NBD_UNREACHABLE', `the server of ${what} does not answer`)
  }
}

const answers = (path: string): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
