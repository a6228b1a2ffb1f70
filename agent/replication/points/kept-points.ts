import { type KeptPoint } from '../../domain/points.js'
import { type Journal, type PointExport } from './deps.js'

/** The points read through undo, the oldest first, each with the undo between it and the next newer point. */
export function keptPoints(journal: Journal, exports: readonly PointExport[]): readonly KeptPoint[] {
  return journal.points.flatMap((point, index): readonly KeptPoint[] => {
    if (point.state !== 'kept') return []
    const next = journal.points[index + 1]?.position ?? Number.POSITIVE_INFINITY
    const own = journal.layers.filter(layer => layer.seq > point.position && layer.seq <= next)
    return [
      {
        id: point.id,
        at: point.at,
        pinned: point.pinned,
        inUse: exports.some(one => one.pointId === point.id),
        undoBytes: own.reduce((sum, layer) => sum + layer.bytes, 0n),
      },
    ]
  })
}
