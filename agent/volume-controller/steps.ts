import { operationVolumeName } from '../domain/names.js'
import { operationId, serialOfVolume, type TargetVmId, type VolumeId } from '../domain/ids.js'
import { type Json } from '../domain/json.js'
import { AppError } from '../errors.js'
import { type Step, type StepContext } from '../saga/step.js'
import { type ControllerDeps } from './deps.js'
import { type Operation, type VolumeRequest } from './operation.js'
import { lookFor } from '../saga/look-for.js'
import { patiently } from './patience.js'

/** The operation is recorded before the saga starts. */
export type OperationInput = { readonly operationId: string }
export type OperationContext = StepContext<ControllerDeps, OperationInput>
type OperationStep<Output extends Json> = Step<ControllerDeps, OperationInput, Output>

const operationOf = ({ store }: ControllerDeps, { input }: OperationContext): Promise<Operation> =>
  store.operation(operationId(input.operationId))

/** A request on a volume that is there already. */
type OnVolume = Exclude<VolumeRequest, { kind: 'create' }>

export async function onVolume(deps: ControllerDeps, context: OperationContext): Promise<OnVolume> {
  const { request } = await operationOf(deps, context)
  if (request.kind === 'create') throw new Error(`operation ${context.input.operationId} has no volume yet`)
  return request
}

/** The VM of a request, or this appliance. */
export async function vmOf(deps: ControllerDeps, request: OnVolume): Promise<TargetVmId> {
  const named = 'vmId' in request ? request.vmId : null
  return named ?? (await deps.cloud.applianceVmId())
}

/** Undone last: an operation is called failed only when nothing of it is under way. */
export const takeTurn: OperationStep<null> = {
  name: 'take-turn',
  title: 'Wait for older operations on the volume',
  run: async ({ store, pause, timing }, { input, signal }) => {
    const id = operationId(input.operationId)
    while (!(await store.isFirst(id))) {
      await pause(timing.lookMs, signal)
      signal.throwIfAborted()
    }
    await store.begin(id)
    return null
  },
  undo: ({ store }, { input, failure }) => {
    if (failure === undefined) throw new Error(`operation ${input.operationId} is undone without a failure`)
    return store.fail(operationId(input.operationId), failure)
  },
}

/** What wants the volume gone from somewhere is content when there is none. */
const goneWillDo: ReadonlySet<VolumeRequest['kind']> = new Set(['detach', 'delete', 'revoke'])

/** Nothing is done to a volume that neither this product made nor a replication job was given. */
export const checkOwner: OperationStep<null> = {
  name: 'check-owner',
  title: 'See that the volume is ours',
  run: async (deps, context) => {
    const { store, cloud } = deps
    const request = await onVolume(deps, context)
    const volume = await patiently(deps, context.signal, () => cloud.find(request.volumeId, context.signal))
    if (volume === undefined && goneWillDo.has(request.kind)) return null
    if (volume === undefined)
      throw new AppError('VOLUME_UNKNOWN', `CloudStack has no volume ${request.volumeId}`)
    // Between its creation and its tag a volume has only its name to show whose it is.
    const isOurs = volume.isOurs || (await store.isOfOurs(volume.name))
    if (!isOurs && (request.kind === 'delete' || !(await store.isReplica(volume.id))))
      throw new AppError('VOLUME_NOT_OURS', `${request.kind} of volume ${volume.id} (${volume.name})`)
    return null
  },
}

export const createVolume: OperationStep<{ readonly sizeBytes: string }> = {
  name: 'create-volume',
  title: 'Create the volume',
  run: async (deps, context) => {
    const { id, request } = await operationOf(deps, context)
    if (request.kind !== 'create') throw new Error(`operation ${id} creates nothing`)
    const name = operationVolumeName(id, request.label)
    const made = await patiently(deps, context.signal, () =>
      deps.cloud.ensure(name, request.sizeBytes, context.signal),
    )
    await deps.store.recordVolume(id, made.id)
    return { sizeBytes: made.sizeBytes.toString() }
  },
  undo: async (deps, context) => {
    const { id, request } = await operationOf(deps, context)
    if (request.kind !== 'create') return
    const name = operationVolumeName(id, request.label)
    await patiently(deps, context.signal, async () => {
      for (const left of await deps.cloud.findByName(name, context.signal))
        await deps.cloud.remove(left, context.signal)
    })
  },
}

export const attachVolume: OperationStep<null> = {
  name: 'attach-volume',
  title: 'Attach the volume',
  run: async (deps, context) => {
    const request = await onVolume(deps, context)
    const vm = await vmOf(deps, request)
    const place = request.kind === 'attach-root' ? 'root' : 'data'
    await patiently(deps, context.signal, () =>
      deps.cloud.attachTo(request.volumeId, vm, place, context.signal),
    )
    return null
  },
}

/** Nobody may write any more, and what was written is durable, before the volume leaves. */
export const revokeExport: OperationStep<null> = {
  name: 'revoke-export',
  title: 'End the export and flush the device',
  run: async (deps, context) => {
    const request = await onVolume(deps, context)
    const fence = await deps.store.nextFence(context.claim)
    await patiently(deps, context.signal, () => closed(deps, context, request, fence))
    return null
  },
}

async function closed(
  { daemon, logger }: ControllerDeps,
  { signal }: OperationContext,
  request: OnVolume,
  fence: Parameters<ControllerDeps['daemon']['close']>[1],
): Promise<void> {
  try {
    await daemon.close(request.volumeId, fence, signal)
  } catch (error) {
    // Of a volume that is about to be deleted nobody needs the data.
    const mayBeLost = request.kind === 'delete'
    if (!mayBeLost || !(error instanceof AppError) || error.code !== 'TARGET_FLUSH_FAILED') throw error
    logger.warn({ volume: request.volumeId, err: error }, 'volume deleted without its last writes')
  }
}

export const stopVm: OperationStep<null> = {
  name: 'stop-vm',
  title: 'Stop the VM that has the volume',
  run: async (deps, context) => {
    const vm = await vmOf(deps, await onVolume(deps, context))
    await patiently(deps, context.signal, () => deps.cloud.ensureStopped(vm, context.signal))
    return null
  },
}

export const detachVolume: OperationStep<null> = {
  name: 'detach-volume',
  title: 'Detach the volume',
  run: async (deps, context) => {
    const request = await onVolume(deps, context)
    const vm = await vmOf(deps, request)
    await patiently(deps, context.signal, () => deps.cloud.detachFrom(request.volumeId, vm, context.signal))
    return null
  },
}

export const bringBack: OperationStep<null> = {
  name: 'bring-back',
  title: 'Attach the volume to this appliance',
  run: async (deps, context) => {
    const { volumeId: volume } = await onVolume(deps, context)
    const vm = await deps.cloud.applianceVmId()
    await patiently(deps, context.signal, () => deps.cloud.attachTo(volume, vm, 'data', context.signal))
    return null
  },
}

/** What CloudStack says is not enough: the device itself has to be gone. */
export const seeDeviceGone: OperationStep<null> = {
  name: 'see-device-gone',
  title: 'See that the device is gone',
  run: async (deps, context) => {
    const { volumeId: volume } = await onVolume(deps, context)
    const { deviceLimitMs } = deps.timing
    const gone = await lookFor(deps, context.signal, deviceLimitMs, async () =>
      (await deviceOf(deps, context, volume)) === undefined ? true : undefined,
    )
    if (gone === undefined)
      throw new AppError(
        'VOLUME_STILL_PRESENT',
        `volume ${volume}, ${deviceLimitMs} ms after it was detached`,
      )
    await patiently(deps, context.signal, () => deps.daemon.mendNames(context.signal))
    return null
  },
}

/** The serial proves which device it is; null: the volume went to another VM. */
export const proveDevice: OperationStep<{ readonly path: string | null }> = {
  name: 'prove-device',
  title: 'Prove the device by its serial',
  run: async (deps, context) => {
    const request = await onVolume(deps, context)
    const { volumeId: volume } = request
    const isHere =
      request.kind === 'clean-up' || (await vmOf(deps, request)) === (await deps.cloud.applianceVmId())
    if (!isHere) return { path: null }
    const { deviceLimitMs } = deps.timing
    const device = await lookFor(deps, context.signal, deviceLimitMs, () => deviceOf(deps, context, volume))
    if (device === undefined)
      throw new AppError(
        'VOLUME_UNKNOWN',
        `volume ${volume} has no device ${deviceLimitMs} ms after attaching`,
      )
    await patiently(deps, context.signal, () => deps.daemon.mendNames(context.signal))
    return { path: device.path }
  },
}

export const deleteVolume: OperationStep<null> = {
  name: 'delete-volume',
  title: 'Delete the volume',
  run: async (deps, context) => {
    const { volumeId: volume } = await onVolume(deps, context)
    await patiently(deps, context.signal, () => deps.cloud.remove(volume, context.signal))
    return null
  },
}

/** The tag on the snapshot says whose it is; its volume may be gone. */
export const deleteSnapshot: OperationStep<null> = {
  name: 'delete-snapshot',
  title: 'Delete the snapshot',
  run: async (deps, context) => {
    const request = await onVolume(deps, context)
    if (request.kind !== 'delete-snapshot')
      throw new Error(`operation ${context.input.operationId} deletes no snapshot`)
    await patiently(deps, context.signal, () => deps.cloud.removeSnapshot(request.snapshotId, context.signal))
    return null
  },
}

/** Rejects with VOLUME_IDENTITY_MISMATCH when something carries the serial without being proven. */
async function deviceOf(deps: ControllerDeps, { signal }: OperationContext, volume: VolumeId) {
  const serial = serialOfVolume(volume)
  const { items, doubts } = await patiently(deps, signal, () => deps.daemon.devices(signal))
  const doubt = doubts.find(one => one.serial === serial)
  if (doubt !== undefined) throw new AppError('VOLUME_IDENTITY_MISMATCH', `volume ${volume}: ${doubt.why}`)
  return items.find(device => device.serial === serial)
}
