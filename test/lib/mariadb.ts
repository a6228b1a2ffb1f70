import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { type Test } from 'tap'
import { openDatabase, type Database } from '../../agent/store/database.js'
import { temporaryDir } from './nbdkit.js'
import { until } from './until.js'

export interface TestDatabase {
  readonly db: Database
  readonly socketPath: string
  /** As a power cut would end it. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** A private MariaDB on a unix socket in a throw-away directory, ended with the test. */
export async function startMariadb(t: Test): Promise<TestDatabase> {
  const dir = await temporaryDir(t)
  const data = join(dir, 'data')
  const socketPath = join(dir, 'sql.sock')
  const user = process.getuid?.() === 0 ? ['--user=root'] : []
  // A starting server deletes what looks like temporary tables of a dead one, so none may share a directory with another.
  const tmpdir = `--tmpdir=${dir}`
  await execa('/usr/bin/mariadb-install-db', [
    '--no-defaults',
    `--datadir=${data}`,
    tmpdir,
    '--auth-root-authentication-method=socket',
    '--skip-test-db',
    ...user,
  ])
  const sql = (statement: string) =>
    execa('/usr/bin/mariadb', ['--no-defaults', `--socket=${socketPath}`, '-e', statement], { reject: false })
  let server: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const argv = [
      '--no-defaults',
      `--datadir=${data}`,
      tmpdir,
      `--socket=${socketPath}`,
      '--skip-networking',
      `--pid-file=${join(dir, 'pid')}`,
      ...user,
    ]
    server = spawn('/usr/sbin/mariadbd', argv, { stdio: 'ignore' })
    const started = server
    await until(
      'MariaDB answers',
      async () => {
        if (started.exitCode !== null) throw new Error('mariadbd ended at once')
        return existsSync(socketPath) && (await sql('SELECT 1')).exitCode === 0
      },
      30_000,
    )
  }
  const kill = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }
  t.teardown(kill)
  await start()
  const created = await sql('CREATE DATABASE ossea')
  if (created.exitCode !== 0) throw new Error(`CREATE DATABASE: ${created.stderr}`)
  const db = openDatabase({
    socketPath,
    user: 'root',
    database: 'ossea',
    poolSize: 4,
    onNotice: () => undefined,
  })
  t.teardown(() => db.destroy())
  return { db, socketPath, kill, start }
}
