import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Child } from './child.js'
import { until } from './until.js'

const run = promisify(execFile)

/** A private MariaDB on a unix socket, without a network port. */
export class Mariadb {
  readonly socketPath: string
  readonly database = 'ossea'
  readonly #dir: string
  readonly #dataDir: string
  #server: Child | undefined

  private constructor(dir: string) {
    this.#dir = dir
    this.#dataDir = join(dir, 'data')
    this.socketPath = join(dir, 'sql.sock')
  }

  /** `dir` has to exist. Resolves when it answers and the database is there. */
  static async start(dir: string): Promise<Mariadb> {
    const mariadb = new Mariadb(dir)
    await run('/usr/bin/mariadb-install-db', [
      '--no-defaults',
      `--datadir=${mariadb.#dataDir}`,
      // A starting server deletes what looks like temporary tables of a dead one, so none may share a directory with another.
      `--tmpdir=${dir}`,
      '--auth-root-authentication-method=socket',
      '--skip-test-db',
      ...asRoot(),
    ])
    await mariadb.start()
    await mariadb.query('CREATE DATABASE ossea')
    return mariadb
  }

  async start(): Promise<void> {
    const server = await Child.start(
      'mariadbd',
      [
        '/usr/sbin/mariadbd',
        '--no-defaults',
        `--datadir=${this.#dataDir}`,
        `--tmpdir=${this.#dir}`,
        `--socket=${this.socketPath}`,
        `--pid-file=${join(this.#dir, 'pid')}`,
        '--skip-networking',
        ...asRoot(),
      ],
      join(this.#dir, 'mariadb.log'),
    )
    this.#server = server
    await until(
      'MariaDB answers',
      async () => {
        await server.mustRun()
        return existsSync(this.socketPath) && (await this.#answers()) ? true : undefined
      },
      60_000,
    )
  }

  /** The rows of a statement, columns parted by tabs. */
  async query(statement: string): Promise<readonly string[]> {
    const { stdout } = await run('/usr/bin/mariadb', [
      '--no-defaults',
      `--socket=${this.socketPath}`,
      '--batch',
      '--skip-column-names',
      '-e',
      statement,
    ])
    return stdout.split('\n').filter(line => line !== '')
  }

  /** As a power cut would end it. */
  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#server?.stop(20_000)
  }

  async #answers(): Promise<boolean> {
    try {
      await this.query('SELECT 1')
      return true
    } catch {
      // Not yet: the caller has a time limit and looks at the process itself.
      return false
    }
  }
}

/** mariadbd refuses to run as root unless told so. */
const asRoot = (): readonly string[] => (process.getuid?.() === 0 ? ['--user=root'] : [])
