import { type ConfiguredVolumes } from '../cloudstack/configured.js'
import { type VolumeControl } from '../http/volume-deps.js'
import { type Logger } from '../log/logger.js'
import { sagaKind, type SagaKind } from '../saga/runner.js'
import { type Database } from '../store/database.js'
import { operationAdmin } from '../store/volume-operation-admin.js'
import { operationViews, recordedVolumes } from '../store/volume-operation-views.js'
import { volumeOperations } from '../store/volume-operations.js'
import { volumeLooks } from '../volume-controller/looks.js'
import { operationSagas } from '../volume-controller/sagas.js'
import { type VolumedLink } from '../volumes/client.js'
import { pause, wallClock } from './clock.js'

export interface VolumePeers {
  readonly cloud: ConfiguredVolumes
  readonly volumed: VolumedLink
}

/** Of operations on volumes; how patient they are follows what CloudStack is given to settle. */
export function volumeSagaKinds(
  db: Database,
  { cloud, volumed }: VolumePeers,
  settleMs: number,
  logger: Logger,
): readonly SagaKind[] {
  const deps = {
    store: volumeOperations(db, wallClock),
    cloud,
    daemon: volumed,
    timing: { lookMs: 250, deviceLimitMs: 60_000, patienceMs: 20 * settleMs, settleMs },
    now: wallClock,
    pause,
    logger,
  }
  return operationSagas.map(saga => sagaKind(saga, deps))
}

/** What the operator's API does with volumes. */
export function volumeControl(db: Database, { cloud, volumed }: VolumePeers): VolumeControl {
  const daemon = {
    ...volumed,
    mendNames: async (signal: AbortSignal) => {
      const { made, repaired, dropped } = await volumed.mendNames(signal)
      return { made, repaired, dropped }
    },
  }
  return {
    admin: operationAdmin(db, wallClock),
    views: operationViews(db),
    looks: volumeLooks({ cloud, daemon, recorded: recordedVolumes(db) }),
  }
}
