import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { HostChanges, type ChangesDeps } from '../../../agent/nethelper/changes.js'
import { kernelClock } from '../../../agent/nethelper/activate.js'
import { until } from '../../lib/until.js'
import { settingsOf } from './settings.js'

const networkd = '/lib/systemd/systemd-networkd'
const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, fatal: () => {} }

/** A network of its own with one link, `port0`, and systemd-networkd on the files of the helper. */
class OwnNetwork {
  readonly name = `ossea-${process.pid}`
  readonly dir = mkdtempSync(path.join(tmpdir(), 'networkd-test-'))
  #daemon: ChildProcess | undefined

  constructor() {
    chmodSync(this.dir, 0o755)
    for (const each of ['etc/systemd/network', 'run/systemd/netif', 'state']) {
      mkdirSync(path.join(this.dir, each), { recursive: true })
    }
    symlinkSync(path.join(this.dir, 'etc/systemd/network'), path.join(this.dir, 'run/systemd/network'))
    execFileSync('/usr/bin/chown', ['-R', 'systemd-network:', path.join(this.dir, 'run/systemd/netif')])
    this.ip('netns', 'add', this.name)
    this.inside('link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'switch0')
    this.inside('link', 'set', 'switch0', 'up')
  }

  ip(...args: readonly string[]): string {
    return execFileSync('/usr/sbin/ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  inside(...args: readonly string[]): string {
    return this.ip('-n', this.name, ...args)
  }

  /** No bus reaches it in here, so it reads its files at a new start; what it set before stays with the links. */
  readonly activate: ChangesDeps['activate'] = async () => {
    await this.stop()
    this.inside('addr', 'flush', 'dev', 'port0')
    const script = 'mount --bind "$1/run" /run && mount -o remount,ro /sys && exec "$2"'
    this.#daemon = spawn(
      '/usr/sbin/ip',
      [
        'netns',
        'exec',
        this.name,
        '/usr/bin/unshare',
        '-m',
        '/bin/sh',
        '-c',
        script,
        'sh',
        this.dir,
        networkd,
      ],
      { stdio: 'ignore' },
    )
  }

  async stop(): Promise<void> {
    const daemon = this.#daemon
    if (daemon === undefined) return
    daemon.kill('SIGTERM')
    await until('networkd ends', () => daemon.exitCode !== null || daemon.signalCode !== null)
  }

  readonly has = (text: string, link = 'port0'): Promise<void> =>
    until(
      `${link} has ${text}`,
      () => new RegExp(`${link}\S* .*${text}`).test(this.inside('-o', 'addr')),
      20_000,
    )

  canTag(): boolean {
    const args = [
      '-n',
      this.name,
      'link',
      'add',
      'link',
      'switch0',
      'name',
      'tagged0',
      'type',
      'vlan',
      'id',
      '5',
    ]
    return spawnSync('/usr/sbin/ip', args).status === 0
  }

  async remove(): Promise<void> {
    await this.stop()
    this.ip('netns', 'del', this.name)
    rmSync(this.dir, { recursive: true })
  }
}

void t.test('systemd-networkd does what the files say, and what they said before after an undo', async t => {
  const network = new OwnNetwork()
  t.teardown(() => network.remove())
  const changes = new HostChanges({
    rootDir: path.join(network.dir, 'etc'),
    stateDir: path.join(network.dir, 'state'),
    activate: network.activate,
    clock: kernelClock,
    logger,
  })
  t.teardown(() => changes.close())
  const first = await changes.apply({ settings: settingsOf({ mtu: 1400 }), confirmWithinSeconds: 120 })
  await network.has('192.0.2.10/24')
  await until('the route is there', () => network.inside('route').includes('default via 192.0.2.1 dev port0'))
  t.match(network.inside('link', 'show', 'dev', 'port0'), 'mtu 1400')
  await changes.keep(first.pending!.id)

  // Kernels of small test machines have no tagged interfaces; what is written for them is proved beside this file.
  const vlan = network.canTag() ? 120 : null
  const link = vlan === null ? 'port0' : 'mgmt.120'
  t.comment(vlan === null ? 'this kernel has no VLANs: untagged only' : 'with VLAN 120')
  const settings = settingsOf({
    vlan,
    ipv4: { method: 'static', address: '198.51.100.7/24', gateway: '198.51.100.1' },
    ipv6: { method: 'static', address: '2001:db8::7/64', gateway: 'fe80::1' },
  })
  const second = await changes.apply({ settings, confirmWithinSeconds: 120 })
  await network.has('198.51.100.7/24', link)
  await network.has('2001:db8::7/64', link)
  t.notMatch(network.inside('-o', 'addr', 'show', 'dev', 'port0'), '192.0.2.10')

  await changes.undo(second.pending!.id)
  await network.has('192.0.2.10/24')
  await until('the route is back', () => network.inside('route').includes('default via 192.0.2.1 dev port0'))
})
