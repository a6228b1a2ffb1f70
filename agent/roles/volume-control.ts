import { type ConfiguredVolumes } from '../cloudstack/configured.js'
import { type OmaConfig } from '../config/schema.js'
import { serialOfVolume } from '../domain/ids.js'
import { type VolumeControl } from '../http/volume-deps.js'
import { type Logger } from '../log/logger.js'
import { sagaKind, type SagaKind } from '../saga/runner.js'
import { type Database } from '../store/database.js'
import { volumeFindings } from '../store/volume-findings.js'
import { operationAdmin } from '../store/volume-operation-admin.js'
import { operationViews, recordedVolumes } from '../store/volume-operation-views.js'
import { volumeSlots } from '../store/volume-slots.js'
import { volumeOperations } from '../store/volume-operations.js'
import { VolumeSlots, type IdleReplica } from '../volume-controller/slots.js'
import { volumeLooks } from '../volume-controller/looks.js'
import { Reconciler } from '../volume-controller/reconciler.js'
import { operationSagas } from '../volume-controller/sagas.js'
import { type VolumedLink } from '../volumes/client.js'
import { pause, wallClock } from './clock.js'

export interface VolumePeers {
  readonly cloud: ConfiguredVolumes
  readonly volumed: VolumedLink
  readonly slots: VolumeSlots
}

const defaultIdleDetachSeconds = 3600
const lookLimitMs = 10_000

export const idleDetachMs = (config: OmaConfig): number =>
  (config.idle_detach_seconds ?? defaultIdleDetachSeconds) * 1000

/** The disks this appliance can have. */
export function applianceSlots(
  db: Database,
  { cloud, volumed }: Omit<VolumePeers, 'slots'>,
  config: OmaConfig,
  onWork: () => void,
  logger: Logger,
): VolumeSlots {
  const idleMs = idleDetachMs(config)
  const store = volumeSlots(db)
  return new VolumeSlots({
    cloud,
    store: { ...store, idleReplicas: async () => unread(volumed, await store.idleReplicas()) },
    request: operationAdmin(db, wallClock).request,
    onWork,
    lookMs: 250,
    waitMs: 120_000,
    idleMs,
    now: wallClock,
    pause,
    logger,
  })
}

/** A volume whose point is exported is not idle. */
async function unread(
  { points }: Pick<VolumedLink, 'points'>,
  replicas: readonly IdleReplica[],
): Promise<readonly IdleReplica[]> {
  if (replicas.length === 0) return []
  const read = await points.exports(AbortSignal.timeout(lookLimitMs))
  return replicas.filter(({ id }) => !read.some(one => one.volumeSerial === serialOfVolume(id)))
}

/** Whatever comes to this appliance takes one of its places. */
const admitted = (cloud: ConfiguredVolumes, slots: VolumeSlots): ConfiguredVolumes => ({
  ...cloud,
  attachTo: async (id, vm, place, signal) =>
    place === 'data' && vm === (await cloud.applianceVmId())
      ? slots.attach(id, signal)
      : cloud.attachTo(id, vm, place, signal),
})

/** Of operations on volumes; how patient they are follows what CloudStack is given to settle. */
export function volumeSagaKinds(
  db: Database,
  { cloud, volumed, slots }: VolumePeers,
  settleMs: number,
  logger: Logger,
): readonly SagaKind[] {
  const deps = {
    store: volumeOperations(db, wallClock),
    cloud: admitted(cloud, slots),
    daemon: volumed,
    timing: { lookMs: 250, deviceLimitMs: 60_000, patienceMs: 20 * settleMs, settleMs },
    now: wallClock,
    pause,
    logger,
  }
  return operationSagas.map(saga => sagaKind(saga, deps))
}

const defaultOrphanAgeSeconds = 86_400

/** What the operator's API does with volumes. */
export function volumeControl(
  db: Database,
  { cloud, volumed }: Omit<VolumePeers, 'slots'>,
  config: OmaConfig,
  onWork: () => void,
  logger: Logger,
): { readonly control: VolumeControl; readonly reconciler: Reconciler } {
  const admin = operationAdmin(db, wallClock)
  const reconciler = new Reconciler({
    cloud,
    daemon: {
      ...volumed,
      mendNames: async signal => {
        const { made, repaired, dropped } = await volumed.mendNames(signal)
        return { made, repaired, dropped }
      },
    },
    store: volumeFindings(db, wallClock),
    request: admin.request,
    onWork,
    orphanAgeMs: (config.orphan_age_seconds ?? defaultOrphanAgeSeconds) * 1000,
    removesByItself: config.remove_orphans ?? false,
    now: wallClock,
    logger,
  })
  const looks = volumeLooks({ cloud, daemon: volumed, recorded: recordedVolumes(db) })
  return { control: { admin, views: operationViews(db), looks, orphans: reconciler }, reconciler }
}
