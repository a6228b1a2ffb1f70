import { randomUUID } from 'node:crypto'
import { type Test } from 'tap'
import {
  serialOfVolume,
  snapshotId,
  targetVmId,
  volumeId,
  type SnapshotId,
  type TargetVmId,
  type VolumeId,
} from '../../../agent/domain/ids.js'
import { AppError } from '../../../agent/errors.js'
import { runSaga } from '../../../agent/saga/engine.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { operationAdmin } from '../../../agent/store/volume-operation-admin.js'
import { operationViews } from '../../../agent/store/volume-operation-views.js'
import { volumeOperations } from '../../../agent/store/volume-operations.js'
import {
  type CloudSnapshot,
  type CloudVolume,
  type ControllerDeps,
} from '../../../agent/volume-controller/deps.js'
import { type VolumeRequest } from '../../../agent/volume-controller/operation.js'
import { operationSagas } from '../../../agent/volume-controller/sagas.js'
import { startMariadb } from '../../lib/mariadb.js'
import { aHolder, silent } from '../../lib/saga-harness.js'

export const here = targetVmId('00000000-0000-4000-8000-000000000001')
export const elsewhere = targetVmId('00000000-0000-4000-8000-000000000002')
export const gib = 1024n ** 3n
const never = new AbortController().signal
const now = (): Date => new Date()

/** A cloud and a daemon in memory; each call is recorded, and may be made to fail before it acts. */
export class FakeSite {
  readonly volumes = new Map<VolumeId, CloudVolume>()
  readonly snapshots = new Map<SnapshotId, CloudSnapshot>()
  readonly calls: string[] = []
  /** Called before each call that changes something. */
  fault: (call: string) => void = () => undefined
  /** Devices stay when their volume is detached. */
  sticky = false
  readonly devices = new Set<VolumeId>()
  readonly tokens: bigint[] = []

  add(more: Partial<CloudVolume> = {}): VolumeId {
    const id = volumeId(randomUUID())
    const bare = {
      id,
      name: `ossea-${id}`,
      sizeBytes: gib,
      vmId: undefined,
      deviceId: undefined,
      isOurs: true,
    }
    this.volumes.set(id, { ...bare, ...more })
    if (more.vmId === here) this.devices.add(id)
    return id
  }

  addSnapshot(volume: VolumeId, more: Partial<CloudSnapshot> = {}): SnapshotId {
    const id = snapshotId(randomUUID())
    const name = `ossea-set-${randomUUID()}-${volume}`
    this.snapshots.set(id, { id, name, volumeId: volume, isOurs: true, ...more })
    return id
  }

  act(call: string): void {
    this.calls.push(call)
    this.fault(call)
  }

  place(id: VolumeId, vm: TargetVmId | undefined, deviceId: number | undefined): void {
    const volume = this.volumes.get(id)
    if (volume === undefined) throw new AppError('VOLUME_UNKNOWN', id)
    this.volumes.set(id, { ...volume, vmId: vm, deviceId })
    if (vm === here) this.devices.add(id)
    else if (!this.sticky) this.devices.delete(id)
  }

  readonly cloud: ControllerDeps['cloud'] = {
    applianceVmId: () => Promise.resolve(here),
    find: id => Promise.resolve(this.volumes.get(id)),
    all: () => Promise.resolve([...this.volumes.values()]),
    findByName: name =>
      Promise.resolve([...this.volumes.values()].filter(one => one.name === name).map(({ id }) => id)),
    ofVm: vm => Promise.resolve([...this.volumes.values()].filter(one => one.vmId === vm)),
    ensure: async (name, sizeBytes) => {
      this.act('create')
      const known = [...this.volumes.values()].find(one => one.name === name)
      const made = known ?? this.volumes.get(this.add({ name, sizeBytes }))
      this.fault('created')
      if (made === undefined) throw new Error('not made')
      return made
    },
    attachTo: async (id, vm, place) => {
      this.act('attach')
      const found = this.volumes.get(id)?.vmId
      if (found !== undefined && found !== vm) throw new AppError('VOLUME_BUSY', id)
      this.place(id, vm, place === 'root' ? 0 : 1)
    },
    detachFrom: async (id, vm) => {
      this.act('detach')
      const found = this.volumes.get(id)?.vmId
      if (found !== undefined && found !== vm) throw new AppError('VOLUME_BUSY', id)
      if (found !== undefined) this.place(id, undefined, undefined)
    },
    remove: async id => {
      this.act('remove')
      this.volumes.delete(id)
    },
    allSnapshots: () => Promise.resolve([...this.snapshots.values()]),
    removeSnapshot: async id => {
      this.act('remove-snapshot')
      this.snapshots.delete(id)
    },
    ensureStopped: async () => this.act('stop'),
  }

  readonly daemon: ControllerDeps['daemon'] = {
    close: async (_id, fence) => {
      this.act('close')
      this.tokens.push(fence)
    },
    devices: async () => ({
      items: [...this.devices].map(id => ({
        serial: serialOfVolume(id),
        path: `/dev/${id}`,
        name: `vol${serialOfVolume(id)}`,
        sizeBytes: gib,
      })),
      doubts: [],
    }),
    exports: async () => [],
    mendNames: async () => ({ named: [...this.devices] }),
  }
}

export async function database(t: Test): Promise<Database> {
  const { db } = await startMariadb(t)
  await migrate(db)
  return db
}

/** Operations over a real database, run as the agent runs them. */
export function stand(db: Database, patienceMs = 200) {
  const site = new FakeSite()
  const store = volumeOperations(db, now)
  const pause = () => new Promise<void>(resolve => setTimeout(resolve, 1))
  const deps: ControllerDeps = {
    store,
    cloud: site.cloud,
    daemon: site.daemon,
    timing: { lookMs: 1, deviceLimitMs: 20, patienceMs, settleMs: 1 },
    now,
    pause,
    logger: silent,
  }
  const log = sagaLog(db, now, aHolder)
  const options = { log, logger: silent, pause, retryFirstMs: 1, retryMaxMs: 1, triesBeforeOperator: 3 }
  const admin = operationAdmin(db, now)
  const ask = async (request: VolumeRequest, key: string = randomUUID()): Promise<string> =>
    (await admin.request(key, request)).id
  const run = async (id: string, signal = never): Promise<string> => {
    const row = await db<{ id: string; saga_id: string }>('volume_operations').where({ id }).first()
    const held = await log.claim(row?.saga_id ?? '')
    if (held === undefined) throw new Error('the saga is done')
    const saga = operationSagas.find(one => one.kind === held.record.kind)
    if (saga === undefined) throw new Error(`no saga ${held.record.kind}`)
    return (await runSaga(options, saga, deps, held, { stop: signal, cancel: never })).kind
  }
  const view = (id: string) => operationViews(db).operation(id)
  /** Asks, runs to the end, and gives the state or the code of the failure. */
  const operate = async (request: VolumeRequest): Promise<string> => {
    const id = await ask(request)
    await run(id)
    const { state, failure } = await view(id)
    return failure?.code ?? state
  }
  return { site, store, ask, run, view, operate }
}
