import { join } from 'node:path'
import { type PassDetailView, type PassDiskView } from '../../agent/api/schemas.js'
import { compareImages, type Comparison } from '../site/compare.js'
import { type LabSite } from '../site/site.js'
import { type Checks } from './scenario.js'

/** What one pass did to one disk, and whether the volume is what the snapshot was. Byte counts fit a JSON number here. */
export interface DiskEvidence {
  readonly vm: string
  readonly disk: string
  readonly pass: number
  readonly syncType: string | null
  readonly plannedBytes: number | null
  readonly readBytes: number
  readonly writtenBytes: number
  readonly zeroedBytes: number
  readonly skippedBytes: number
  readonly seconds: number | null
  readonly changeIdBefore: string | null
  readonly changeIdAfter: string | null
  readonly fallbacks: readonly string[]
  readonly identical: boolean
}

/** Checks a pass that should have succeeded, disk by disk, by its report and by tools that are not ours. */
export async function proveCommitted(
  site: LabSite,
  checks: Checks,
  vmName: string,
  pass: PassDetailView,
  hasChangeIds = pass.mode === 'snapshot',
): Promise<readonly DiskEvidence[]> {
  const what = `${vmName}, pass ${pass.number}`
  checks.equal(
    `${what}: committed`,
    [pass.state, pass.sagaState, pass.failure?.code ?? null],
    ['applied', 'done', null],
  )
  const evidence: DiskEvidence[] = []
  for (const disk of pass.disks) {
    const { identical, found } = await compareDisk(site, pass, disk)
    checks.that(`${what}, ${disk.label}: identical`, identical, identical ? 'cmp and qemu-img agree' : found)
    checks.equal(`${what}, ${disk.label}: all that was planned was read`, disk.readBytes, disk.plannedBytes)
    // Between two looks at a VM at rest vSphere need not count on: only a snapshot or a start does.
    if (hasChangeIds)
      checks.that(
        `${what}, ${disk.label}: the change ID moved`,
        disk.changeIdAfter !== null && disk.changeIdAfter !== disk.changeIdBefore,
        `${disk.changeIdBefore ?? 'none'} to ${disk.changeIdAfter ?? 'none'}`,
      )
    evidence.push(evidenceOf(vmName, pass.number, disk, identical))
  }
  return evidence
}

/** The frozen disk as the simulator kept it, against the volume; for a pass that was committed. */
async function compareDisk(site: LabSite, pass: PassDetailView, disk: PassDiskView): Promise<Comparison> {
  if (disk.volumeId === null) return { identical: false, found: 'the disk has no volume' }
  const image = join(site.archiveDir, `ossea-pass-${pass.id}`, `${disk.diskKey}.img`)
  return compareImages(image, site.cloudstack.volumePath(disk.volumeId), BigInt(disk.capacityBytes))
}

function evidenceOf(vm: string, pass: number, disk: PassDiskView, identical: boolean): DiskEvidence {
  return {
    vm,
    disk: disk.label,
    pass,
    syncType: disk.syncType,
    plannedBytes: disk.plannedBytes === null ? null : Number(disk.plannedBytes),
    readBytes: Number(disk.readBytes),
    writtenBytes: Number(disk.writtenBytes),
    zeroedBytes: Number(disk.zeroedBytes),
    skippedBytes: Number(disk.skippedBytes),
    seconds: disk.seconds,
    changeIdBefore: disk.changeIdBefore,
    changeIdAfter: disk.changeIdAfter,
    fallbacks: disk.fallbacks,
    identical,
  }
}
