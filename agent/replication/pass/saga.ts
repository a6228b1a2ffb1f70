import { type SagaDefinition } from '../../saga/step.js'
import { type PassDeps } from '../deps.js'
import { giveUpPoints, keepPoints, settlePoints } from '../points/pass-steps.js'
import { begin } from './begin.js'
import { chooseWayStep } from './choose-way.js'
import { commit } from './commit.js'
import { type PassInput } from './context.js'
import { copyDisks } from './copy-disks.js'
import { inspectSource } from './inspect-source.js'
import { closeExports, openExports } from './open-exports.js'
import { prepareVolumes } from './prepare-volumes.js'
import { removeSnapshot } from './remove-snapshot.js'
import { applyStaged, dropStaging } from './staged-steps.js'
import { takeSnapshot } from './take-snapshot.js'
import { verifyStaged } from './verify-staged.js'

/** One pass of a replication job, from the intent to the confirmed removal of its snapshot. */
export const passSaga: SagaDefinition<PassDeps, PassInput> = {
  kind: 'pass',
  steps: [
    begin,
    inspectSource,
    prepareVolumes,
    takeSnapshot,
    chooseWayStep,
    giveUpPoints,
    openExports,
    copyDisks,
    closeExports,
    verifyStaged,
    commit,
    keepPoints,
    applyStaged,
    settlePoints,
    dropStaging,
    removeSnapshot,
  ],
  commitStep: commit.name,
}
