import { type ConfiguredVolumes } from '../cloudstack/configured.js'
import { type OmaConfig } from '../config/schema.js'
import { type VolumeId } from '../domain/ids.js'
import { type Logger } from '../log/logger.js'
import { passSaga } from '../replication/pass/saga.js'
import { sourceSite } from '../replication/source-site.js'
import { type TaskBoard } from '../replication/tasks/board.js'
import { restoreSaga } from '../replication/points/restore-saga.js'
import { verifySaga } from '../replication/verify/saga.js'
import { type SagaHolder } from '../saga/log.js'
import { SagaRunner, sagaKind, type SagaKind } from '../saga/runner.js'
import { type Database } from '../store/database.js'
import { passStore } from '../store/pass-store.js'
import { pointStore } from '../store/points.js'
import { sagaLog } from '../store/saga-log.js'
import { stagingStore } from '../store/staging.js'
import { verificationStore } from '../store/verifications.js'
import { type VolumeSlots } from '../volume-controller/slots.js'
import { type VolumedLink } from '../volumes/client.js'
import { monotonicMs, pause, wallClock } from './clock.js'

/** Longer than a restart of vCenter or of an appliance. */
const defaultCopyPatienceSeconds = 900

const usualSlowSnapshotSeconds = 60

/** Another agent takes over what this one left by dying so long after its last renewal. */
const defaultClaimSeconds = 15

interface Peers {
  readonly board: TaskBoard
  readonly volumed: VolumedLink
  readonly cloud: ConfiguredVolumes
  readonly slots: VolumeSlots
}

/** This agent among those that share the database. */
export const sagaHolder = (config: OmaConfig): SagaHolder => ({
  agent: config.agent_id ?? 'oma',
  leaseMs: (config.claim_seconds ?? defaultClaimSeconds) * 1000,
})

/** Runs every kind of saga of the OMA. */
export function sagaRunner(
  db: Database,
  config: OmaConfig,
  peers: Peers,
  others: readonly SagaKind[],
  logger: Logger,
): SagaRunner {
  const deps = {
    store: passStore(db, wallClock),
    source: sourceSite(peers.board),
    target: {
      ...peers.cloud,
      ensureAttached: (volume: VolumeId, signal: AbortSignal) => peers.slots.ensureAttached(volume, signal),
    },
    exports: peers.volumed,
    staging: stagingStore(db),
    staged: peers.volumed,
    points: pointStore(db, wallClock),
    daemon: peers.volumed.points,
    slowSnapshotSeconds: config.slow_snapshot_seconds ?? usualSlowSnapshotSeconds,
    logger,
    now: wallClock,
    pause,
    copyPatienceMs: (config.copy_patience_seconds ?? defaultCopyPatienceSeconds) * 1000,
  }
  const holder = sagaHolder(config)
  return new SagaRunner({
    log: sagaLog(db, wallClock, holder),
    logger,
    pause,
    retryFirstMs: 500,
    retryMaxMs: 30_000,
    triesBeforeOperator: 10,
    kinds: [
      sagaKind(passSaga, deps),
      sagaKind(restoreSaga, deps),
      sagaKind(verifySaga, { ...deps, verifications: verificationStore(db, wallClock) }),
      ...others,
    ],
    sweepMs: 2000,
    parkedRetryMs: 60_000,
    leaseMs: holder.leaseMs,
    now: monotonicMs,
  })
}
