import { type Area } from './block-status.js'
import { type Fault } from './fault.js'
import { type Request } from './wire.js'

/** What one seed decides: the disk, what is copied of it and how, and what goes wrong meanwhile. */
export interface ChaosPlan {
  readonly source: Buffer
  readonly holes: readonly Area[]
  readonly target: Buffer
  readonly extents: readonly { readonly offset: bigint; readonly length: bigint }[]
  readonly offers: {
    readonly zero: boolean
    readonly fastZero: boolean
    readonly map: boolean
    readonly multi: boolean
  }
  readonly mode: 'copy' | 'compare'
  readonly hashed: boolean
  readonly connections: number
  readonly requestBytes: number
  readonly depth: number
  readonly sourceFault: (command: Request['command']) => Fault | undefined
  readonly targetFault: (command: Request['command']) => Fault | undefined
  readonly delayMs: () => number
  /** What the target says its size is; undefined tells the truth. */
  readonly targetSizeBytes: () => number | undefined
}

const anyReply = ['wrong-magic', 'wrong-cookie', 'drop', 'stall'] as const

const faultsOf: Readonly<Record<Request['command'], readonly Fault[]>> = {
  read: ['split', 'short', 'twice', 'outside', 'EIO', 'EOVERFLOW', 'ESHUTDOWN', ...anyReply],
  write: ['crash', 'EIO', 'ENOSPC', ...anyReply],
  zero: ['ENOTSUP', 'ENOTSUP', 'crash', 'EIO', ...anyReply],
  flush: ['flush-loss', 'flush-loss', 'crash', ...anyReply],
  status: ['EIO', 'EINVAL', 'part', 'past-end', 'empty', ...anyReply],
  disconnect: [],
  unknown: [],
}

/** Numbers below `limit`, the same for the same seed (a Weyl sequence, mixed). */
export function sequence(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return limit => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b) >>> 0
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0
    return ((mixed ^ (mixed >>> 16)) >>> 0) % limit
  }
}

type Pick = ReturnType<typeof sequence>

/** Some runs of zeroes that the map tells of, some that it does not, and data between them. */
function makeDisk(pick: Pick): { readonly source: Buffer; readonly holes: Area[] } {
  const source = Buffer.alloc(4096 + pick(900_000))
  const holes: Area[] = []
  for (let at = 0; at < source.length;) {
    const length = Math.min(source.length - at, 1 + pick(pick(2) === 0 ? 9000 : 150_000))
    const kind = pick(4)
    if (kind === 0) holes.push({ offset: at, length })
    else if (kind !== 1) for (let i = at; i < at + length; i += 1 + pick(3)) source[i] = 1 + pick(255)
    at += length
  }
  return { source, holes }
}

/** Sorted and disjoint, sizes that are no multiple of anything. */
function makeExtents(pick: Pick, sizeBytes: number): { readonly offset: bigint; readonly length: bigint }[] {
  const extents = []
  for (let at = pick(2) === 0 ? 0 : pick(4000); at < sizeBytes;) {
    const length = pick(3) === 0 ? sizeBytes - at : Math.min(sizeBytes - at, 1 + pick(200_000))
    extents.push({ offset: BigInt(at), length: BigInt(length) })
    at += length + pick(2) * pick(60_000)
  }
  return extents
}

function faults(pick: Pick, most: number): (command: Request['command']) => Fault | undefined {
  const perMille = pick(3) === 0 ? 0 : ([4, 20, 60][pick(3)] ?? 0)
  let left = most
  return command => {
    if (left === 0 || pick(1000) >= perMille) return undefined
    left -= 1
    const list = faultsOf[command]
    return list[pick(list.length)]
  }
}

export function planOf(seed: number): ChaosPlan {
  const pick = sequence(seed)
  // Neighbouring seeds begin alike.
  for (let i = 0; i < 4; i += 1) pick(2)
  const { source, holes } = makeDisk(pick)
  const most = 1 + pick(4)
  const slow = pick(3) === 0
  const lies = pick(12) === 0
  let connectionsToTarget = 0
  return {
    source,
    holes,
    target: Buffer.alloc(source.length, 0xee),
    extents: makeExtents(pick, source.length),
    offers: { zero: pick(4) !== 0, fastZero: pick(2) === 0, map: pick(4) !== 0, multi: pick(3) !== 0 },
    mode: pick(4) === 0 ? 'compare' : 'copy',
    hashed: pick(3) === 0,
    connections: 1 + pick(3),
    requestBytes: 4096 << pick(5),
    depth: 1 + pick(8),
    sourceFault: faults(pick, most),
    targetFault: faults(pick, most),
    delayMs: () => (slow && pick(4) === 0 ? pick(4) : 0),
    targetSizeBytes: () => {
      connectionsToTarget += 1
      return lies && connectionsToTarget > 1 ? 512 : undefined
    },
  }
}
