import { type PointControl } from '../http/point-deps.js'
import { type Logger } from '../log/logger.js'
import { type PointDaemon, type PointStore } from '../replication/points/deps.js'
import { closePointDisks, openPointDisks } from '../replication/points/point-disks.js'
import { tendAll } from '../replication/points/tend-points.js'
import { pointId } from '../domain/ids.js'
import { pointAdmin } from '../store/point-admin.js'
import { type Database } from '../store/database.js'
import { type VolumeSlots } from '../volume-controller/slots.js'
import { wallClock } from './clock.js'
import { Periodic } from './periodic.js'
import { type Tender } from './tender.js'

/** Age lets points go without a pass; nobody waits for the minute. */
const tendIntervalMs = 60_000

export interface PointParts {
  readonly points: PointStore
  readonly daemon: PointDaemon
  readonly slots: VolumeSlots
  readonly logger: Logger
}

/** Compares undo with what is recorded, and lets go what is not kept any more. */
export const pointTending = ({ points, daemon, logger }: PointParts, tender: Tender): Periodic =>
  new Periodic({
    first: 'at-once',
    intervalMs: tendIntervalMs,
    work: tender.whenOnDuty(signal => tendAll({ points, daemon, logger }, wallClock(), signal)),
    onFailure: error => logger.warn({ err: error }, 'points could not be looked after'),
  })

/** What the operator's API does with points. */
export function pointControl(db: Database, { points, daemon, slots }: PointParts): PointControl {
  const target = {
    ensureAttached: slots.ensureAttached.bind(slots),
  }
  return {
    admin: pointAdmin(db, wallClock),
    disks: {
      open: async (id, leaseSeconds, signal) => {
        const opened = await openPointDisks({ points, daemon, target }, pointId(id), leaseSeconds, signal)
        return {
          ...opened,
          leaseUntil: opened.leaseUntil.toISOString(),
          disks: opened.disks.map(({ diskKey, sizeBytes, socket, exportName }) => ({
            diskKey,
            sizeBytes: sizeBytes.toString(),
            socket,
            exportName,
          })),
        }
      },
      close: (exportId, signal) => closePointDisks(daemon, exportId, signal),
      list: async signal => {
        const found = new Map<string, { id: string; pointId: string; leaseUntil: string }>()
        for (const { exportId, pointId: point, leaseUntil } of await daemon.exports(signal))
          found.set(exportId, { id: exportId, pointId: point, leaseUntil: leaseUntil.toISOString() })
        return [...found.values()]
      },
    },
  }
}
