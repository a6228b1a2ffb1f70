import { type CloudstackConnection } from '../cloudstack/connection.js'
import { targetFacts } from '../cloudstack/target-facts.js'
import { type OmaConfig } from '../config/schema.js'
import { usualOptions, type FailoverKind, type FailoverOptions } from '../domain/failover.js'
import { jobId, serialOfVolume, sourceVmId, targetVmId } from '../domain/ids.js'
import { type Appliance, type FailoverDeps, type TargetCloud } from '../failover/deps.js'
import { closeExpired } from '../failover/expiry.js'
import { explain, explainClosing } from '../failover/explain.js'
import { explanationView } from '../failover/explanation-view.js'
import { mappingView, namedMappings } from '../failover/mappings.js'
import { patientCloud } from '../failover/patient-cloud.js'
import { preflight } from '../failover/preflight.js'
import { failoverSagas, type ClosingAction } from '../failover/sagas.js'
import { sourceMachine } from '../failover/source-machine.js'
import { type FailoverControl } from '../http/failover-deps.js'
import { type Logger } from '../log/logger.js'
import { type TaskBoard } from '../replication/tasks/board.js'
import { type TaskBoardStore } from '../replication/tasks/deps.js'
import { sagaKind, type SagaKind, type SagaRunner } from '../saga/runner.js'
import { type Database } from '../store/database.js'
import { failoverAdmin, failoverJobOf } from '../store/failover-admin.js'
import { networkMappings } from '../store/failover-networks.js'
import { replicaPoints } from '../store/failover-source.js'
import { failoverViews, measuredSteps } from '../store/failover-views.js'
import { expiredTests, failoverStore } from '../store/failovers.js'
import { type VolumeSlots } from '../volume-controller/slots.js'
import { type VolumedLink } from '../volumes/client.js'
import { pause, wallClock } from './clock.js'
import { Periodic } from './periodic.js'

export interface FailoverPeers {
  readonly board: TaskBoard
  readonly tasks: Pick<TaskBoardStore, 'forgetOwner'>
  readonly connection: CloudstackConnection
  readonly volumed: VolumedLink
  readonly slots: VolumeSlots
  /** Of the saga runner, which exists only after its sagas. */
  readonly runner: () => Pick<SagaRunner, 'poke' | 'cancel' | 'retryParked'>
}

const defaultBootSeconds = 300
const defaultSteadySeconds = 20
const defaultSourceSettleSeconds = 120
const expiryLookMs = 30_000

/** What the sagas of failovers need. */
export function failoverDeps(
  db: Database,
  config: OmaConfig,
  peers: FailoverPeers,
  settleMs: number,
  logger: Logger,
): FailoverDeps {
  const { board, tasks, connection, runner } = peers
  const timing = { lookMs: 250, patienceMs: 20 * settleMs }
  return {
    store: failoverStore(db, wallClock),
    points: replicaPoints(db),
    source: sourceMachine({ board, tasks, pause }),
    cloud: patientCloud(targetCloud(connection), { now: wallClock, pause, timing }),
    appliance: appliance(peers),
    onWork: () => runner().poke(),
    onCancel: saga => runner().cancel(saga),
    timing: {
      lookMs: 250,
      deviceLimitMs: 60_000,
      bootLimitMs: (config.failover?.boot_seconds ?? defaultBootSeconds) * 1000,
      bootSteadyMs: (config.failover?.steady_seconds ?? defaultSteadySeconds) * 1000,
      sourceLookMs: 30_000,
      sourceGoneMs: 5_000,
      sourceSettleMs: (config.failover?.source_settle_seconds ?? defaultSourceSettleSeconds) * 1000,
    },
    now: wallClock,
    pause,
    logger,
  }
}

export const failoverSagaKinds = (deps: FailoverDeps): readonly SagaKind[] =>
  failoverSagas.map(saga => sagaKind(saga, deps))

function appliance({ volumed, slots }: FailoverPeers): Appliance {
  return {
    attach: (volume, signal) => slots.attach(volume, signal),
    closeExport: async (volume, fence, signal) => {
      await volumed.close(volume, fence, signal)
    },
    hasDevice: async (volume, signal) => {
      const serial = serialOfVolume(volume)
      const { items, doubts } = await volumed.devices(signal)
      return [...items, ...doubts].some(device => device.serial === serial)
    },
  }
}

/** CloudStack as it is configured when it is asked. */
function targetCloud(connection: CloudstackConnection): TargetCloud {
  const now = () => connection.current()
  return {
    facts: async signal => {
      const { api, configuration } = await now()
      return targetFacts(api, configuration.choice, signal)
    },
    applianceVmId: async () => targetVmId((await now()).configuration.choice.applianceVmId),
    volume: async (id, signal) => (await now()).volumes.find(id, signal),
    volumesOf: async (vm, signal) => (await now()).volumes.ofVm(vm, signal),
    snapshot: async (name, volume, signal) => (await now()).snapshots.ensure(name, volume, signal),
    snapshotsNamed: async (name, volume, signal) => (await now()).snapshots.findByName(name, volume, signal),
    removeSnapshot: async (id, signal) => (await now()).snapshots.remove(id, signal),
    clone: async (name, snapshot, signal) =>
      (await (await now()).volumes.ensureFrom(snapshot, name, signal)).id,
    volumesNamed: async (name, signal) => (await now()).volumes.findByName(name, signal),
    removeVolume: async (volume, signal) => (await now()).volumes.remove(volume, signal),
    deploy: async (mark, blueprint, signal) => (await now()).machines.deploy(mark, blueprint, signal),
    machinesMarked: async (mark, signal) => (await now()).machines.marked(mark, signal),
    machine: async (vm, signal) => (await now()).machines.find(vm, signal),
    discardRoot: async (vm, volume, signal) => (await now()).volumes.discardRoot(volume, vm, signal),
    attach: async (volume, vm, place, signal) => (await now()).volumes.attachTo(volume, vm, place, signal),
    detach: async (volume, vm, signal) => (await now()).volumes.detachFrom(volume, vm, signal),
    start: async (vm, signal) => (await now()).machines.start(vm, signal),
    stop: async (vm, signal) => {
      const { machines } = await now()
      if ((await machines.find(vm, signal)) !== undefined) await machines.ensureStopped(vm, signal)
    },
    destroy: async (vm, keep, signal) => (await now()).machines.destroy(vm, keep, signal),
    rename: async (vm, name, signal) => (await now()).machines.rename(vm, name, signal),
  }
}

/** What the operator's API does with failovers. */
export function failoverControl(db: Database, deps: FailoverDeps, peers: FailoverPeers): FailoverControl {
  const mappings = networkMappings(db, wallClock)
  const jobOf = (vm: string) => failoverJobOf(db, vm)
  const viewOf = async (vm: string) => {
    const job = await jobOf(vm)
    const { hardware } = await deps.store.source({ jobId: jobId(job.id), sourceVmId: sourceVmId(vm) })
    return mappingView(hardware?.nics ?? [], await mappings.of(vm))
  }
  return {
    admin: failoverAdmin(db, wallClock),
    views: failoverViews(db),
    networks: {
      of: viewOf,
      replace: async (vm, wanted, signal) => {
        await jobOf(vm)
        await mappings.replace(vm, namedMappings(wanted, (await deps.cloud.facts(signal)).networks))
        return viewOf(vm)
      },
    },
    explain: async (vm, kind, options, signal) =>
      explanation(db, deps, vm, await jobOf(vm), kind, options, signal),
    onWork: deps.onWork,
    onCancel: deps.onCancel,
    onRetry: saga => peers.runner().retryParked(saga),
  }
}

async function explanation(
  db: Database,
  deps: FailoverDeps,
  vm: string,
  job: { readonly id: string; readonly vmName: string },
  kind: FailoverKind,
  options: Partial<FailoverOptions>,
  signal: AbortSignal,
) {
  const request = {
    id: null,
    kind,
    jobId: jobId(job.id),
    sourceVmId: sourceVmId(vm),
    vmName: job.vmName,
    options: { ...usualOptions, ...options },
  }
  const measured = await measuredSteps(db, [`failover-${kind}`])
  const found = explain(request, await preflight(deps, request, signal), measured)
  const { plan } = found
  const actions: readonly ClosingAction[] = kind === 'test' ? ['clean-up'] : ['commit', 'roll-back']
  const ofClosing = await measuredSteps(db, ['failover-commit', 'failover-rollback', 'failover-cleanup'])
  const closing =
    plan === null
      ? []
      : actions.map(action => ({ action, steps: explainClosing(action, plan.facts, ofClosing) }))
  return explanationView(found, closing)
}

/** Tests whose time is up are cleaned up without being asked. */
export function failoverBackground(
  db: Database,
  control: FailoverControl,
  logger: Logger,
): readonly Periodic[] {
  const work = () => closeExpired({ expired: () => expiredTests(db, wallClock), ...control, logger })
  const onFailure = (error: unknown): void =>
    logger.warn({ err: error }, 'ended tests could not be cleaned up')
  return [new Periodic({ work, first: 'at-once', intervalMs: expiryLookMs, onFailure })]
}
