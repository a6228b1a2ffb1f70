import { type Fault } from './fault.js'
import { chunk, nbd, type Request } from './wire.js'

/** A structured answer to a read, or one that only looks like it. */
export function answerRead(request: Request, content: Buffer, fault: Fault | undefined): Buffer {
  const { cookie, offset, length } = request
  const bytes = content.subarray(offset, offset + length)
  const part = (from: number, until: number, flags: number, shift = 0): Buffer => {
    const at = Buffer.alloc(8)
    at.writeBigUInt64BE(BigInt(offset + from + shift))
    return chunk(cookie, nbd.chunk.offsetData, flags, Buffer.concat([at, bytes.subarray(from, until)]))
  }
  const half = length >> 1
  switch (fault) {
    case 'short':
      return part(0, half, nbd.done)
    case 'twice':
      return Buffer.concat([part(0, half, 0), part(0, half, nbd.done)])
    case 'split':
      return Buffer.concat([part(half, length, 0), part(0, half, nbd.done)])
    case 'outside':
      return part(0, length, nbd.done, 512)
    default:
      return part(0, length, nbd.done)
  }
}
