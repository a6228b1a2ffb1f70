import fs from 'node:fs'
import path from 'node:path'
import xterm from '@xterm/headless'
import pty from 'node-pty'
import { until } from '../lib/until.js'

const programs = path.join(import.meta.dirname, '../../dist/console')

export interface ConsoleOptions {
  /** Null: the program takes none. */
  readonly socketPath: string | null
  /** Of the programs in dist/console. */
  readonly main?: string
  readonly term?: string
  readonly lang?: string
  readonly cols?: number
  readonly rows?: number
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The built console in a pseudo-terminal, drawn by a headless terminal emulator. */
export class PtyConsole {
  readonly terminal: InstanceType<typeof xterm.Terminal>
  readonly process: pty.IPty
  /** Every byte the console wrote, as text. */
  raw = ''
  exit: { exitCode: number; signal?: number | undefined } | null = null
  /** OSC strings and titles that reached the terminal: there have to be none. */
  readonly intrusions: string[] = []

  constructor(options: ConsoleOptions) {
    const cols = options.cols ?? 80
    const rows = options.rows ?? 24
    this.terminal = new xterm.Terminal({ cols, rows, allowProposedApi: true, scrollback: 0 })
    for (const code of [0, 1, 2, 8, 52]) {
      this.terminal.parser.registerOscHandler(code, data => {
        this.intrusions.push(`OSC ${code} ${data}`)
        return true
      })
    }
    this.terminal.parser.registerDcsHandler({ final: 'q' }, data => {
      this.intrusions.push(`DCS ${data}`)
      return true
    })
    this.process = pty.spawn(
      process.execPath,
      [
        path.join(programs, options.main ?? 'main.js'),
        ...(options.socketPath === null ? [] : ['--socket', options.socketPath]),
        ...(options.args ?? []),
      ],
      {
        name: options.term ?? 'xterm-256color',
        cols,
        rows,
        env: {
          PATH: '/usr/bin:/bin',
          TERM: options.term ?? 'xterm-256color',
          LANG: options.lang ?? 'C.UTF-8',
          ...options.env,
        },
      },
    )
    this.process.onData(data => {
      this.raw += data
      this.terminal.write(data)
    })
    this.process.onExit(exit => {
      this.exit = exit
    })
    this.terminal.onData(data => {
      if (this.exit === null) this.process.write(data)
    })
  }

  /** The rows of the screen, trailing blanks cut. */
  rows(): readonly string[] {
    const { active } = this.terminal.buffer
    return Array.from(
      { length: this.terminal.rows },
      (_, y) => active.getLine(y)?.translateToString(true) ?? '',
    )
  }

  text(): string {
    return this.rows().join('\n')
  }

  press(keys: string): void {
    this.process.write(keys)
  }

  resize(cols: number, rows: number): void {
    this.terminal.resize(cols, rows)
    this.process.resize(cols, rows)
  }

  async until(what: string, holds: (text: string) => boolean, limitMs = 15_000): Promise<string> {
    try {
      await until(what, () => holds(this.text()), limitMs)
    } catch (cause) {
      throw new Error(`${what}; exit ${JSON.stringify(this.exit)}; the screen was:\n${this.text()}`, {
        cause,
      })
    }
    return this.text()
  }

  /** Waits until all of `parts` are on the screen. */
  shows(...parts: readonly string[]): Promise<string> {
    return this.until(`the screen shows ${parts.join(' and ')}`, text =>
      parts.every(part => text.includes(part)),
    )
  }

  async ended(): Promise<{ exitCode: number; signal?: number | undefined }> {
    await until('the console ends', () => this.exit !== null, 10_000)
    // The emulator takes in what it was given when it gets to it.
    await new Promise<void>(resolve => this.terminal.write('', resolve))
    return this.exit!
  }

  /** Processes started by the console: there must never be one. */
  children(): readonly string[] {
    const pid = this.process.pid
    const threads = fs.readdirSync(`/proc/${pid}/task`)
    return threads.flatMap(thread =>
      fs.readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    )
  }

  /** Resident memory in KiB. */
  residentKib(): number {
    const status = fs.readFileSync(`/proc/${this.process.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
  }

  /** Ends what may still run; for teardown. */
  dispose(): void {
    if (this.exit === null) this.process.kill('SIGKILL')
    this.terminal.dispose()
  }
}

export const key = {
  enter: '\r',
  escape: '\u001b',
  up: '\u001b[A',
  down: '\u001b[B',
  pageDown: '\u001b[6~',
  end: '\u001b[F',
  tab: '\t',
  ctrlL: '\f',
  ctrlT: '\u0014',
} as const
