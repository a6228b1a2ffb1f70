import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { until } from '../lib/until.js'
import { startSite } from './sites.js'

const tmuxPath = '/usr/bin/tmux'
const mainPath = path.join(import.meta.dirname, '../../dist/console/main.js')

/** A tmux server of its own, without anybody's configuration. */
class Tmux {
  readonly #socket: string

  constructor(directory: string) {
    this.#socket = path.join(directory, 'tmux.sock')
  }

  run(...args: readonly string[]): string {
    const { stdout, stderr, status } = spawnSync(tmuxPath, ['-S', this.#socket, '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', TERM: 'xterm-256color' },
    })
    if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  text(): string {
    return this.run('capture-pane', '-p', '-t', 'console')
  }

  async shows(...parts: readonly string[]): Promise<string> {
    await until(
      `tmux shows ${parts.join(' and ')}`,
      () => parts.every(part => this.text().includes(part)),
      15_000,
    ).catch((cause: unknown) => {
      throw new Error(`the pane was:\n${this.text()}`, { cause })
    })
    return this.text()
  }

  stop(): void {
    spawnSync(tmuxPath, ['-S', this.#socket, 'kill-server'])
  }
}

const skip = fs.existsSync(tmuxPath) ? false : 'tmux is not installed'

for (const term of ['tmux-256color', 'screen-256color', 'linux', 'vt100', 'xterm']) {
  void t.test(`in tmux at 80x24 with TERM=${term}`, { skip }, async t => {
    const agent = await startSite()
    t.teardown(() => agent.remove())
    const tmux = new Tmux(path.dirname(agent.socketPath))
    t.teardown(() => tmux.stop())
    const marker = 'back in the shell'
    const command = `TERM=${term} ${process.execPath} ${mainPath} --socket ${agent.socketPath}; echo "${marker} $?"; stty -a; exec sleep 1000`
    tmux.run('new-session', '-d', '-s', 'console', '-x', '80', '-y', '24', command)
    await tmux.shows('Needs attention')
    tmux.run('send-keys', '-t', 'console', '2')
    const list = await tmux.shows('erp-db-02', 'replicating', '6 VMs', 'q Leave')
    t.equal(list.trimEnd().split('\n').length, 24, 'all rows are used')
    tmux.run('send-keys', '-t', 'console', 'Down', 'Down')
    tmux.run('send-keys', '-t', 'console', 'Enter')
    await tmux.shows('VMs > fin-share', 'TARGET_FULL')
    tmux.run('send-keys', '-t', 'console', 'Escape')
    await tmux.shows('6 VMs')
    tmux.run('resize-window', '-t', 'console', '-x', '60', '-y', '20')
    await tmux.shows('Needs 80x24, now 60x20.')
    tmux.run('resize-window', '-t', 'console', '-x', '120', '-y', '30')
    await tmux.shows('Capacity', 'erp-db-02')
    tmux.run('send-keys', '-t', 'console', 'q')
    const after = await tmux.shows(`${marker} 0`, ' echo ')
    t.match(after, / icanon /, 'lines are read as lines again')
    t.match(after, / echo /, 'and echoed')
    t.equal(tmux.run('display-message', '-p', '-t', 'console', '#{alternate_on}').trim(), '0')
    t.equal(tmux.run('display-message', '-p', '-t', 'console', '#{cursor_flag}').trim(), '1', 'with a cursor')
  })
}
