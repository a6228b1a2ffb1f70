import { randomUUID } from 'node:crypto'
import { type VolumeClient } from '../../agent/api/volume-client.js'
import { type RequestVolumeOperation, type VolumeOperationView } from '../../agent/api/volumes.js'
import { until } from './until.js'

/** Of each kind of request without its key. */
type WithoutKey<T> = T extends unknown ? Omit<T, 'idempotencyKey'> : never
export type VolumeWish = WithoutKey<RequestVolumeOperation>

const limitMs = 240_000

/** Asks for an operation under a new key and waits for its end. */
export async function operate(client: VolumeClient, wish: VolumeWish): Promise<VolumeOperationView> {
  const { id } = await client.operate({ ...wish, idempotencyKey: randomUUID() })
  return ended(client, id)
}

/** Answers that fail while the OMA is away are asked for again. */
export function ended(client: VolumeClient, id: string): Promise<VolumeOperationView> {
  return until(
    `operation ${id} ends`,
    async () => {
      const operation = await client.operation(id).catch((error: unknown) => {
        if (error instanceof Error) return undefined
        throw error
      })
      return operation?.state === 'succeeded' || operation?.state === 'failed' ? operation : undefined
    },
    limitMs,
  )
}

/** The id of the volume of a finished operation. */
export function volumeOf({ id, volumeId, failure }: VolumeOperationView): string {
  if (volumeId !== null) return volumeId
  throw new Error(`operation ${id} has no volume: ${failure?.code ?? ''} ${failure?.message ?? ''}`)
}
