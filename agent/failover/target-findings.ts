import { type FailoverFinding, type FailoverFindingCode } from '../domain/network-mapping.js'
import { GIB } from '../domain/units.js'
import { hostNameOf } from '../domain/failover.js'
import { type PreflightFacts, type PreflightRequest } from './preflight-facts.js'

const blocker = (code: FailoverFindingCode, what: string, remedy: string): FailoverFinding => ({
  code,
  severity: 'blocker',
  what,
  remedy,
})
const warning = (code: FailoverFindingCode, what: string, remedy: string): FailoverFinding => ({
  ...blocker(code, what, remedy),
  severity: 'warning',
})

/** What of CloudStack speaks against the failover. */
export function* targetFindings(
  request: PreflightRequest,
  facts: PreflightFacts,
): Generator<FailoverFinding> {
  const { target } = facts
  if (target.missingCommands.length > 0)
    yield blocker(
      'permissions',
      `The role of the key may not call ${target.missingCommands.join(', ')}.`,
      'Allow these commands in the role.',
    )
  if (target.template === null)
    yield blocker(
      'template',
      'No usable template is chosen.',
      'Choose a template in the CloudStack configuration.',
    )
  else if (!target.template.isReady)
    yield blocker(
      'template',
      `Template ${target.template.name} is not ready.`,
      'Wait for it, or choose another.',
    )
  yield* offeringFindings(facts)
  yield* diskFindings(request, facts)
  yield* limitFindings(request, facts)
  if (request.kind !== 'test' && target.vmNames.includes(hostNameOf(request.vmName)))
    yield blocker(
      'name-taken',
      `CloudStack has a VM called ${hostNameOf(request.vmName)} already.`,
      'Rename or remove that VM.',
    )
  if (request.kind !== 'test' && target.applianceVmSnapshots.length > 0)
    yield blocker(
      'appliance-snapshots',
      `The appliance has VM snapshots: ${target.applianceVmSnapshots.join(', ')}.`,
      'Delete them in CloudStack: no volume can be detached while they are there.',
    )
  yield warning(
    'guest-drivers',
    'Nothing puts drivers for KVM into the guest.',
    'Prove by a test failover that this guest boots.',
  )
}

function* offeringFindings({ target, source: { hardware } }: PreflightFacts): Generator<FailoverFinding> {
  const { offering } = target
  if (offering === null) {
    yield blocker(
      'offering',
      'No usable service offering is chosen.',
      'Choose one in the CloudStack configuration.',
    )
    return
  }
  if (hardware === undefined) return
  const { cpuCount, memoryMib, firmware } = hardware
  if (offering.isCustomized && (cpuCount === null || memoryMib === null))
    yield blocker(
      'hardware-size',
      'vCenter does not tell the processors or the memory of the VM.',
      'Choose a service offering with fixed sizes.',
    )
  const isSmaller =
    (offering.cpuCount ?? Infinity) < (cpuCount ?? 0) || (offering.memoryMib ?? Infinity) < (memoryMib ?? 0)
  if (!offering.isCustomized && isSmaller)
    yield warning(
      'hardware-size',
      `Service offering ${offering.name} has ${offering.cpuCount ?? '?'} processors and ${offering.memoryMib ?? '?'} MiB, the source ${cpuCount ?? '?'} and ${memoryMib ?? '?'}.`,
      'Choose a custom service offering to have a target as large as the source.',
    )
  if (firmware !== 'bios' && firmware !== 'efi')
    yield warning(
      'firmware',
      `The firmware of the source is ${firmware || 'not known'}; the target gets BIOS.`,
      'Look at the boot options of the source.',
    )
}

function* diskFindings(
  { kind }: PreflightRequest,
  { source, volumes, applianceVmId, target }: PreflightFacts,
): Generator<FailoverFinding> {
  for (const { label, capacityBytes, volumeId } of source.disks) {
    if (volumeId === null) continue
    const volume = volumes.get(volumeId)
    if (volume === undefined)
      yield blocker(
        'disk-volume',
        `${label}: CloudStack has no volume ${volumeId}.`,
        'Run a pass of the job.',
      )
    else if (volume.sizeBytes < capacityBytes)
      yield blocker(
        'disk-volume',
        `${label}: volume ${volumeId} is smaller than the disk.`,
        'Run a pass of the job.',
      )
    else if (kind !== 'test' && volume.vmId !== undefined && volume.vmId !== applianceVmId)
      yield blocker(
        'disk-volume',
        `${label}: volume ${volumeId} is attached to VM ${volume.vmId}.`,
        'Detach it there.',
      )
  }
  const data = source.disks.length - 1
  if (target.dataDiskLimit !== undefined && data > target.dataDiskLimit)
    yield blocker(
      'disks-too-many',
      `The VM has ${data} data disks, CloudStack allows ${target.dataDiskLimit}.`,
      'Raise the limit of the hypervisor in CloudStack.',
    )
}

/** A test makes a volume and a snapshot of each disk; every target is a VM, whose template's disk is there for a moment. */
function* limitFindings(
  { kind }: PreflightRequest,
  { source, target: { left } }: PreflightFacts,
): Generator<FailoverFinding> {
  const copies = kind === 'test' ? source.disks.length : 0
  const gib = source.disks.reduce(
    (sum, { capacityBytes }) => sum + Number((capacityBytes + GIB - 1n) / GIB),
    0,
  )
  const needs = [
    ['VMs', 1, left.vms],
    ['volumes', copies + 1, left.volumes],
    ['snapshots', copies, left.snapshots],
    ['GiB of primary storage', kind === 'test' ? gib : 0, left.primaryGib],
  ] as const
  for (const [what, needed, free] of needs)
    if (free !== null && free < needed)
      yield blocker(
        'limits',
        `The limits of the account leave ${free} ${what}, and ${needed} are needed.`,
        'Raise the limits, or remove what is not needed.',
      )
}
