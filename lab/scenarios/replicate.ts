import { type JobView, type PassDetailView } from '../../agent/api/schemas.js'
import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted, type DiskEvidence } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const grainBytes = 64n * 1024n

/** Two VMs; one has two disks of different size, the larger mostly a hole, with zeroes written into allocated space. */
export const replicateVms: readonly VmSpec[] = [
  {
    name: 'web-01',
    folder: ['production'],
    disks: [
      { sizeBytes: 256n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 32n * MIB }] },
    ],
  },
  {
    name: 'db-01',
    folder: ['production', 'databases'],
    disks: [
      {
        sizeBytes: 128n * MIB + 512n,
        content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 16n * MIB }],
      },
      {
        sizeBytes: 2304n * MIB,
        content: [
          { kind: 'random', offsetBytes: 64n * MIB, lengthBytes: 96n * MIB },
          { kind: 'zeros', offsetBytes: 1024n * MIB, lengthBytes: 64n * MIB },
          { kind: 'random', offsetBytes: 2200n * MIB, lengthBytes: 8n * MIB },
        ],
      },
    ],
  },
]

/** A full pass, incremental passes over what busy guests wrote, and one over writes whose places are known. */
export const replicate: Scenario = {
  name: 'replicate',
  title: 'two running VMs, full then incremental, compared by cmp and qemu-img',
  run: async ({ dir, cleanup, say, checks }) => {
    const writer = { bytesPerSec: 4 * 1024 * 1024 }
    const site = await LabSite.start({ dir, cleanup, say, vms: replicateVms, writer })
    const jobs = [await site.createJob('web-01'), await site.createJob('db-01')]
    const evidence: DiskEvidence[] = []
    const round = async (syncType: string): Promise<readonly PassDetailView[]> => {
      const passes = await Promise.all(
        jobs.map(async job => ({ job, pass: await runPass(site.operator, job, say) })),
      )
      for (const { job, pass } of passes) {
        evidence.push(...(await proveCommitted(site, checks, job.vmName, pass)))
        const types = new Set(pass.disks.map(disk => disk.syncType))
        checks.equal(`${job.vmName}, pass ${pass.number}: sync type`, [...types], [syncType])
      }
      return passes.map(({ pass }) => pass)
    }
    await round('full')
    await round('incremental')
    await site.vcenter.pauseWriter()
    // What the guests wrote since the last snapshot goes with this pass; then the next one holds known writes only.
    await round('incremental')
    const written = await writeKnownPlaces(site, jobs)
    for (const pass of await round('incremental')) proveOnlyWritten(checks, pass, written)
    await proveNothingLeft(site, checks)
    return { disks: evidence }
  },
}

/** How many bytes each disk has to move, by job and disk key. */
type Written = ReadonlyMap<string, bigint>

const keyOf = (jobId: string, diskKey: string): string => `${jobId} ${diskKey}`

async function writeKnownPlaces(site: LabSite, jobs: readonly JobView[]): Promise<Written> {
  const written = new Map<string, bigint>()
  for (const job of jobs) {
    const vm = site.vcenter.vm(job.vmName)
    for (const disk of vm.disks) {
      const ranges = await site.vcenter.guestWrites(vm, { diskKey: disk.options.key, blocks: 20 })
      const grains = new Set(ranges.flatMap(grainsOf))
      written.set(keyOf(job.id, disk.options.key.toString()), bytesOf(grains, disk.capacityBytes))
    }
  }
  return written
}

function grainsOf(range: { readonly offsetBytes: bigint; readonly lengthBytes: bigint }): bigint[] {
  const grains: bigint[] = []
  const end = range.offsetBytes + range.lengthBytes
  for (let grain = range.offsetBytes / grainBytes; grain * grainBytes < end; grain += 1n) grains.push(grain)
  return grains
}

/** The last grain may reach over the end of the disk. */
function bytesOf(grains: ReadonlySet<bigint>, capacityBytes: bigint): bigint {
  let bytes = 0n
  for (const grain of grains) {
    const leftBytes = capacityBytes - grain * grainBytes
    bytes += leftBytes < grainBytes ? leftBytes : grainBytes
  }
  return bytes
}

function proveOnlyWritten(checks: Checks, pass: PassDetailView, written: Written): void {
  for (const disk of pass.disks)
    checks.equal(
      `pass ${pass.number}, ${disk.label}: only what was written was read`,
      disk.readBytes,
      written.get(keyOf(pass.jobId, disk.diskKey))?.toString(),
    )
}
