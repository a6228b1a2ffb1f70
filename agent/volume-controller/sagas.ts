import { type Json } from '../domain/json.js'
import { type SagaDefinition, type Step } from '../saga/step.js'
import { type ControllerDeps } from './deps.js'
import { finish, lookAgain } from './finish.js'
import { type OperationKind } from './operation.js'
import {
  attachVolume,
  bringBack,
  checkOwner,
  createVolume,
  deleteSnapshot,
  deleteVolume,
  detachVolume,
  proveDevice,
  revokeExport,
  seeDeviceGone,
  stopVm,
  takeTurn,
  type OperationInput,
} from './steps.js'

/** Nothing of ours writes to the volume, and it is attached to nobody. */
const release = [revokeExport, detachVolume, seeDeviceGone]

const work: Readonly<Record<OperationKind, readonly Step<ControllerDeps, OperationInput, Json>[]>> = {
  create: [createVolume],
  attach: [checkOwner, attachVolume, proveDevice],
  'attach-root': [checkOwner, attachVolume],
  detach: [checkOwner, ...release],
  delete: [checkOwner, ...release, deleteVolume],
  revoke: [checkOwner, revokeExport],
  'delete-snapshot': [deleteSnapshot],
  'clean-up': [checkOwner, stopVm, ...release, bringBack, proveDevice],
}

export const sagaKindOf = (kind: OperationKind): string => `volume-${kind}`

/**
 * One saga for each kind of operation. What failed is not taken back, except a volume that was being made: where a volume
 * was left shows in CloudStack, and the same request under a new key goes on from there.
 */
export const operationSagas: readonly SagaDefinition<ControllerDeps, OperationInput>[] = Object.entries(
  work,
).map(([kind, steps]) => ({
  kind: sagaKindOf(kind as OperationKind),
  steps: [takeTurn, ...steps, finish, lookAgain],
  commitStep: finish.name,
}))
