/**
 * The states of a pass. `flushed` means every target connection acknowledged its flush; `verified` that what was staged was
 * read back; `committed` that the recovery point and all change IDs are stored; `applied` that the volumes are that point.
 * Only `committed` moves the recovery point.
 */
export type PassState =
  'intent' | 'snapped' | 'copying' | 'flushed' | 'verified' | 'committed' | 'applied' | 'failed'

const before: Readonly<Record<PassState, readonly PassState[]>> = {
  intent: [],
  snapped: ['intent'],
  // A step taken up again after a crash copies once more, also when it had flushed already.
  copying: ['snapped', 'flushed'],
  flushed: ['copying'],
  verified: ['flushed'],
  committed: ['verified'],
  applied: ['committed'],
  failed: ['intent', 'snapped', 'copying', 'flushed', 'verified'],
}

/** The states from which a pass may enter `state`; a committed pass never fails afterwards. */
export const statesBefore = (state: PassState): readonly PassState[] => before[state]

/** Its recovery point counts, whatever is left to do. */
export const isCommitted = (state: PassState): boolean => state === 'committed' || state === 'applied'
