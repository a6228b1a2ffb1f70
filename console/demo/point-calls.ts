import type { PointPolicyView, PointView, RestoreView } from '../../agent/api/points.js'
import { AppError } from '../../agent/errors.js'
import type { PageClient } from '../page.js'
import { attempt, found } from './calls.js'
import type { Recording } from './recording.js'

const gib = 1024n ** 3n
const hourMs = 3_600_000
const restoreMs = 90_000

interface Kept {
  policy: PointPolicyView
  readonly points: PointView[]
}

/** Recovery points, on recorded data: a few in each standing an operator meets. */
export function pointCalls(site: Recording, nowMs: () => number): PageClient['points'] {
  const instant = (ms: number): string => new Date(ms).toISOString()
  const kept = new Map<string, Kept>()
  const exports = new Map<string, { id: string; pointId: string; leaseUntil: string }>()
  const restores = new Map<string, RestoreView>()

  const keptOf = (jobId: string): Kept => {
    const job = found(
      site.jobs.find(each => each.id === jobId),
      `replication job ${jobId}`,
    )
    const known = kept.get(jobId)
    if (known !== undefined) return known
    const newestMs = job.recoveryPointAt === null ? null : Date.parse(job.recoveryPointAt)
    const pointAt = (back: number, ms: number, more: Partial<PointView>): PointView => ({
      id: `point-${jobId}-${40 - back}`,
      jobId,
      vmName: job.vmName,
      passId: `${jobId}-pass-${40 - back}`,
      passNumber: 40 - back,
      roundId: back % 2 === 0 ? `round-${40 - back}` : null,
      at: instant(ms - back * hourMs),
      committedAt: instant(ms - back * hourMs + 95_000),
      isUsable: true,
      standing: { kind: 'kept', undoBytes: String((gib * BigInt(3 + back)) / 2n) },
      pinned: false,
      disks: job.disks.map(disk => ({
        diskKey: disk.diskKey,
        label: disk.label,
        volumeId: disk.volumeId ?? 'none',
        sizeBytes: disk.capacityBytes,
        stagedDigest: '9c41d07e55ab1f20'.repeat(4),
        checkedSum: '41d07e55ab1f209c'.repeat(2),
      })),
      ...more,
    })
    const gone = (kind: 'expired' | 'lost', why: string, ms: number) => ({
      isUsable: false,
      standing: { kind, why, endedAt: instant(ms) },
    })
    const made: Kept = {
      policy: { maxPoints: 6, maxAgeSeconds: 86_400, capBytes: String(200n * gib) },
      points:
        newestMs === null
          ? []
          : [
              pointAt(0, newestMs, { standing: { kind: 'on-volume' } }),
              pointAt(1, newestMs, {}),
              pointAt(2, newestMs, { pinned: true }),
              pointAt(3, newestMs, {}),
              pointAt(4, newestMs, gone('lost', 'a layer of its undo is not there', newestMs - hourMs)),
              pointAt(25, newestMs, gone('expired', 'older than the policy keeps', newestMs - hourMs)),
            ],
    }
    kept.set(jobId, made)
    return made
  }
  const pointOf = (id: string): PointView =>
    found(
      site.jobs.flatMap(job => keptOf(job.id).points).find(point => point.id === id),
      `recovery point ${id}`,
    )

  return {
    list: jobId =>
      attempt(() => {
        const { points, policy } = keptOf(jobId)
        const usable = points.filter(point => point.isUsable)
        const times = usable.map(point => Date.parse(point.at))
        return {
          items: points,
          policy,
          usable: usable.length,
          undoBytes: usable
            .reduce((sum, { standing }) => sum + BigInt('undoBytes' in standing ? standing.undoBytes : 0), 0n)
            .toString(),
          hoursKept: times.length < 2 ? null : (Math.max(...times) - Math.min(...times)) / hourMs,
        }
      }),
    changePolicy: (jobId, policy) =>
      attempt(() => {
        keptOf(jobId).policy = policy
        return policy
      }),
    pin: (id, pinned) => attempt(() => Object.assign(pointOf(id), { pinned })),
    remove: id =>
      attempt(() => {
        const point = pointOf(id)
        if (point.standing.kind !== 'kept') throw new AppError('POINT_UNUSABLE', `recovery point ${id}`)
        const standing = {
          kind: 'deleted' as const,
          why: 'an operator deleted it',
          endedAt: instant(nowMs()),
        }
        return Object.assign(point, { isUsable: false, standing })
      }),
    restoreTo: (pointId, newerPoints) =>
      attempt(() => {
        const { jobId, standing } = pointOf(pointId)
        if (standing.kind !== 'kept') throw new AppError('POINT_UNUSABLE', `recovery point ${pointId}`)
        const view: RestoreView = {
          id: `restore-${restores.size + 1}`,
          jobId,
          pointId,
          newerPoints,
          sagaState: 'running',
          startedAt: instant(nowMs()),
          endedAt: null,
          writtenBytes: null,
          failure: null,
        }
        restores.set(view.id, view)
        return view
      }),
    restore: id =>
      attempt(() => {
        const view = found(restores.get(id), `restore ${id}`)
        const endMs = Date.parse(view.startedAt) + restoreMs
        if (nowMs() < endMs) return view
        return { ...view, sagaState: 'done', endedAt: instant(endMs), writtenBytes: String(9n * gib) }
      }),
    open: (pointId, leaseSeconds) =>
      attempt(() => {
        const point = pointOf(pointId)
        if (!point.isUsable) throw new AppError('POINT_UNUSABLE', `recovery point ${pointId}`)
        const id = `export-${exports.size + 1}`
        const leaseUntil = instant(nowMs() + (leaseSeconds ?? 3600) * 1000)
        exports.set(id, { id, pointId, leaseUntil })
        return {
          id,
          pointId,
          leaseUntil,
          disks: point.disks.map(disk => ({
            diskKey: disk.diskKey,
            sizeBytes: disk.sizeBytes,
            socket: `/run/ossea/points/${id}-${disk.diskKey}.sock`,
            exportName: `p${disk.diskKey}c0ffee42d1`,
          })),
        }
      }),
    close: id =>
      attempt(() => {
        exports.delete(id)
      }),
    exports: () => attempt(() => [...exports.values()]),
  }
}
