import { type Hardware } from './hardware.js'
import { neededPrivileges } from './privileges.js'
import { GIB, type Bytes } from './units.js'
import { vddkVerdict } from './vddk-versions.js'

export type FindingCode =
  | 'no-disks'
  | 'disk-independent'
  | 'disk-raw-physical'
  | 'disk-shared-bus'
  | 'disk-multi-writer'
  | 'disk-no-file'
  | 'disk-large'
  | 'disk-encrypted'
  | 'cbt-unsupported'
  | 'cbt-off'
  | 'snapshots-present'
  | 'snapshot-debt'
  | 'snapshot-chain-full'
  | 'consolidation-needed'
  | 'privilege-missing'
  | 'tools-not-running'
  | 'vm-encrypted'
  | 'datastore-low'
  | 'datastore-full'
  | 'vddk-missing'
  | 'vddk-unsuitable'
  | 'not-checked'

/** `blocker`: a pass cannot succeed. `warning`: it can, but not as well or not for long. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: 'blocker' | 'warning' | 'info'
  readonly what: string
  readonly remedy: string
}

/** A fact, or why it could not be learnt. */
export type Known<T> =
  { readonly kind: 'known'; readonly value: T } | { readonly kind: 'unknown'; readonly why: string }

export interface DiskFacts {
  readonly key: string
  readonly label: string
  readonly capacityBytes: Bytes
  readonly obstacle: 'independent' | 'raw-physical' | 'shared-bus' | 'multi-writer' | 'no-file' | null
  readonly isEncrypted: boolean
}

export interface PreflightFacts {
  readonly changeTracking: 'on' | 'off' | 'unsupported'
  readonly disks: readonly DiskFacts[]
  /** Those of others only: what a pass made goes with it. */
  readonly snapshots: Known<
    readonly { readonly name: string; readonly createdAt: Date; readonly depth: number }[]
  >
  readonly needsConsolidation: Known<boolean>
  readonly tools: Hardware['tools']['state']
  readonly isEncrypted: Known<boolean>
  readonly datastores: Known<readonly { readonly name: string; readonly freeBytes: Bytes }[]>
  readonly missingPrivileges: Known<readonly string[]>
  readonly vsphereVersion: Known<string>
  /** Its major version; undefined: there is none, so that only VMs that are off can be read. */
  readonly vddk: Known<number | undefined>
  /** Without so much free no snapshot is taken. */
  readonly datastoreFloorBytes: Bytes
}

/** vSphere takes no snapshot above 32 levels; ours needs one of them. */
const maxDepth = 31
const debtDepth = 3
const debtAgeMs = 3 * 24 * 3600 * 1000
const largeDiskBytes = 2048n * GIB
/** While a pass runs, everything the guest writes goes to new files on the datastore. */
const ampleBytes = 18n * GIB

/** Everything that speaks against replicating the VM, worst first. What could not be checked is a finding too. */
export function preflightFindings(facts: PreflightFacts, now: Date): Finding[] {
  const found = [
    ...diskFindings(facts.disks),
    ...trackingFindings(facts),
    ...ifKnown('snapshots', facts.snapshots, snapshots => snapshotFindings(snapshots, now)),
    ...ifKnown('the need of consolidation', facts.needsConsolidation, consolidationFindings),
    ...ifKnown('privileges', facts.missingPrivileges, privilegeFindings),
    ...ifKnown('encryption', facts.isEncrypted, encryptionFindings),
    ...ifKnown('free space of datastores', facts.datastores, datastores =>
      datastoreFindings(datastores, facts.datastoreFloorBytes),
    ),
    ...toolsFindings(facts.tools),
    ...vddkFindings(facts),
  ]
  const rank = { blocker: 0, warning: 1, info: 2 }
  return found.sort((a, b) => rank[a.severity] - rank[b.severity])
}

const finding = (
  severity: Finding['severity'],
  code: FindingCode,
  what: string,
  remedy: string,
): Finding => ({ code, severity, what, remedy })

function ifKnown<T>(subject: string, fact: Known<T>, judge: (value: T) => Finding[]): Finding[] {
  return fact.kind === 'known' ? judge(fact.value) : [notChecked(subject, fact.why)]
}

const notChecked = (subject: string, why: string): Finding =>
  finding(
    'warning',
    'not-checked',
    `${subject} could not be checked: ${why}`,
    'Remove the reason and run the check again, or look at it in vCenter yourself.',
  )

const obstacles = {
  independent: [
    'disk-independent',
    'is independent, so snapshots leave it out',
    'Set the disk mode to dependent.',
  ],
  'raw-physical': [
    'disk-raw-physical',
    'is a raw mapping in physical mode, so snapshots leave it out',
    'Change the mapping to virtual mode, or move its data to a virtual disk.',
  ],
  'shared-bus': [
    'disk-shared-bus',
    'hangs on a controller whose bus other VMs share, so no snapshot can be taken',
    'Replicate such clusters by their own means.',
  ],
  'multi-writer': [
    'disk-multi-writer',
    'may be written by several VMs, so no snapshot can be taken',
    'Set its sharing to none.',
  ],
  'no-file': [
    'disk-no-file',
    'has no file that could be read',
    'Move its data to a virtual disk with a file.',
  ],
} as const

function diskFindings(disks: readonly DiskFacts[]): Finding[] {
  if (disks.length === 0)
    return [finding('blocker', 'no-disks', 'the VM has no disk', 'There is nothing to replicate.')]
  return disks.flatMap(({ key, label, capacityBytes, obstacle, isEncrypted }) => {
    const name = `${label} (disk ${key})`
    const found: Finding[] = []
    if (obstacle !== null) {
      const [code, what, remedy] = obstacles[obstacle]
      found.push(finding('blocker', code, `${name} ${what}`, remedy))
    }
    if (isEncrypted)
      found.push(
        finding(
          'warning',
          'disk-encrypted',
          `${name} is encrypted; its copy in CloudStack is not`,
          'Make sure that this is allowed, and that the vCenter user has Cryptographer.Access.',
        ),
      )
    if (capacityBytes > largeDiskBytes)
      found.push(
        finding(
          'info',
          'disk-large',
          `${name} has more than 2 TiB: vSphere keeps its snapshots in another format and folds them slowly`,
          'Let the first pass run when the VM writes little.',
        ),
      )
    return found
  })
}

function trackingFindings({ changeTracking, snapshots }: PreflightFacts): Finding[] {
  const whole = 'every pass reads all disks whole'
  switch (changeTracking) {
    case 'on':
      return []
    case 'unsupported':
      return [
        finding(
          'warning',
          'cbt-unsupported',
          `the VM does not support changed-block tracking, so ${whole}`,
          'Upgrade its virtual hardware to version 7 or later.',
        ),
      ]
    case 'off':
      return snapshots.kind === 'known' && snapshots.value.length > 0
        ? [
            finding(
              'warning',
              'cbt-off',
              `changed-block tracking is off and cannot be switched on above a snapshot, so ${whole}`,
              'Remove the snapshots; the next pass switches tracking on.',
            ),
          ]
        : [
            finding(
              'info',
              'cbt-off',
              'changed-block tracking is off; the first pass switches it on',
              'Nothing to do.',
            ),
          ]
  }
}

function snapshotFindings(
  snapshots: readonly { readonly createdAt: Date; readonly depth: number }[],
  now: Date,
): Finding[] {
  if (snapshots.length === 0) return []
  const depth = Math.max(...snapshots.map(snapshot => snapshot.depth))
  const ageMs = Math.max(...snapshots.map(snapshot => now.getTime() - snapshot.createdAt.getTime()))
  const days = Math.floor(ageMs / (24 * 3600 * 1000))
  const what = `${snapshots.length} snapshots of others, ${depth} levels deep, the oldest ${days} days old`
  const remedy = 'Remove those that nobody needs; this product never touches them.'
  if (depth >= maxDepth)
    return [finding('blocker', 'snapshot-chain-full', `${what}: there is no room for another level`, remedy)]
  if (depth > debtDepth || ageMs > debtAgeMs)
    return [finding('warning', 'snapshot-debt', `${what}: reading is slow and folding takes long`, remedy)]
  return [finding('info', 'snapshots-present', what, remedy)]
}

const consolidationFindings = (isNeeded: boolean): Finding[] =>
  isNeeded
    ? [
        finding(
          'warning',
          'consolidation-needed',
          'vCenter says that the disks of the VM need consolidation',
          'Consolidate them in vCenter; a pass also does it when it removes its snapshot.',
        ),
      ]
    : []

function privilegeFindings(missing: readonly string[]): Finding[] {
  return missing.map(id => {
    const isVital = neededPrivileges.find(privilege => privilege.id === id)?.isVital ?? true
    return finding(
      isVital ? 'blocker' : 'warning',
      'privilege-missing',
      `the vCenter user lacks the privilege ${id}`,
      `Give the user's role ${id}.`,
    )
  })
}

const encryptionFindings = (isEncrypted: boolean): Finding[] =>
  isEncrypted
    ? [
        finding(
          'warning',
          'vm-encrypted',
          'the VM is encrypted; its copy in CloudStack is not',
          'Make sure that this is allowed, and that the vCenter user has Cryptographer.Access.',
        ),
      ]
    : []

const datastoreFindings = (
  datastores: readonly { readonly name: string; readonly freeBytes: Bytes }[],
  floorBytes: Bytes,
) =>
  datastores.flatMap(({ name, freeBytes }): Finding[] => {
    const wantedBytes = floorBytes + ampleBytes
    if (freeBytes >= wantedBytes) return []
    const isFull = freeBytes < floorBytes
    return [
      finding(
        isFull ? 'blocker' : 'warning',
        isFull ? 'datastore-full' : 'datastore-low',
        `datastore ${name} has ${freeBytes / (GIB / 1024n)} MiB free: a snapshot could fill it and stop its VMs`,
        `Free space on the datastore, at least ${wantedBytes / GIB} GiB.`,
      ),
    ]
  })

function toolsFindings(state: Hardware['tools']['state']): Finding[] {
  if (state === 'running') return []
  if (state === 'unknown') return [notChecked('VMware Tools', 'vCenter does not tell their state')]
  return [
    finding(
      'warning',
      'tools-not-running',
      'VMware Tools do not run, so the guest is not quiesced and cannot be shut down in order',
      'Install and start VMware Tools, or accept crash-consistent recovery points.',
    ),
  ]
}

const vddkMissing = finding(
  'blocker',
  'vddk-missing',
  'there is no VDDK library: only a final pass of the VM while it is off can read it, without changed-block tracking, all disks whole',
  'Install VDDK on the VMA, or shut the VM down and start a final pass.',
)

function vddkFindings({ vddk, vsphereVersion }: PreflightFacts): Finding[] {
  const subject = 'whether the VDDK library suits this vSphere'
  if (vddk.kind === 'unknown') return [notChecked(subject, vddk.why)]
  if (vddk.value === undefined) return [vddkMissing]
  if (vsphereVersion.kind === 'unknown') return [notChecked(subject, vsphereVersion.why)]
  const pair = `VDDK ${vddk.value} with vSphere ${vsphereVersion.value}`
  switch (vddkVerdict(vddk.value, vsphereVersion.value)) {
    case 'fits':
      return []
    case 'unknown':
      return [notChecked(subject, `${pair} is not in the table`)]
    case 'vsphere-too-old':
      return [
        finding(
          'blocker',
          'vddk-unsuitable',
          `${pair}: the library no longer reads it`,
          'Install an older VDDK.',
        ),
      ]
    case 'vsphere-too-new':
      return [
        finding(
          'blocker',
          'vddk-unsuitable',
          `${pair}: the library is older than it`,
          'Install a newer VDDK.',
        ),
      ]
  }
}
