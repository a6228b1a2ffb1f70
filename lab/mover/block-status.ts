import { type Fault } from './fault.js'
import { chunk, nbd, type Request } from './wire.js'

export interface Area {
  readonly offset: number
  readonly length: number
}

/** NBD_STATE_HOLE and NBD_STATE_ZERO. */
const holeAndZero = 3

/**
 * The map of the range asked about. `part` describes the first area alone and `past-end` gives the last one a length
 * beyond the request, which the protocol allows; `empty` describes nothing, which it does not.
 */
export function answerStatus(
  { cookie, offset, length }: Request,
  sizeBytes: number,
  holes: readonly Area[],
  fault: Fault | undefined,
): Buffer {
  const entries: Buffer[] = []
  for (let at = offset; at < offset + length;) {
    const hole = holes.find(area => area.offset <= at && at < area.offset + area.length)
    const next = holes.find(area => area.offset > at)
    const areaEnd = hole === undefined ? (next?.offset ?? sizeBytes) : hole.offset + hole.length
    const end = fault === 'past-end' ? areaEnd : Math.min(areaEnd, offset + length)
    const entry = Buffer.alloc(8)
    entry.writeUInt32BE(end - at, 0)
    entry.writeUInt32BE(hole === undefined ? 0 : holeAndZero, 4)
    entries.push(entry)
    at = end
  }
  const kept = fault === 'empty' ? [] : fault === 'part' ? entries.slice(0, 1) : entries
  return chunk(cookie, nbd.chunk.blockStatus, nbd.done, Buffer.concat([Buffer.from([0, 0, 0, 1]), ...kept]))
}
