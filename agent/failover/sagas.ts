import { type FailoverKind } from '../domain/failover.js'
import { type SagaDefinition } from '../saga/step.js'
import { type FailoverDeps } from './deps.js'
import { type FailoverInput } from './step.js'
import {
  cloneVolumes,
  deleteClones,
  deleteSnapshots,
  releaseReplicas,
  takeSnapshots,
} from './steps/clones.js'
import { beginClosing, commit, endCleanedUp, endCommitted, endRolledBack } from './steps/close.js'
import { finalPass, lastPass } from './steps/passes.js'
import { guardSource, powerOnSource, shutDownSource } from './steps/source.js'
import { begin, choosePoint, takeTurn, validate } from './steps/start.js'
import {
  checkBoot,
  checkNetworks,
  createMachine,
  deleteMachine,
  nameMachine,
  openWindow,
  removeTemplateRoot,
  startMachine,
  stopMachine,
} from './steps/target.js'
import { attachVolumes, detachVolumes, reattachVolumes, releaseVolumes } from './steps/volumes.js'

export type FailoverSaga = SagaDefinition<FailoverDeps, FailoverInput>

/** A VM without a disk, on its networks, off. */
const shell = [createMachine, removeTemplateRoot, checkNetworks]
const boot = [attachVolumes, startMachine, checkBoot, openWindow]
/** Whatever has the volumes lets them go, and they come back here. */
const takeBack = [detachVolumes, reattachVolumes, deleteMachine]

/** Until the window is open a failure, or the operator, undoes everything, newest first. */
export const startingSagas: Readonly<Record<FailoverKind, FailoverSaga>> = {
  test: {
    kind: 'failover-test',
    steps: [
      begin,
      takeTurn,
      validate,
      choosePoint,
      takeSnapshots,
      releaseReplicas,
      cloneVolumes,
      ...shell,
      ...boot,
    ],
    commitStep: openWindow.name,
  },
  live: {
    kind: 'failover-live',
    steps: [
      begin,
      takeTurn,
      validate,
      lastPass,
      ...shell,
      shutDownSource,
      finalPass,
      choosePoint,
      releaseVolumes,
      ...boot,
    ],
    commitStep: openWindow.name,
  },
  unplanned: {
    kind: 'failover-unplanned',
    steps: [begin, takeTurn, validate, choosePoint, guardSource, ...shell, releaseVolumes, ...boot],
    commitStep: openWindow.name,
  },
}

export type ClosingAction = 'commit' | 'roll-back' | 'clean-up'

/** What closes a failover whose window is open. All but a commit only go forward: each step is tried until it is done. */
export const closingSagas: Readonly<Record<ClosingAction, FailoverSaga>> = {
  commit: {
    kind: 'failover-commit',
    steps: [beginClosing, guardSource, commit, nameMachine, endCommitted],
    commitStep: commit.name,
  },
  'roll-back': {
    kind: 'failover-rollback',
    steps: [beginClosing, stopMachine, powerOnSource, ...takeBack, endRolledBack],
    commitStep: beginClosing.name,
  },
  'clean-up': {
    kind: 'failover-cleanup',
    steps: [
      beginClosing,
      stopMachine,
      detachVolumes,
      deleteMachine,
      deleteClones,
      deleteSnapshots,
      endCleanedUp,
    ],
    commitStep: beginClosing.name,
  },
}

export const failoverSagas: readonly FailoverSaga[] = [
  ...Object.values(startingSagas),
  ...Object.values(closingSagas),
]
