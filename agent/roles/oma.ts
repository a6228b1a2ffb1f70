import { workerProtocol } from '../api/worker-version.js'
import { CloudstackAdmin } from '../cloudstack/admin.js'
import { configuredVolumes } from '../cloudstack/configured.js'
import { CloudstackConnection, type ConnectionOptions, type Timing } from '../cloudstack/connection.js'
import { credentialsFiles } from '../cloudstack/credentials-files.js'
import { type OmaConfig } from '../config/schema.js'
import { AppError } from '../errors.js'
import { listenOnSocket } from '../http-server/listen.js'
import { operatorApi } from '../http/operator-api.js'
import { workerApi } from '../http/worker-api.js'
import { type Logger } from '../log/logger.js'
import { preflight } from '../replication/preflight.js'
import { passSaga } from '../replication/pass/saga.js'
import { sourceSite } from '../replication/source-site.js'
import { TaskBoard } from '../replication/tasks/board.js'
import { type SagaRunner } from '../saga/runner.js'
import { SnapshotReaper } from '../replication/snapshot-reaper.js'
import { cloudstackConfiguration } from '../store/cloudstack-configuration.js'
import { cloudstackJournal } from '../store/cloudstack-journal.js'
import { recordOwnPlaces } from '../store/data-movers.js'
import { migrate, openDatabase, type Database } from '../store/database.js'
import { installationId } from '../store/installation.js'
import { jobAdmin } from '../store/job-admin.js'
import { leftSnapshots } from '../store/left-snapshots.js'
import { vmRemoval } from '../store/vm-removal.js'
import { managedVms } from '../store/managed-vms.js'
import { hardwareHistory } from '../store/vm-hardware.js'
import { vmPreflights } from '../store/vm-preflights.js'
import { pointStore } from '../store/points.js'
import { verificationAdmin } from '../store/verifications.js'
import { views } from '../store/views.js'
import { workerReports } from '../store/worker-reports.js'
import { tendingStore } from '../store/tending.js'
import { taskBoardStore } from '../store/worker-tasks.js'
import { volumedLink } from '../volumes/client.js'
import { monotonicMs, pause, wallClock } from './clock.js'
import { cloudstackTiming } from './cloudstack-timing.js'
import { machineIdentity } from './machine-identity.js'
import { failoverBackground, failoverControl, failoverDeps, failoverSagaKinds } from './oma-failover.js'
import { backgroundWork } from './oma-background.js'
import { sagaHolder, sagaRunner } from './oma-sagas.js'
import { schedulingOf } from './oma-schedules.js'
import { pointControl, pointTending } from './point-control.js'
import { type Role } from './role.js'
import { Tender } from './tender.js'
import { productVersion } from './version.js'
import { applianceSlots, volumeControl, volumeSagaKinds } from './volume-control.js'

/** A VMA that is silent for longer is lost; it heartbeats four times as often and asks for work every 20 s. */
const defaultLeaseSeconds = 30

/** An operator waits for it in front of a screen. */
const preflightLimitMs = 60_000

/** The agent's user, and the group that may use it. */
const socketMode = 0o660

/** The OMA: owns the database, runs sagas, asks VMAs for work, answers operators. */
export async function startOma(config: OmaConfig, logger: Logger, stop: AbortSignal): Promise<Role> {
  const db = openDatabase({
    socketPath: config.database.socket,
    user: config.database.user,
    database: config.database.name,
    poolSize: 10,
    onNotice: text => logger.warn({ text }, 'database notice'),
  })
  try {
    await migrateWhenUp(db, logger, stop)
    return await startWith(db, config, logger)
  } catch (error) {
    await db.destroy()
    throw error
  }
}

async function startWith(db: Database, config: OmaConfig, logger: Logger): Promise<Role> {
  const leaseMs = (config.lease_seconds ?? defaultLeaseSeconds) * 1000
  const tasks = taskBoardStore(db, wallClock)
  const board = new TaskBoard({
    store: tasks,
    logger,
    now: wallClock,
    pause,
    leaseMs,
    absentMs: 4 * leaseMs,
    lookMs: 500,
  })
  const volumed = volumedLink(config.volume_daemon.socket)
  const preflightStore = vmPreflights(db, wallClock)
  const verifications = verificationAdmin(db, wallClock)
  const configuration = cloudstackConfiguration(db, wallClock)
  const credentials = credentialsFiles(config.secrets_dir)
  await credentials.keepOnly((await configuration.read())?.credentialsRef)
  const timing = cloudstackTiming(config.cloudstack_settle_seconds)
  const stores = { configuration, credentials, installationId: await installationId(db) }
  const cloudstack = cloudstackConnection(db, stores, timing, logger)
  const cloud = configuredVolumes(cloudstack)
  await recordOwnPlaces(db, config.max_attached_volumes ?? null)
  const slots = applianceSlots(db, { cloud, volumed }, config, () => runner.poke(), logger)
  const volumes = { cloud, volumed, slots }
  const failoverPeers = { board, tasks, connection: cloudstack, volumed, slots, runner: () => runner }
  const failover = failoverDeps(db, config, failoverPeers, timing.settleMs, logger)
  const kinds = [...volumeSagaKinds(db, volumes, timing.settleMs, logger), ...failoverSagaKinds(failover)]
  const runner: SagaRunner = sagaRunner(db, config, { board, ...volumes }, kinds, logger)
  const { control, reconciler } = volumeControl(db, volumes, config, () => runner.poke(), logger)
  const pointParts = { points: pointStore(db, wallClock), daemon: volumed.points, slots, logger }
  const status = { version: productVersion(), now: wallClock, workerSilenceMs: Math.max(leaseMs, 30_000) }
  const schedules = schedulingOf(db, config, status, () => runner.poke(), logger)
  const failovers = failoverControl(db, failover, failoverPeers)
  const operator = operatorApi({
    views: views(db, { ...status, passSteps: passSaga.steps }),
    scheduling: schedules.scheduling,
    admin: jobAdmin(db, wallClock),
    managed: managedVms(db, wallClock),
    removal: vmRemoval(db, wallClock),
    hardware: hardwareHistory(db),
    preflights: {
      run: preflight({ board, tasks, store: preflightStore, limitMs: preflightLimitMs, pause }),
      last: preflightStore.last,
    },
    verifications,
    cloudstack: new CloudstackAdmin({
      connection: cloudstack,
      configuration,
      credentials,
      machine: () => machineIdentity(config.sysfs_dir ?? '/sys'),
      connectTimeoutMs: 10_000,
    }),
    volumes: control,
    points: pointControl(db, pointParts),
    failovers,
    onWork: () => runner.poke(),
    onCancel: saga => runner.cancel(saga),
    onRetry: saga => runner.retryParked(saga),
    logger,
  })
  const worker = workerApi({
    tasks,
    reports: workerReports(db, wallClock),
    board,
    leaseMs,
    version: { product: productVersion(), protocol: workerProtocol },
    logger,
  })
  const reaper = new SnapshotReaper({
    left: leftSnapshots(db),
    source: sourceSite(board),
    tasks,
    logger,
  })
  const onWork = (): void => runner.poke()
  const holder = sagaHolder(config)
  const store = tendingStore(db, holder)
  const tender = new Tender({ store, leaseMs: holder.leaseMs, now: monotonicMs, pause, logger })
  const background = [
    ...backgroundWork(config, { reaper, reconciler, slots, verifications, tender, onWork, logger }),
    pointTending(pointParts, tender),
    ...failoverBackground(db, failovers, logger),
    schedules.work,
  ]
  const close = async (): Promise<void> => {
    await Promise.all([operator.close(), worker.close()])
    await Promise.all([runner.stop(), ...background.map(work => work.stop())])
    await tender.stop()
    await board.stop()
    await volumed.disconnect()
    await cloudstack.close()
    await db.destroy()
  }
  await listenOnSocket(worker, config.api.worker_socket, socketMode)
  await listenOnSocket(operator, config.api.operator_socket, socketMode)
  board.start()
  runner.start()
  tender.start()
  for (const work of background) work.start()
  return { close }
}

function cloudstackConnection(
  db: Database,
  stores: Pick<ConnectionOptions, 'configuration' | 'credentials' | 'installationId'>,
  timing: Timing,
  logger: Logger,
): CloudstackConnection {
  return new CloudstackConnection({
    ...stores,
    journal: cloudstackJournal(db, wallClock),
    timing,
    now: wallClock,
    pause,
    logger,
  })
}

/** A database that is not up yet is waited for; one that cannot be brought up to date ends the start. */
async function migrateWhenUp(db: Database, logger: Logger, stop: AbortSignal): Promise<void> {
  for (;;) {
    stop.throwIfAborted()
    try {
      await migrate(db)
      return
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STORE_UNAVAILABLE') throw error
      logger.warn({ err: error }, 'waiting for the database')
    }
    await pause(1000, stop)
  }
}
