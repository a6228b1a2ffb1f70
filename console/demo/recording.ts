import type {
  JobDetailView,
  JobState,
  PassDetailView,
  SourceVmView,
  StatusView,
  StepView,
} from '../../agent/api/schemas.js'
import { errorTable, type ErrorCode } from '../../agent/errors.js'

const gib = 1024n ** 3n
const mib = 1024n ** 2n

/** A site in the middle of a night: the answers of the operator API, instants told from `nowMs`. */
export interface Recording {
  readonly vms: SourceVmView[]
  readonly jobs: JobDetailView[]
  readonly passes: PassDetailView[]
}

const instant = (ms: number): string => new Date(ms).toISOString()

const failure = (code: ErrorCode, message: string) => ({ code, message, next: errorTable[code].next })

const stepTitles: readonly (readonly [name: string, title: string])[] = [
  ['begin', 'Start the pass'],
  ['inspect-source', 'Look at the VM and its disks'],
  ['prepare-volumes', 'Make the target volumes ready'],
  ['take-snapshot', 'Take one snapshot of all disks'],
  ['open-exports', 'Open the target volumes for writing'],
  ['copy-disks', 'Move the data'],
  ['close-exports', 'Close the target volumes'],
  ['commit', 'Record the recovery point'],
  ['remove-snapshot', 'Remove the snapshot'],
]
const copyStep = 5

/** `at` steps done, two seconds each; the next one in `state`. */
function steps(startMs: number, at: number, state: 'running' | 'failed' | 'waiting'): StepView[] {
  return stepTitles.map(([name, title], index) => ({
    name,
    title,
    state: index < at ? 'done' : index === at ? state : 'waiting',
    startedAt: index < at || (index === at && state !== 'waiting') ? instant(startMs + index * 2000) : null,
    endedAt:
      index < at || (index === at && state === 'failed') ? instant(startMs + index * 2000 + 1400) : null,
    failure:
      index === at && state === 'failed'
        ? failure('TARGET_FULL', 'volume 58c1 while writing disk 2000')
        : null,
  }))
}

const volumeOf = (vm: number, disk: number): string =>
  `58c1${String(vm).padStart(4, '0')}-20${String(disk).padStart(2, '0')}-4000-8000-0123456789ab`

function diskOf(
  vm: number,
  disk: number,
  capacityBytes: bigint,
  more: Partial<PassDetailView['disks'][number]> = {},
) {
  return {
    diskKey: String(2000 + disk),
    label: `Hard disk ${disk + 1}`,
    capacityBytes: String(capacityBytes),
    volumeId: volumeOf(vm, disk),
    syncType: 'incremental' as const,
    plannedBytes: String(2n * gib),
    readBytes: String(2n * gib),
    writtenBytes: String(1700n * mib),
    zeroedBytes: String(348n * mib),
    skippedBytes: '0',
    sentAgainBytes: '0',
    retriedRequests: 0,
    seconds: 41,
    changeIdBefore: '52 8e 1f 0b/40',
    changeIdAfter: '52 8e 1f 0b/41',
    fallbacks: [],
    ...more,
  }
}

export function passOf(
  jobId: string,
  number: number,
  startMs: number,
  more: Partial<PassDetailView> = {},
): PassDetailView {
  return {
    id: `${jobId}-p${number}`,
    jobId,
    number,
    state: 'committed',
    sagaState: 'done',
    syncType: number === 1 ? 'full' : 'incremental',
    startedAt: instant(startMs),
    endedAt: instant(startMs + 41_000),
    plannedBytes: String(2n * gib),
    movedBytes: String(2n * gib),
    rateBytesPerSec: null,
    etaSeconds: null,
    failure: null,
    held: false,
    resumedCount: 0,
    mode: 'snapshot',
    consistency: 'quiesced',
    notes: [],
    brokenCopies: [],
    staging: { way: number === 1 ? 'direct' : 'staged', stagedBytes: null, appliedBytes: null },
    disks: [diskOf(Number(jobId.slice(1)), 0, 40n * gib)],
    steps: steps(startMs, stepTitles.length, 'waiting'),
    ...more,
  }
}

/** A pass that began at `startMs`, as far as its time has come. */
export function runningPass(jobId: string, number: number, startMs: number, nowMs: number): PassDetailView {
  const planned = 96n * gib
  const rate = 212n * mib
  const seconds = BigInt(Math.max(0, Math.floor((nowMs - startMs) / 1000)))
  const moved = seconds * rate > planned ? planned : seconds * rate
  const vm = Number(jobId.slice(1))
  return passOf(jobId, number, startMs, {
    state: 'copying',
    sagaState: 'running',
    endedAt: null,
    plannedBytes: String(planned),
    movedBytes: String(moved),
    rateBytesPerSec: String(rate),
    etaSeconds: Number((planned - moved) / rate),
    steps: steps(startMs, copyStep, 'running'),
    disks: [
      diskOf(vm, 0, 100n * gib, {
        plannedBytes: String(planned),
        readBytes: String(moved),
        writtenBytes: String((moved * 9n) / 10n),
        zeroedBytes: String(moved / 10n),
        seconds: null,
        changeIdAfter: null,
      }),
      diskOf(vm, 1, 500n * gib, { plannedBytes: null, readBytes: '0', syncType: null, seconds: null }),
    ],
  })
}

const names: readonly (readonly [name: string, state: JobState | null, pointMinutes: number | null])[] = [
  ['crm-app-01', 'protected', 4],
  ['crm-db-01', 'protected', 6],
  ['erp-db-02', 'replicating', 17],
  ['erp-web-01', 'protected', 3],
  ['fin-share', 'failed', 47],
  ['hr-portal', 'new', null],
  ['lab-7', null, null],
  ['mail-01', 'needs-operator', 310],
  ['old-print', null, null],
]

export function recording(nowMs: number): Recording {
  const ago = (seconds: number): string => instant(nowMs - seconds * 1000)
  const vms: SourceVmView[] = []
  const jobs: JobDetailView[] = []
  const passes: PassDetailView[] = []
  names.forEach(([name, state, pointMinutes], at) => {
    const jobId = state === null ? null : `j${at + 1}`
    const vm: SourceVmView = {
      id: `5029f3a1-7c1e-4b00-8000-${String(at + 1).padStart(12, '0')}`,
      name,
      power: name === 'old-print' ? 'off' : name === 'lab-7' ? 'unknown' : 'on',
      diskCount: 2,
      capacityBytes: String(600n * gib),
      folder: '/DC0/production',
      host: 'esx1.example',
      seenAt: ago(9),
      managedAt: jobId === null ? null : ago(86_400 * 3),
      jobId,
      jobState: state,
    }
    vms.push(vm)
    if (state === null || jobId === null) return
    const startMs = nowMs - ((pointMinutes ?? 1) * 60 + 8) * 1000
    const last = lastPass(jobId, state, startMs)
    if (last !== null && last.number > 1) passes.push(passOf(jobId, 1, startMs - 600_000))
    const current = state === 'replicating' ? runningPass(jobId, 2, nowMs - 180_000, nowMs) : null
    passes.push(...(last === null ? [] : [last]), ...(current === null ? [] : [current]))
    jobs.push({
      id: jobId,
      sourceVmId: vm.id,
      vmName: name,
      state,
      quiesce: 'preferred',
      stagingPolicy: 'wait',
      replica: { state: pointMinutes === null ? 'none' : 'at-point', why: null },
      lastVerification: null,
      createdAt: ago(86_400 * 3),
      recoveryPointAt: pointMinutes === null ? null : instant(nowMs - pointMinutes * 60_000),
      pausedAt: null,
      stoppedAt: null,
      currentPass: current,
      lastPass: last,
      disks: [0, 1].map(disk => ({
        diskKey: String(2000 + disk),
        label: `Hard disk ${disk + 1}`,
        capacityBytes: String(disk === 0 ? 100n * gib : 500n * gib),
        volumeId: pointMinutes === null ? null : volumeOf(at + 1, disk),
        changeId: pointMinutes === null ? null : `52 8e 1f 0b/4${disk}`,
      })),
    })
  })
  return { vms, jobs, passes }
}

function lastPass(jobId: string, state: JobState, startMs: number): PassDetailView | null {
  if (state === 'new') return null
  if (state !== 'failed' && state !== 'needs-operator') return passOf(jobId, 1, startMs)
  const broken = state === 'failed' ? failure('TARGET_FULL', 'volume 58c1 while writing disk 2000') : null
  return passOf(jobId, 2, startMs, {
    disks: [
      diskOf(Number(jobId.slice(1)), 0, 100n * gib, { readBytes: String(700n * mib), changeIdAfter: null }),
    ],
    state: 'failed',
    sagaState: state === 'failed' ? 'done' : 'needs-operator',
    movedBytes: String(700n * mib),
    failure:
      broken ?? failure('VSPHERE_FAULT', 'removing the snapshot of the pass: The operation is not allowed'),
    steps: steps(startMs, copyStep, 'failed'),
  })
}

export const statusAt = (nowMs: number): StatusView => ({
  version: '0.1.0',
  now: instant(nowMs),
  vma: { state: 'connected', lastSeenAt: instant(nowMs - 2000), version: null, failure: null },
  source: { state: 'ok', failure: null, checkedAt: instant(nowMs - 11_000) },
})
