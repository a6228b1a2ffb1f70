import { type FailoverDetailView, type StartFailover } from '../../agent/api/failover.js'
import { type JobView } from '../../agent/api/schemas.js'
import { type Cleanup } from '../site/cleanup.js'
import { compareImages } from '../site/compare.js'
import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { type Vm as SourceVm } from '../vcenter/vm.js'
import { type Checks, type ScenarioContext } from './scenario.js'

const MIB = 1024n * 1024n
const GIB = 1024n * MIB
const endLimitMs = 240_000

/** Three disks of different sizes, one of them not a whole number of pages. */
export const threeDisks: VmSpec = {
  name: 'erp-db-01',
  cpuCount: 2,
  memoryMb: 1024,
  toolsRunning: true,
  changeTracking: true,
  disks: [
    { sizeBytes: 96n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 40n * MIB }] },
    { sizeBytes: GIB + 16n * MIB, content: [{ kind: 'random', offsetBytes: GIB, lengthBytes: 8n * MIB }] },
    { sizeBytes: 24n * MIB + 512n, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] },
  ],
}

export interface FailoverStand {
  readonly site: LabSite
  readonly job: JobView
  readonly source: SourceVm
  readonly checks: Checks
  readonly say: (line: string) => void
}

/** A VM whose first pass is committed and whose card is mapped to one network for tests and another live. */
export async function failoverStand(context: ScenarioContext): Promise<FailoverStand> {
  const { dir, cleanup, say, checks }: ScenarioContext & { readonly cleanup: Cleanup } = context
  const site = await LabSite.start({ dir, cleanup, say, vms: [threeDisks], writer: null, leaseSeconds: 5 })
  const job = await site.createJob(threeDisks.name)
  await runPass(site.operator, job, say)
  const { isolatedNetwork, network } = site.cloudstack.ids
  await site.failovers.mapNetworks(job.sourceVmId, [
    { nicKey: '4000', mode: 'test', networkId: isolatedNetwork, mac: 'keep' },
    { nicKey: '4000', mode: 'live', networkId: network, mac: 'keep' },
  ])
  return { site, job, source: site.vcenter.vm(threeDisks.name), checks, say }
}

export const guestWrites = async ({ site, source }: FailoverStand, blocks: number): Promise<void> => {
  for (const disk of source.disks)
    await site.vcenter.guestWrites(source, { diskKey: disk.options.key, blocks, pattern: 'mixed' })
}

export async function start(stand: FailoverStand, request: StartFailover): Promise<FailoverDetailView> {
  const begun = await stand.site.failovers.start(stand.job.sourceVmId, request)
  stand.say(`${request.kind} failover ${begun.id} started`)
  return begun
}

/** Resolves when nothing works on it any more, or it waits for an operator. Answers that fail are asked for again. */
export function settled({ site, say }: FailoverStand, id: string): Promise<FailoverDetailView> {
  let told = ''
  return until(
    `failover ${id} settles`,
    async () => {
      const seen = await site.failovers.failover(id).catch((error: unknown) => {
        if (error instanceof Error) return undefined
        throw error
      })
      if (seen === undefined) return undefined
      const doing = [...seen.steps, ...seen.closingSteps].find(
        ({ state }) => /ing$/.test(state) && state !== 'waiting',
      )
      const line = `failover is ${seen.state}, ${seen.percent} %, ${doing?.state ?? 'at rest'} ${doing?.name ?? ''}`
      if (line !== told) say(line)
      told = line
      return seen.sagaState === 'done' || seen.sagaState === 'needs-operator' ? seen : undefined
    },
    endLimitMs,
  )
}

/** The disks of the target, in its order, against images of the source's. */
export async function proveDisks(
  { site, checks, source }: FailoverStand,
  what: string,
  targetVmId: string | null,
  imageOf: (diskKey: number) => string,
): Promise<void> {
  const volumes = [...site.cloudstack.site.volumes.values()]
    .filter(volume => volume.vm?.id === targetVmId)
    .toSorted((a, b) => (a.deviceId ?? 0) - (b.deviceId ?? 0))
  checks.equal(
    `${what}: disk numbers of the target`,
    volumes.map(volume => volume.deviceId),
    [0, 1, 2],
  )
  for (const [index, disk] of source.disks.entries()) {
    const volume = volumes[index]
    if (volume === undefined) continue
    const { identical, found } = await compareImages(
      imageOf(disk.options.key),
      site.cloudstack.volumePath(volume.id),
      disk.capacityBytes,
    )
    checks.that(
      `${what}: disk ${volume.deviceId ?? '?'} holds ${disk.options.label}`,
      identical,
      identical ? 'cmp and qemu-img agree' : found,
    )
  }
}

/** The commands that change something, which CloudStack got since call number `from`. */
export const changingCalls = ({ site }: FailoverStand, from: number): readonly string[] =>
  site.cloudstack.calls
    .slice(from)
    .map(({ command }) => command)
    .filter(command => !/^(list|query)/.test(command))

/** At no instant source and target were both on, by the simulators' own records. */
export function proveNeverBoth({ site, source, checks }: FailoverStand, targetVmId: string | null): void {
  const changes = [
    ...source.powerChanges.map(({ state, atMs }) => ({
      who: 'source' as const,
      on: state === 'poweredOn',
      atMs,
    })),
    ...site.cloudstack.site.powerChanges
      .filter(({ vmId }) => vmId === targetVmId)
      .map(({ state, atMs }) => ({ who: 'target' as const, on: state === 'Running', atMs })),
  ].toSorted((a, b) => a.atMs - b.atMs)
  const is = { source: true, target: false }
  let both = 0
  for (const { who, on } of changes) {
    is[who] = on
    if (is.source && is.target) both += 1
  }
  checks.equal('source and target were never on together', both, 0)
}

/** Nothing of failovers is left: no VM, no volume, no snapshot but what was there before. */
export async function proveNoRemains({ site, checks, job }: FailoverStand): Promise<void> {
  const { site: cloud, ids } = site.cloudstack
  checks.equal(
    'no VM of a failover is left',
    [...cloud.vms.values()].filter(vm => vm.id !== ids.applianceVm).map(vm => vm.name),
    [],
  )
  checks.equal('no snapshot is left in CloudStack', cloud.snapshots.size, 0)
  const { disks } = await site.operator.job(job.id)
  const replicas = disks.map(disk => disk.volumeId)
  const others = [...cloud.volumes.values()].filter(
    volume => volume.type === 'DATADISK' && !replicas.includes(volume.id),
  )
  checks.equal(
    'no volume is left but the replicas',
    others.map(volume => volume.name),
    [],
  )
  checks.equal(
    'every replica is still there',
    replicas.filter(id => id === null || !cloud.volumes.has(id)),
    [],
  )
  checks.equal(
    'no volume of ours went with a VM',
    cloud.lostWithVm.filter(id => replicas.includes(id)),
    [],
  )
}
