import { fenceToken, type FenceToken } from '../domain/fence.js'
import { SagaClaimLost, type SagaClaim } from '../saga/log.js'
import { storeCall, type Database } from './database.js'

/**
 * One counter for all volumes, so that a volume that changes jobs keeps growing tokens. The saga's row is locked until the
 * counter has moved: every token of this claim is lower than any token of a later one.
 */
export const nextFence = (db: Database, claim: SagaClaim): Promise<FenceToken> =>
  storeCall(`taking a fence token for saga ${claim.sagaId}`, () =>
    db.transaction(async tx => {
      const held = await tx<{ id: string; epoch: number }>('sagas')
        .where({ id: claim.sagaId })
        .forUpdate()
        .first()
      if (held?.epoch !== claim.epoch)
        throw new SagaClaimLost(`saga ${claim.sagaId} was claimed by another agent`)
      await tx('fence_counter')
        .insert({ id: 1, token: 1 })
        .onConflict('id')
        .merge({ token: tx.raw('token + 1') })
      const row = await tx<{ id: number; token: string }>('fence_counter')
        .where({ id: 1 })
        .forUpdate()
        .first()
      if (row === undefined) throw new Error('the fence counter is missing')
      return fenceToken(BigInt(row.token))
    }),
  )
