import { createHash } from 'node:crypto'
import { Heartbeat, HeartbeatReply, InventoryPage, LeasedTask, LeaseRequest, SourceReport } from './worker.js'
import { TaskReport, taskSchemas } from './worker.js'

/** What one side of the worker's API says of itself with every request. */
export interface WorkerVersion {
  /** Of the product, for people. */
  readonly product: string
  /** Of the contract: two sides work together only when theirs are the same. */
  readonly protocol: string
}

export const productHeader = 'ossea-version'
export const protocolHeader = 'ossea-worker-protocol'

/** Made from the contract itself, so that whoever changes one has changed the other. */
export const workerProtocol = createHash('sha256')
  .update(
    JSON.stringify([
      [Heartbeat, HeartbeatReply, LeasedTask, LeaseRequest],
      [InventoryPage, SourceReport, TaskReport, taskSchemas],
    ]),
  )
  .digest('hex')
  .slice(0, 12)

export const versionHeaders = ({ product, protocol }: WorkerVersion): Readonly<Record<string, string>> => ({
  [productHeader]: product,
  [protocolHeader]: protocol,
})

/** Only what these headers may hold; anything else is left out of texts. */
const told = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[A-Za-z0-9.+-]{1,64}$/.test(value) ? value : undefined

/** Which product the other side says it is; null: it does not say. */
export const productOf = (headers: Readonly<Record<string, unknown>>): string | null =>
  told(headers[productHeader]) ?? null

/** Why the VMA that sent these headers does not fit the OMA; undefined: it does. */
export function whyMixed(oma: WorkerVersion, headers: Readonly<Record<string, unknown>>): string | undefined {
  const protocol = told(headers[protocolHeader])
  if (protocol === oma.protocol) return undefined
  const vma =
    protocol === undefined
      ? 'the VMA names no worker protocol'
      : `the VMA is version ${told(headers[productHeader]) ?? 'unknown'} (worker protocol ${protocol})`
  return `${vma}, the OMA is version ${oma.product} (worker protocol ${oma.protocol})`
}
