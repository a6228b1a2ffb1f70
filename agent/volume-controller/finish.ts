import { operationId, type VolumeId } from '../domain/ids.js'
import { operationVolumeName } from '../domain/names.js'
import { type Step } from '../saga/step.js'
import { type CloudVolume, type ControllerDeps } from './deps.js'
import { type Outcome } from './operation.js'
import { patiently } from './patience.js'
import { createVolume, proveDevice, vmOf, type OperationContext, type OperationInput } from './steps.js'

/** What the operation makes true, without a look at whether it still is. */
async function outcomeOf(deps: ControllerDeps, context: OperationContext): Promise<Outcome> {
  const { id, request } = await deps.store.operation(operationId(context.input.operationId))
  switch (request.kind) {
    case 'create': {
      const { sizeBytes } = context.outputOf(createVolume)
      return {
        kind: 'made',
        name: operationVolumeName(id, request.label),
        sizeBytes: BigInt(sizeBytes),
      }
    }
    case 'attach':
    case 'attach-root':
      return {
        kind: 'attached',
        vmId: await vmOf(deps, request),
        devicePath: context.savedOutputOf(proveDevice)?.path ?? null,
      }
    case 'clean-up':
      return {
        kind: 'attached',
        vmId: await deps.cloud.applianceVmId(),
        devicePath: context.outputOf(proveDevice).path,
      }
    case 'detach':
      return { kind: 'detached' }
    case 'delete':
      return { kind: 'deleted' }
    case 'revoke':
      return { kind: 'revoked' }
    case 'delete-snapshot':
      return { kind: 'snapshot-deleted' }
  }
}

export const finish: Step<ControllerDeps, OperationInput, null> = {
  name: 'finish',
  title: 'Record what is true now',
  run: async (deps, context) => {
    const id = operationId(context.input.operationId)
    // Recorded just before a crash: what is true now may be the work of a newer operation.
    if ((await deps.store.operation(id)).state === 'succeeded') return null
    await deps.store.succeed(id, await outcomeOf(deps, context))
    return null
  },
}

/**
 * A job of CloudStack that was given up, or somebody else, can change the volume after all. So it is looked at once more
 * when such jobs have settled; what differs is recorded and told, never mended: somebody may have wanted it.
 */
export const lookAgain: Step<ControllerDeps, OperationInput, null> = {
  name: 'look-again',
  title: 'See that it stayed true',
  run: async (deps, context) => {
    const { store, cloud, timing, pause, logger } = deps
    const id = operationId(context.input.operationId)
    const { volumeId } = await store.operation(id)
    if (volumeId === null) return null
    await pause(timing.settleMs, context.signal)
    context.signal.throwIfAborted()
    const wanted = await outcomeOf(deps, context)
    const found = await patiently(deps, context.signal, () => cloud.find(volumeId, context.signal))
    const drift = (await twins(deps, context, wanted)) ?? driftBetween(volumeId, wanted, found)
    // What a newer operation changed is no drift; and it may have begun while we looked.
    if (drift === undefined || !(await store.isNewest(id))) return null
    await store.noteDrift(id, drift)
    logger.error({ operation: id, volume: volumeId, drift }, 'volume changed after its operation')
    return null
  },
}

/** A create that CloudStack carried out twice, where a list that lagged behind hid the second volume. */
async function twins(deps: ControllerDeps, { signal }: OperationContext, wanted: Outcome) {
  if (wanted.kind !== 'made') return undefined
  const named = await patiently(deps, signal, () => deps.cloud.findByName(wanted.name, signal))
  return named.length > 1
    ? `${named.length} volumes are named ${wanted.name}: ${named.join(', ')}`
    : undefined
}

/** Undefined: it is as it was made. */
export function driftBetween(
  volume: VolumeId,
  wanted: Outcome,
  found: CloudVolume | undefined,
): string | undefined {
  const place =
    found === undefined ? 'gone' : found.vmId === undefined ? 'detached' : `attached to VM ${found.vmId}`
  const told = (should: string): string | undefined =>
    place === should ? undefined : `volume ${volume} should be ${should} and is ${place}`
  switch (wanted.kind) {
    case 'made':
      return found === undefined ? told('there') : undefined
    case 'attached':
      return told(`attached to VM ${wanted.vmId}`)
    case 'detached':
      // Deleted by somebody else it is detached as well.
      return found === undefined ? undefined : told('detached')
    case 'deleted':
      return told('gone')
    case 'revoked':
    case 'snapshot-deleted':
      return undefined
  }
}
