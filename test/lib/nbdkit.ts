import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test } from 'tap'
import { until } from './until.js'

export interface Server {
  readonly socket: string
  readonly process: ChildProcess
}

/** A directory of the test's own, removed at its end. */
export async function temporaryDir(t: Test): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ossea-test-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Starts nbdkit on a unix socket of its own and waits until it listens; ended with the test. */
export async function startNbdkit(t: Test, argv: readonly string[]): Promise<Server> {
  const dir = await temporaryDir(t)
  const socket = join(dir, 'nbd.sock')
  const pidFile = join(dir, 'pid')
  const child = spawn(
    '/usr/bin/nbdkit',
    ['-f', '--exit-with-parent', '--unix', socket, '--pidfile', pidFile, ...argv],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaints = ''
  child.stderr.on('data', (text: Buffer) => {
    complaints += text.toString()
  })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  await until(`nbdkit ${argv.join(' ')} listens`, () => {
    if (child.exitCode !== null) throw new Error(`nbdkit ended: ${complaints}`)
    return existsSync(pidFile)
  })
  return { socket, process: child }
}

export const unixTarget = (server: Server) => ({ kind: 'unix', path: server.socket, exportName: '' }) as const
