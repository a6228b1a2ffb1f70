/** Which side of a copy failed; `''` for a single connection or for the request itself. */
export type NbdSide = 'source' | 'target' | ''

/** What the addon rejects with, before it is made an error. */
export interface RawFailure {
  readonly op: string
  readonly errno: string
  readonly errnoCode: number
  readonly text: string
  readonly side: NbdSide
  readonly offset: bigint
  readonly length: bigint
  readonly durableBelow?: bigint
}

/**
 * A libnbd call that failed: the call, the errno (`ENOSPC`) and where on the disk. Text is libnbd's own and may name
 * socket paths, never secrets.
 */
export class NbdError extends Error {
  override readonly name = 'NbdError'
  readonly op: string
  readonly errno: string
  readonly errnoCode: number
  readonly side: NbdSide
  readonly offset: bigint
  readonly length: bigint
  /** Of a copy: what its extents hold below this offset is durable; a new copy may resume from it. */
  readonly durableBelow: bigint

  constructor(failure: RawFailure) {
    super(`${failure.op}: ${failure.text}`)
    this.op = failure.op
    this.errno = failure.errno
    this.errnoCode = failure.errnoCode
    this.side = failure.side
    this.offset = failure.offset
    this.length = failure.length
    this.durableBelow = failure.durableBelow ?? 0n
  }
}

const isRawFailure = (value: unknown): value is RawFailure =>
  typeof value === 'object' &&
  value !== null &&
  !(value instanceof Error) &&
  'op' in value &&
  'errnoCode' in value

/** The addon's rejection as an NbdError; anything else is passed through. */
export const asNbdError = (error: unknown): unknown => (isRawFailure(error) ? new NbdError(error) : error)
