import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type OperatorClient } from '../../agent/api/client.js'
import { type JobView, type SourceVmView } from '../../agent/api/schemas.js'
import { type PointClient } from '../../agent/api/point-client.js'
import { type FailoverClient } from '../../agent/api/failover-client.js'
import { type VolumeClient } from '../../agent/api/volume-client.js'
import { type LocalDevicesChoice, type VmSpec as CloudVmSpec } from '../cloudstack/options.js'
import { CloudstackSimulator } from '../cloudstack/simulator.js'
import { type ApiType } from '../vcenter/identities.js'
import { type VmSpec, type WriterSpec } from '../vcenter/options.js'
import { VcenterSimulator } from '../vcenter/simulator.js'
import { type Cleanup } from './cleanup.js'
import { configureCloudstack } from './configure-cloudstack.js'
import { Mariadb } from './mariadb.js'
import { OmaGuest, type OmaGuestSpec } from './oma-guest.js'
import { operatorLink } from './operator.js'
import { Product, type ProductOptions, type ScrubConfig } from './product.js'
import { until } from './until.js'

export interface SiteOptions {
  /** Everything is below it. */
  readonly dir: string
  readonly cleanup: Cleanup
  readonly say: (line: string) => void
  readonly vms: readonly VmSpec[]
  readonly generatedVms?: number
  readonly writer: WriterSpec | null
  /** What volumes attached to the OMA are: real block devices, where this machine can, or files. */
  readonly devices?: LocalDevicesChoice
  /** The appliance is a guest of its own, in which its volume daemon runs. */
  readonly omaGuest?: Pick<OmaGuestSpec, 'bus' | 'arranged'>
  /** In CloudStack, besides the appliance. */
  readonly targetVms?: readonly CloudVmSpec[]
  /** One OMA agent when left out. */
  readonly agents?: ProductOptions['agents']
  /** A VMA without a heartbeat for this long is lost; short where scenarios kill it. */
  readonly leaseSeconds?: number
  /** Left out: volumes are not verified in the background. */
  readonly scrub?: ScrubConfig
  /** What the OMA is told of its places for disks. */
  readonly slots?: NonNullable<ProductOptions['slots']>
  /** Between two looks at the inventory; 5 when left out. */
  readonly inventorySeconds?: number
  /** What the VMA's file of limits says; the usual ones when left out. */
  readonly limits?: Readonly<Record<string, unknown>>
  /** `HostAgent`: the source is a single ESXi host. */
  readonly apiType?: ApiType
  /** False: nobody has installed VDDK yet. */
  readonly vddk?: boolean
  /** What makes the next pass gentler; the usual when left out. */
  readonly slowSnapshotSeconds?: number
}

const vddkPlugin = join(import.meta.dirname, '../../../lab/vddk/build/nbdkit-vddk-plugin.so')

/** Both sites on one machine: a vCenter whose VMs write, a CloudStack whose volumes are devices, and the product between. */
export class LabSite {
  readonly vcenter: VcenterSimulator
  readonly cloudstack: CloudstackSimulator
  readonly mariadb: Mariadb
  readonly product: Product
  readonly operator: OperatorClient
  readonly volumes: VolumeClient
  readonly points: PointClient
  readonly failovers: FailoverClient
  readonly archiveDir: string
  /** Everything of this site is below it. */
  readonly dir: string
  /** The appliance, where it is a guest. */
  readonly guest: OmaGuest | null

  private constructor(
    parts: Pick<
      LabSite,
      | 'vcenter'
      | 'cloudstack'
      | 'mariadb'
      | 'product'
      | 'operator'
      | 'volumes'
      | 'points'
      | 'failovers'
      | 'archiveDir'
      | 'dir'
      | 'guest'
    >,
  ) {
    this.vcenter = parts.vcenter
    this.cloudstack = parts.cloudstack
    this.mariadb = parts.mariadb
    this.product = parts.product
    this.operator = parts.operator
    this.volumes = parts.volumes
    this.points = parts.points
    this.failovers = parts.failovers
    this.archiveDir = parts.archiveDir
    this.dir = parts.dir
    this.guest = parts.guest
  }

  /** Resolves when the product answers operators and knows the VMs. What was started by then is in `cleanup` in any case. */
  static async start(options: SiteOptions): Promise<LabSite> {
    const { dir, cleanup } = options
    const step = stepTeller(options.say)
    const at = async (name: string): Promise<string> => {
      const path = join(dir, name)
      await mkdir(path, { recursive: true })
      return path
    }
    const archiveDir = await at('archive')
    const vcenter = await step('vCenter', async () =>
      VcenterSimulator.start({
        directory: await at('vcenter'),
        archiveDir,
        vms: options.vms,
        generatedVms: options.generatedVms ?? 0,
        writer: options.writer,
        apiType: options.apiType ?? 'VirtualCenter',
      }),
    )
    cleanup.add('vCenter', () => vcenter.close())
    const applianceVm = { name: 'ossea-oma', uuid: randomUUID(), macAddress: '1e:00:5a:00:00:01' }
    const guest = await step('the appliance', async () =>
      options.omaGuest === undefined
        ? null
        : startGuest({ ...options.omaGuest, ...applianceVm, dir: await at('guest') }, cleanup),
    )
    const cloudstack = await step('CloudStack', async () =>
      CloudstackSimulator.start({
        directory: await at('cloudstack'),
        applianceVm: { ...applianceVm, id: applianceVm.uuid },
        devices: guest === null ? (options.devices ?? 'auto') : { guest },
        role: 'user',
        vms: options.targetVms ?? [],
      }),
    )
    cleanup.add('CloudStack', () => cloudstack.close())
    const mariadb = await step('MariaDB', async () => Mariadb.start(await at('mariadb')))
    cleanup.add('MariaDB', () => mariadb.stop())
    const product = new Product({
      dir: await at('product'),
      databaseSocket: mariadb.socketPath,
      vcenter,
      vddkPlugin,
      hasVddk: options.vddk ?? true,
      byIdDir: cloudstack.byIdDir,
      omaMachine: {
        systemUuid: cloudstack.ids.applianceVm,
        macAddress: cloudstack.site.applianceVm.macAddress,
      },
      agents: options.agents ?? { count: 1, claimSeconds: 15 },
      leaseSeconds: options.leaseSeconds ?? 10,
      copyPatienceSeconds: 60,
      scrub: options.scrub,
      inventorySeconds: options.inventorySeconds ?? 5,
      limits: options.limits ?? {},
      slowSnapshotSeconds: options.slowSnapshotSeconds ?? 60,
      slots: options.slots ?? null,
      guestDaemonSocket: guest?.volumedSocket ?? null,
    })
    cleanup.add('the product', async () => {
      const stuck = await product.stopAll()
      if (stuck.length > 0) throw new Error(`${stuck.join(', ')} did not end when asked`)
    })
    await step('OMA, VMA and volume daemon', async () => {
      await product.prepare()
      await product.startAll()
    })
    const { client, volumes, points, failovers, close } = operatorLink(product.operatorSocket)
    cleanup.add('the operator', close)
    const parts = {
      vcenter,
      cloudstack,
      mariadb,
      product,
      operator: client,
      volumes,
      points,
      failovers,
      archiveDir,
      dir,
      guest,
    }
    const site = new LabSite(parts)
    await step('operator API', () => site.answers())
    await step('CloudStack configuration', () => configureCloudstack(client, cloudstack))
    await step('inventory', () => site.#knows(vcenter.vms.length))
    return site
  }

  /** The VM of this name; rejects when there is not exactly one. */
  async sourceVm(name: string): Promise<SourceVmView> {
    const { items } = await this.operator.sourceVms()
    const [vm, ...others] = items.filter(candidate => candidate.name === name)
    if (vm === undefined || others.length > 0) throw new Error(`there is not exactly one VM ${name}`)
    return vm
  }

  async createJob(vmName: string): Promise<JobView> {
    return this.operator.createJob({ sourceVmId: (await this.sourceVm(vmName)).id })
  }

  /** Resolves when operators are answered. */
  answers(): Promise<true> {
    return until(
      'the OMA answers',
      async () => {
        await this.product.mustRun()
        try {
          await this.operator.status()
          return true
        } catch (error) {
          // Not yet: the time limit and the look at the processes end the wait.
          if (error instanceof Error) return undefined
          throw error
        }
      },
      60_000,
    )
  }

  #knows(vmCount: number): Promise<true> {
    return until(
      'the OMA knows the VMs',
      async () => {
        const { items, next } = await this.operator.sourceVms()
        return items.length >= vmCount || next !== null ? true : undefined
      },
      60_000,
    )
  }
}

async function startGuest(spec: OmaGuestSpec, cleanup: Cleanup): Promise<OmaGuest> {
  const guest = await OmaGuest.prepare(spec)
  cleanup.add('the guest', () => guest.powerOff())
  await guest.powerOn()
  return guest
}

/** Tells each step of the start in one line, with its time. */
function stepTeller(say: (line: string) => void) {
  return async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now()
    const result = await work()
    say(`${what} ready (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`)
    return result
  }
}
