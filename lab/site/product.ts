import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'smol-toml'
import { Child } from './child.js'
import { SocketSwitch } from './socket-switch.js'
import { until } from './until.js'

/** All share the database; most sites have the first alone. */
export const agents = ['oma', 'oma-2', 'oma-3'] as const
export type AgentName = (typeof agents)[number]
export type RoleName = AgentName | 'volumed' | 'vma'

/** As the OMA's configuration has it. */
export interface ScrubConfig {
  readonly bytes_per_second: number
  readonly look_minutes: number
  readonly every_minutes: number
}

export interface ProductOptions {
  /** Must exist; configuration, logs and sockets go below it. */
  readonly dir: string
  readonly databaseSocket: string
  readonly vcenter: {
    readonly url: string
    readonly user: string
    readonly password: string
    readonly thumbprintSha256: string
    readonly vddkLibraryDir: string
  }
  readonly vddkPlugin: string
  /** False: nobody has installed VDDK yet. */
  readonly hasVddk: boolean
  /** Where volumes attached to the OMA appear by their serial. */
  readonly byIdDir: string
  /** What the OMA takes for its firmware and its network card. */
  readonly omaMachine: { readonly systemUuid: string; readonly macAddress: string }
  /** How many OMA agents there are, and how soon one takes over from another that is dead. */
  readonly agents: { readonly count: 1 | 3; readonly claimSeconds: number }
  readonly leaseSeconds: number
  readonly copyPatienceSeconds: number
  readonly scrub: ScrubConfig | undefined
  readonly inventorySeconds: number
  readonly limits: Readonly<Record<string, unknown>>
  readonly slowSnapshotSeconds: number
  /** How many disks the OMA may have, and when idle ones are detached; null: as the product does by itself. */
  readonly slots: { readonly most: number; readonly idleSeconds: number } | null
  /** A socket here that leads to a volume daemon in the appliance's guest; null: the daemon runs here. */
  readonly guestDaemonSocket: string | null
}

export const mainPath = join(import.meta.dirname, '../../agent/main.js')
const vddkPath = join(import.meta.dirname, '../../agent/source/vddk/main.js')
const run = promisify(execFile)
const stopLimitMs = 20_000
const logLimitMs = 30_000

/** The product as it runs on its two appliances, here as processes of one machine. */
export class Product {
  readonly operatorSocket: string
  readonly volumedSocket: string
  /** Where attached volumes have their persistent names. */
  readonly namesDir: string
  /** Where passes are staged. */
  readonly stagingDir: string
  readonly #options: ProductOptions
  readonly #running = new Map<RoleName, Child>()
  readonly #switches: SocketSwitch[] = []

  constructor(options: ProductOptions) {
    this.#options = options
    this.operatorSocket = join(options.dir, 'run/operator.sock')
    this.volumedSocket = options.guestDaemonSocket ?? join(options.dir, 'run/volumed.sock')
    this.namesDir = join(options.dir, 'names')
    this.stagingDir = join(options.dir, 'staging')
  }

  /** Writes the configuration files; starts nothing. */
  async prepare(): Promise<void> {
    const { dir } = this.#options
    for (const folder of ['etc', 'log']) await mkdir(join(dir, folder))
    for (const folder of ['run', 'exports', 'state', 'names']) await mkdir(join(dir, folder), { mode: 0o700 })
    // A scenario may have put a file system of its own there.
    await mkdir(this.stagingDir, { mode: 0o700, recursive: true })
    await this.writeLimits(this.#options.limits)
    await this.writeVcenterPassword(this.#options.vcenter.password)
    await this.#writeMachine()
    for (const role of this.#roles())
      await writeFile(this.#configPath(role), stringify({ log_level: 'info', ...this.#config(role) }))
  }

  /** As an operator does it, while the VMA runs. */
  async writeLimits(limits: Readonly<Record<string, unknown>>): Promise<void> {
    await writeFile(join(this.#options.dir, 'etc/limits.toml'), stringify({ ...limits }))
  }

  /** Resolves when the log of a role has so many lines with the text. */
  async logged(role: RoleName, text: string, count: number): Promise<void> {
    await until(
      `${role} logs: ${text}`,
      async () => {
        const lines = (await readFile(this.logPath(role), 'utf8')).split('\n')
        return lines.filter(line => line.includes(text)).length >= count ? true : undefined
      },
      logLimitMs,
    )
  }

  /** As an operator does it, while the VMA runs; gives what the program says. */
  async installVddk(archivePath: string): Promise<string> {
    const argv = [vddkPath, '--config', this.#configPath('vma'), '--archive', archivePath]
    return (await run(process.execPath, argv)).stdout.trim()
  }

  async writeVcenterPassword(password: string): Promise<void> {
    await this.#writeSecret('vcenter.toml', { user: this.#options.vcenter.user, password })
  }

  /** `program`: the main program of another build. */
  async start(role: RoleName, program = mainPath): Promise<void> {
    const argv = [process.execPath, program, '--config', this.#configPath(role)] as const
    this.#running.set(role, await Child.start(role, argv, this.logPath(role)))
  }

  /** Resolves when all run; the OMA may still be waiting for its database. */
  async startAll(): Promise<void> {
    if (this.#options.agents.count > 1)
      for (const api of ['operator', 'worker'] as const)
        this.#switches.push(
          await SocketSwitch.start(
            this.#socket(api),
            this.agents.map(agent => this.#socketOf(agent, api)),
          ),
        )
    for (const role of this.#roles()) await this.start(role)
  }

  /** Rejects with the newest lines of its log when a process has ended. */
  async mustRun(): Promise<void> {
    for (const child of this.#running.values()) await child.mustRun()
  }

  async kill(role: RoleName): Promise<void> {
    await this.#running.get(role)?.end('SIGKILL')
  }

  /** The roles that had to be killed because they did not end when asked. */
  async stopAll(): Promise<readonly RoleName[]> {
    const stuck: RoleName[] = []
    for (const role of this.#roles().reverse())
      if ((await this.#running.get(role)?.stop(stopLimitMs)) === false) stuck.push(role)
    for (const each of this.#switches) await each.close()
    return stuck
  }

  get agents(): readonly AgentName[] {
    return agents.slice(0, this.#options.agents.count)
  }

  #roles(): RoleName[] {
    const here = this.#options.guestDaemonSocket === null ? (['volumed'] as const) : []
    return [...here, ...this.agents, 'vma']
  }

  /** Where clients find the API, whichever agents run. */
  #socket(api: 'operator' | 'worker'): string {
    return join(this.#options.dir, `run/${api}.sock`)
  }

  #socketOf(agent: AgentName, api: 'operator' | 'worker'): string {
    const isAlone = this.#options.agents.count === 1
    return isAlone ? this.#socket(api) : join(this.#options.dir, `run/${agent}-${api}.sock`)
  }

  pid(role: RoleName): number {
    return this.#running.get(role)?.pid ?? 0
  }

  isRunning(role: RoleName): boolean {
    return this.#running.get(role)?.isRunning ?? false
  }

  logPath(role: RoleName): string {
    return join(this.#options.dir, 'log', `${role}.log`)
  }

  #config(role: RoleName): Record<string, unknown> {
    const { dir, vcenter, slots } = this.#options
    switch (role) {
      case 'oma':
      case 'oma-2':
      case 'oma-3':
        return {
          role: 'oma',
          agent_id: role,
          claim_seconds: this.#options.agents.claimSeconds,
          lease_seconds: this.#options.leaseSeconds,
          slow_snapshot_seconds: this.#options.slowSnapshotSeconds,
          copy_patience_seconds: this.#options.copyPatienceSeconds,
          ...(this.#options.scrub === undefined ? {} : { scrub: this.#options.scrub }),
          api: {
            operator_socket: this.#socketOf(role, 'operator'),
            worker_socket: this.#socketOf(role, 'worker'),
          },
          database: { socket: this.#options.databaseSocket, user: 'root', name: 'ossea' },
          volume_daemon: { socket: this.volumedSocket },
          secrets_dir: join(dir, 'secrets'),
          sysfs_dir: join(dir, 'sys'),
          cloudstack_settle_seconds: 1,
          orphan_age_seconds: 1,
          failover: { boot_seconds: 30, steady_seconds: 1, source_settle_seconds: 3 },
          ...(slots === null
            ? {}
            : { max_attached_volumes: slots.most, idle_detach_seconds: slots.idleSeconds }),
        }
      case 'vma':
        return {
          role,
          worker_id: 'vma-1',
          runtime_dir: join(dir, 'readers'),
          inventory_seconds: this.#options.inventorySeconds,
          limits_file: join(dir, 'etc/limits.toml'),
          oma: { worker_socket: this.#socket('worker') },
          vcenter: {
            url: vcenter.url,
            thumbprint_sha256: vcenter.thumbprintSha256,
            credentials_file: join(dir, 'etc/vcenter.toml'),
          },
          nbdkit: '/usr/bin/nbdkit',
          vddk: {
            plugin: this.#options.vddkPlugin,
            library_dir: this.#options.hasVddk ? vcenter.vddkLibraryDir : join(dir, 'vddk'),
          },
        }
      case 'volumed':
        return {
          role,
          api: { socket: this.volumedSocket },
          by_id_dir: this.#options.byIdDir,
          names_dir: this.namesDir,
          export_socket_dir: join(dir, 'exports'),
          state_dir: join(dir, 'state'),
          staging_dir: this.stagingDir,
          nbdkit: '/usr/bin/nbdkit',
          qemu_nbd: '/usr/bin/qemu-nbd',
          qemu_img: '/usr/bin/qemu-img',
        }
    }
  }

  /** As the kernel shows a machine in /sys. */
  async #writeMachine(): Promise<void> {
    const { dir, omaMachine } = this.#options
    for (const [folder, file, text] of [
      ['class/dmi/id', 'product_uuid', omaMachine.systemUuid],
      ['class/net/eth0', 'address', omaMachine.macAddress],
    ] as const) {
      await mkdir(join(dir, 'sys', folder), { recursive: true })
      await writeFile(join(dir, 'sys', folder, file), `${text}\n`)
    }
  }

  #configPath(role: RoleName): string {
    return join(this.#options.dir, 'etc', `${role}.toml`)
  }

  async #writeSecret(name: string, content: Readonly<Record<string, string>>): Promise<void> {
    await writeFile(join(this.#options.dir, 'etc', name), stringify(content), { mode: 0o600 })
  }
}
