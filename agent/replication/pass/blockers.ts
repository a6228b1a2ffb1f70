import { type Finding, type FindingCode } from '../../domain/preflight.js'
import { AppError, type ErrorCode } from '../../errors.js'

/** Under which error a pass ends that a blocker of the preflight stops; a code without one never blocks. */
const errorOf: Partial<Record<FindingCode, ErrorCode>> = {
  'no-disks': 'SOURCE_DISK_UNSUPPORTED',
  'disk-independent': 'SOURCE_DISK_UNSUPPORTED',
  'disk-raw-physical': 'SOURCE_DISK_UNSUPPORTED',
  'disk-shared-bus': 'SOURCE_DISK_UNSUPPORTED',
  'disk-multi-writer': 'SOURCE_DISK_UNSUPPORTED',
  'disk-no-file': 'SOURCE_DISK_UNSUPPORTED',
  'snapshot-chain-full': 'SOURCE_SNAPSHOTS_FULL',
  'datastore-full': 'SOURCE_DATASTORE_FULL',
  'privilege-missing': 'VSPHERE_PERMISSION_MISSING',
  'vddk-missing': 'VDDK_MISSING',
  'vddk-unsuitable': 'VDDK_UNSUITABLE',
}

/** Only a snapshot needs these, and a final pass takes none. */
const ofSnapshots: ReadonlySet<FindingCode> = new Set([
  'snapshot-chain-full',
  'datastore-full',
  'vddk-missing',
])

/** The error of the first blocker, naming all that have its code; undefined when nothing blocks. */
export function blockingError(
  vmName: string,
  findings: readonly Finding[],
  mode: 'snapshot' | 'final',
): AppError | undefined {
  const blockers = findings.filter(
    found => found.severity === 'blocker' && !(mode === 'final' && ofSnapshots.has(found.code)),
  )
  const code = blockers[0] === undefined ? undefined : (errorOf[blockers[0].code] ?? 'INTERNAL_BUG')
  if (code === undefined) return undefined
  const same = blockers.filter(found => errorOf[found.code] === errorOf[blockers[0]?.code ?? found.code])
  return new AppError(code, `VM ${vmName}: ${same.map(found => found.what).join('; ')}`)
}
