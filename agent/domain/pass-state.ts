/**
 * The states of a pass. `flushed` means every target connection acknowledged its flush; `committed` that the recovery
 * point and all change IDs are stored; only `committed` moves the recovery point.
 */
export type PassState = 'intent' | 'snapped' | 'copying' | 'flushed' | 'committed' | 'failed'

const before: Readonly<Record<PassState, readonly PassState[]>> = {
  intent: [],
  snapped: ['intent'],
  // A step taken up again after a crash copies once more, also when it had flushed already.
  copying: ['snapped', 'flushed'],
  flushed: ['copying'],
  committed: ['flushed'],
  failed: ['intent', 'snapped', 'copying', 'flushed'],
}

/** The states from which a pass may enter `state`; a committed pass never fails afterwards. */
export const statesBefore = (state: PassState): readonly PassState[] => before[state]

export const hasEnded = (state: PassState): boolean => state === 'committed' || state === 'failed'
