import { type VolumeOperationView } from '../../agent/api/volumes.js'
import { type VmSpec as CloudVmSpec } from '../cloudstack/options.js'
import { SeededRandom } from '../site/random.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { ended, operate, type VolumeWish } from '../site/volume-operations.js'
import { adminOf } from './breakages.js'
import { type Checks, type Scenario } from './scenario.js'
import { disturb } from './volume-faults.js'
import { installationOf, proveNoVolumesLeft } from './volumes-lifecycle.js'

const GIB = 1024n ** 3n
const seed = 20_261
const operationCount = 500
const workers = 8
const mostVolumes = 14

const vms: readonly CloudVmSpec[] = [
  { name: 'standby', power: 'off' },
  { name: 'test-run' },
  { name: 'payroll' },
]

/** What may go wrong with a request that makes no sense at that moment, or that met too many faults. */
const namedEnds = new Set([
  'succeeded',
  'VOLUME_BUSY',
  'VOLUME_UNKNOWN',
  'VOLUME_NOT_OURS',
  'VOLUME_STILL_PRESENT',
  'TARGET_VM_NOT_OURS',
  'CLOUDSTACK_FAULT',
  'CLOUDSTACK_INTERNAL',
  'CLOUDSTACK_UNREACHABLE',
  'CLOUDSTACK_BUSY',
  'CLOUDSTACK_PROTOCOL',
  'CLOUDSTACK_AMBIGUOUS',
  'CLOUDSTACK_JOB_UNFINISHED',
  'VOLUMED_UNREACHABLE',
])

/** Random requests by a seed, against a CloudStack that misbehaves and processes that are killed. */
export const volumesChaos: Scenario = {
  name: 'volumes-chaos',
  title: `${operationCount} random operations, every fault of CloudStack, OMA and daemon killed`,
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [], writer: null, targetVms: vms })
    const foreign = await strangers(site)
    const before = foreign.standing()
    const stop = new AbortController()
    const disturbing = disturb(site, new SeededRandom(seed), stop.signal)
    const ends = await operateAtRandom(site, foreign.ids, say)
    stop.abort()
    const disturbed = await disturbing
    site.cloudstack.faults.clear()
    await site.answers()
    const codes = tally(ends.map(codeOf))
    checks.equal('every request ended', ends.length, operationCount)
    checks.equal(
      'every end has a name',
      Object.keys(codes).filter(code => !namedEnds.has(code)),
      [],
    )
    checks.that(
      'most did what was asked or had a reason',
      (codes['succeeded'] ?? 0) > operationCount / 5,
      JSON.stringify(codes),
    )
    checks.equal('objects of others are as they were', foreign.standing(), before)
    checks.equal('no command named one of them', foreign.touched(), [])
    proveAsked(site, checks, ends)
    await quiet(site)
    const orphans = await deleteRest(site, checks)
    await proveNoVolumesLeft({ site, checks })
    return { seed, codes, orphans, ...disturbed }
  },
}

const codeOf = (operation: VolumeOperationView): string => operation.failure?.code ?? operation.state

const tally = (words: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

const vmId = (site: LabSite, name: string): string => {
  const vm = [...site.cloudstack.site.vms.values()].find(candidate => candidate.name === name)
  if (vm === undefined) throw new Error(`there is no VM ${name}`)
  return vm.id
}

const changing = new Set([
  'attachVolume',
  'detachVolume',
  'deleteVolume',
  'destroyVolume',
  'createTags',
  'stopVirtualMachine',
])

/** Volumes and a VM of others: one volume beside ours on the appliance, one on a VM, one on none. */
async function strangers(site: LabSite) {
  const { zone, customDiskOffering, applianceVm } = site.cloudstack.ids
  const admin = adminOf(site)
  const make = (name: string) =>
    admin.createVolume({ name, sizeGib: 1, zoneId: zone, diskOfferingId: customDiskOffering })
  const ids = [await make('ledger'), await make('wages'), await make('attic')] as const
  await admin.attachVolume(ids[0], applianceVm)
  await admin.attachVolume(ids[1], vmId(site, 'payroll'))
  const from = site.cloudstack.calls.length
  const off = vmId(site, 'standby')
  const root = site.cloudstack.site.volumesOf(
    site.cloudstack.site.vms.get(off) ?? site.cloudstack.site.applianceVm,
  )
  // A failover would have removed the root disk the simulated VM came with.
  for (const volume of root) if (volume.vm?.id === off) site.cloudstack.site.remove(volume)
  const own = site.cloudstack.site.vms.get(vmId(site, 'test-run'))
  own?.tags.set('ossea-migrate', await installationOf(site))
  return {
    ids,
    standing: () => ({
      volumes: ids.map(id => {
        const volume = site.cloudstack.site.volumes.get(id)
        return [volume?.state, volume?.vm?.id ?? null, volume?.tags.size]
      }),
      payroll: site.cloudstack.site.vms.get(vmId(site, 'payroll'))?.state,
    }),
    touched: () =>
      site.cloudstack.calls
        .slice(from)
        .filter(call => changing.has(call.command))
        .filter(({ parameters }) =>
          [...ids, vmId(site, 'payroll')].some(
            id => parameters['id'] === id || parameters['resourceids'] === id,
          ),
        )
        .map(call => call.command),
  }
}

async function operateAtRandom(
  site: LabSite,
  foreign: readonly string[],
  say: (line: string) => void,
): Promise<readonly VolumeOperationView[]> {
  const known = new Set<string>()
  const ends: VolumeOperationView[] = []
  let asked = 0
  const work = async (): Promise<void> => {
    while (asked < operationCount) {
      asked += 1
      const key = `chaos-${seed}-${asked}`
      // What is asked for depends on the number of the request, not on which worker is faster.
      const wish = wishFor(site, new SeededRandom(seed + asked), [...known], foreign)
      const operation = await requested(site, { ...wish, idempotencyKey: key })
      const end = await ended(site.volumes, operation.id)
      if (end.kind === 'create' && end.state === 'succeeded' && end.volumeId !== null) known.add(end.volumeId)
      if (end.kind === 'delete' && end.state === 'succeeded' && end.volumeId !== null)
        known.delete(end.volumeId)
      ends.push(end)
      if (ends.length % 50 === 0) say(`${ends.length} operations ended`)
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  return ends
}

/** Whatever became of an answer that was lost, the same key asks for the same thing. */
const requested = (
  site: LabSite,
  request: Parameters<LabSite['volumes']['operate']>[0],
): Promise<VolumeOperationView> =>
  until(
    'the request is recorded',
    () =>
      site.volumes.operate(request).catch((error: unknown) => {
        if (error instanceof Error) return undefined
        throw error
      }),
    60_000,
  )

function wishFor(
  site: LabSite,
  random: SeededRandom,
  known: readonly string[],
  foreign: readonly string[],
): VolumeWish {
  if (known.length === 0 || (known.length < mostVolumes && random.next() < 0.2))
    return { kind: 'create', sizeBytes: GIB.toString() }
  const volumeId = random.next() < 0.05 ? random.pick(foreign) : random.pick(known)
  const [off, running] = [vmId(site, 'standby'), vmId(site, 'test-run')]
  const vm = random.pick([null, null, null, off, running])
  switch (
    random.pick(['attach', 'attach', 'attach', 'detach', 'detach', 'root', 'clean-up', 'delete'] as const)
  ) {
    case 'attach':
      return { kind: 'attach', volumeId, vmId: vm }
    case 'detach':
      return { kind: 'detach', volumeId, vmId: vm }
    case 'root':
      return { kind: 'attach-root', volumeId, vmId: off }
    case 'clean-up':
      return { kind: 'clean-up', volumeId, vmId: running }
    case 'delete':
      return { kind: 'delete', volumeId }
  }
}

/** What was deleted was asked to be, or was never more than half made. */
function proveAsked(site: LabSite, checks: Checks, ends: readonly VolumeOperationView[]): void {
  const asked = new Set(ends.filter(({ kind }) => kind === 'delete').map(({ volumeId }) => volumeId))
  const made = new Set(
    ends
      .filter(({ kind, state }) => kind === 'create' && state === 'succeeded')
      .map(({ volumeId }) => volumeId),
  )
  const wrong = site.cloudstack.calls
    .filter(call => call.command === 'deleteVolume')
    .map(call => call.parameters['id'] ?? '')
    .filter(id => made.has(id) && !asked.has(id))
  checks.equal('nothing was deleted that nobody asked for', wrong, [])
}

/** Stragglers that were released at the end come to rest. */
const quiet = (site: LabSite): Promise<true> =>
  until(
    'CloudStack is quiet',
    () => {
      const { volumes } = site.cloudstack.site
      const busy = [...volumes.values()].some(({ state }) => state === 'Attaching')
      return Promise.resolve(busy ? undefined : true)
    },
    30_000,
  )

/** What operations know is deleted by operations; what only the comparison finds is removed as an orphan. */
async function deleteRest(site: LabSite, checks: Checks): Promise<readonly string[]> {
  for (const row of await site.mariadb.query('SELECT id FROM ossea.volumes')) {
    const vm = site.cloudstack.site.volumes.get(row)?.vm?.id
    if (vm !== undefined) await operate(site.volumes, { kind: 'detach', volumeId: row, vmId: vm })
    const end = await operate(site.volumes, { kind: 'delete', volumeId: row })
    checks.equal(`volume ${row} can be deleted`, codeOf(end), 'succeeded')
  }
  const orphans = (await site.volumes.sync()).findings.filter(({ kind }) => kind === 'orphan-volume')
  for (const { subject } of orphans) {
    const { id } = await until(
      'the orphan is old enough',
      () =>
        site.volumes.removeOrphan('orphan-volume', subject).catch((error: unknown) => {
          if (error instanceof Error && 'code' in error && error.code === 'ORPHAN_TOO_YOUNG') return undefined
          throw error
        }),
      30_000,
    )
    checks.equal(`orphan ${subject} can be removed`, codeOf(await ended(site.volumes, id)), 'succeeded')
  }
  return orphans.map(({ what }) => what)
}
