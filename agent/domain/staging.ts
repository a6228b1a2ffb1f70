import { MIB, type Bytes } from './units.js'

/** Where a pass writes: to the volumes, or beside them until it is committed. */
export type Way = 'direct' | 'staged'

/** What becomes of a pass that the staging space cannot hold. */
export type StagingPolicy =
  /** It fails and is tried again later; the volumes stay as they are. */
  | 'wait'
  /** It writes the volumes, which hold no recovery point until it is done. */
  | 'apply-directly'

export interface StagingStanding {
  readonly policy: StagingPolicy
  /** The volumes were a recovery point once, so there is something to be kept from harm. */
  readonly hasPoint: boolean
  /** What the pass will need at least, as far as earlier ones tell; null: nothing does. */
  readonly expectedBytes: Bytes | null
}

export type WayDecision =
  | {
      readonly kind: 'direct'
      /** Null for a first pass, which harms nothing. */ readonly why: string | null
    }
  | { readonly kind: 'staged' }
  | { readonly kind: 'no-room'; readonly why: string }

/** No pass is begun with less: an empty one stages that much, and the OMA needs room of its own. */
const leastFreeBytes: Bytes = 64n * MIB

export function chooseWay(standing: StagingStanding, freeBytes: Bytes): WayDecision {
  if (!standing.hasPoint) return { kind: 'direct', why: null }
  const expected = standing.expectedBytes ?? 0n
  const needed = expected > leastFreeBytes ? expected : leastFreeBytes
  if (freeBytes >= needed) return { kind: 'staged' }
  const why = `the staging space has ${freeBytes} bytes free and the pass will need at least ${needed}`
  return standing.policy === 'wait' ? { kind: 'no-room', why } : { kind: 'direct', why }
}

/** What the volumes of a job are worth now. */
export type Replica =
  /** No pass was committed yet. */
  | { readonly kind: 'none' }
  /** They are the recovery point. */
  | { readonly kind: 'at-point' }
  /** They become it as soon as the staged pass is applied, which needs nothing of the source. */
  | { readonly kind: 'finishing' }
  /** They are a mixture; the next committed pass makes them a recovery point again. */
  | { readonly kind: 'no-point'; readonly why: string }

export function replicaOf(job: {
  readonly hasPoint: boolean
  readonly doubt: string | null
  readonly isToBeApplied: boolean
}): Replica {
  if (!job.hasPoint) return { kind: 'none' }
  if (job.doubt !== null) return { kind: 'no-point', why: job.doubt }
  return job.isToBeApplied ? { kind: 'finishing' } : { kind: 'at-point' }
}
