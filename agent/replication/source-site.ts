import { type SourceVmId, changeId, diskKey } from '../domain/ids.js'
import { type DiskStart } from '../domain/disk-start.js'
import { type SyncType } from '../domain/progress.js'
import { type ReadProof } from '../domain/read-proof.js'
import { type Json } from '../domain/json.js'
import { type TaskBoard } from './tasks/board.js'
import { verifiedFromText } from './verify/verified-text.js'
import { type BrokenDisk, type DiskReport, type FrozenVm, type InspectedVm, type SourceSite } from './deps.js'

/** The source site as the pass saga sees it, over the task board. Inputs and results are those of api/worker.ts. */
export function sourceSite(board: TaskBoard): SourceSite {
  return {
    inspect: async (owner, vm, signal) => {
      const result = await board.run(owner, 'inspect-vm', vm, { sourceVmId: vm }, signal)
      const { name, power, changeTracking, findings, disks } = result as unknown as InspectResult
      return {
        name,
        power,
        findings,
        changeTracking,
        disks: disks.map(disk => ({
          ...disk,
          diskKey: diskKey(disk.diskKey),
          capacityBytes: BigInt(disk.capacityBytes),
        })),
      }
    },
    snapshot: async (owner, vm, { name, quiesce }, signal) => {
      const input = { sourceVmId: vm, snapshotName: name, quiesce }
      return frozenFromText(await board.run(owner, 'create-snapshot', vm, input, signal))
    },
    readPoweredOff: async (owner, vm, signal) =>
      frozenFromText(await board.run(owner, 'read-powered-off', vm, { sourceVmId: vm }, signal)),
    copy: async (owner, order, signal) => {
      const input = {
        sourceVmId: order.vm,
        from: { ...order.from },
        pace: { level: order.pace.level, bytesPerSec: order.pace.bytesPerSec?.toString() ?? null },
        disks: order.disks.map(disk => ({ ...disk, start: startText(disk.start) })),
      }
      const { disks, disturbance } = (await board.run(
        owner,
        'copy-disks',
        order.vm,
        input,
        signal,
      )) as unknown as CopyResultText
      return {
        disks: disks.map(disk => ({
          ...reportFromText(disk),
          flushed: disk.flushed === true,
          readProof: disk.readProof ?? null,
        })),
        disturbance,
      }
    },
    verify: async (owner, { vm, snapshotName, settings, disks }, signal) => {
      const input = {
        sourceVmId: vm,
        from: { kind: 'snapshot', name: snapshotName },
        ...settings,
        bytesPerSecond: settings.bytesPerSecond?.toString() ?? null,
        disks: disks.map(disk => ({
          ...disk,
          fromBytes: disk.fromBytes.toString(),
          untilBytes: disk.untilBytes.toString(),
        })),
      }
      return verifiedFromText(await board.run(owner, 'verify-disks', vm, input, signal))
    },
    copyTries: async owner => {
      const { broken, goesOn } = await board.tries(owner)
      return {
        goesOn,
        broken: broken.map(({ failure, endedAt, progress }) => ({
          failure,
          endedAt,
          disks: brokenDisks(progress),
        })),
      }
    },
    removeSnapshot: async (owner: string, vm: SourceVmId, name: string, signal: AbortSignal) => {
      const input = { sourceVmId: vm, snapshotName: name }
      const result = await board.run(owner, 'remove-snapshot', vm, input, signal)
      return (result as unknown as { readonly seconds: number }).seconds
    },
  }
}

/** As api/worker.ts has it. */
const startText = (start: DiskStart): Json =>
  start.kind === 'compare' ? { ...start, heldBytes: start.heldBytes.toString() } : { ...start }

/** Checked against api/worker.ts at the edge. */
function brokenDisks(progress: Json | undefined): readonly BrokenDisk[] {
  const reports = (progress ?? []) as unknown as readonly (Record<string, Json> & CountersText)[]
  return reports.map(report => ({
    diskKey: diskKey(report.diskKey),
    durableBelow: BigInt(report.durableBelow),
    report,
  }))
}

interface CopyResultText {
  readonly disks: readonly CountersText[]
  readonly disturbance: string | null
}

interface InspectResult {
  readonly name: string
  readonly power: InspectedVm['power']
  readonly findings: InspectedVm['findings']
  readonly changeTracking: 'on' | 'off' | 'unsupported'
  readonly disks: readonly {
    readonly diskKey: string
    readonly label: string
    readonly capacityBytes: string
    readonly backingUuid: string
    readonly baseFile: string
    readonly snapshotable: boolean
  }[]
}

interface FrozenText extends Omit<FrozenVm, 'createdAt' | 'disks'> {
  readonly createdAt: string
  readonly disks: readonly {
    readonly diskKey: string
    readonly capacityBytes: string
    readonly changeId: string | null
  }[]
}

/** Checked against api/worker.ts at the edge. */
function frozenFromText(result: Json): FrozenVm {
  const { createdAt, disks, ...rest } = result as unknown as FrozenText
  return {
    ...rest,
    createdAt: new Date(createdAt),
    disks: disks.map(disk => ({
      diskKey: diskKey(disk.diskKey),
      capacityBytes: BigInt(disk.capacityBytes),
      changeId: disk.changeId === null ? null : changeId(disk.changeId),
    })),
  }
}

export interface CountersText {
  readonly diskKey: string
  readonly syncType: SyncType
  readonly plannedBytes: string
  readonly readBytes: string
  readonly writtenBytes: string
  readonly zeroedBytes: string
  readonly skippedBytes: string
  readonly sentAgainBytes: string
  readonly durableBelow: string
  readonly retriedRequests: number
  readonly rateBytesPerSec: string
  readonly seconds: number | null
  readonly fallbacks: readonly string[]
  readonly flushed?: boolean
  readonly readProof?: ReadProof | null
}

/** Counters as they travel (decimal text) to counters as we count (bigint). Checked against api/worker.ts at the edge. */
export const reportFromText = (text: CountersText): DiskReport => ({
  diskKey: diskKey(text.diskKey),
  syncType: text.syncType,
  plannedBytes: BigInt(text.plannedBytes),
  readBytes: BigInt(text.readBytes),
  writtenBytes: BigInt(text.writtenBytes),
  zeroedBytes: BigInt(text.zeroedBytes),
  skippedBytes: BigInt(text.skippedBytes),
  sentAgainBytes: BigInt(text.sentAgainBytes),
  retriedRequests: text.retriedRequests,
  rateBytesPerSec: BigInt(text.rateBytesPerSec),
  seconds: text.seconds,
  fallbacks: text.fallbacks,
})
