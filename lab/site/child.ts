import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** One process of the lab. It is killed with the lab, however the lab ends. */
export class Child {
  readonly name: string
  readonly logPath: string
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>

  private constructor(name: string, logPath: string, child: ChildProcess) {
    this.name = name
    this.logPath = logPath
    this.#process = child
    this.#ended = once(child, 'exit')
  }

  /** Starts the program; what it prints is added to `logPath`. */
  static async start(name: string, argv: readonly [string, ...string[]], logPath: string): Promise<Child> {
    const log = createWriteStream(logPath, { flags: 'a', mode: 0o600 })
    await once(log, 'open')
    const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
    })
    child.stdout.pipe(log, { end: false })
    child.stderr.pipe(log, { end: false })
    child.once('close', () => log.end())
    await once(child, 'spawn')
    return new Child(name, logPath, child)
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Resolves when it has ended. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.isRunning) this.#process.kill(signal)
    await this.#ended
  }

  /** SIGTERM, and SIGKILL when it has not ended after `limitMs`; false when it came to that. */
  async stop(limitMs: number): Promise<boolean> {
    let politely = true
    const timer = setTimeout(() => {
      politely = false
      this.#process.kill('SIGKILL')
    }, limitMs)
    await this.end('SIGTERM')
    clearTimeout(timer)
    return politely
  }

  /** Rejects with the newest lines of its log when it has ended. */
  async mustRun(): Promise<void> {
    if (this.isRunning) return
    const text = await readFile(this.logPath, 'utf8')
    throw new Error(`${this.name} ended: ${text.trimEnd().split('\n').slice(-5).join('\n')}`)
  }
}
