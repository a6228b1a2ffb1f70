import { type Socket } from 'node:net'

/** Numbers of the NBD protocol, version 3 of its document (doc/proto.md). */
export const nbd = {
  hello: 'NBDMAGIC',
  optionMagic: 0x49484156454f5054n,
  optionReplyMagic: 0x3e889045565a9n,
  simpleReplyMagic: 0x67446698,
  structuredReplyMagic: 0x668e33ef,
  option: { abort: 2, go: 7, structuredReply: 8, setMetaContext: 10 },
  optionReply: { ack: 1, info: 3, metaContext: 4, unsupported: 0x80000001 },
  chunk: { offsetData: 1, blockStatus: 5, error: 32769 },
  done: 1,
  flag: { hasFlags: 1, sendFlush: 4, sendZeroes: 64, canMultiConn: 256, sendFastZero: 2048 },
} as const

export const errorNumbers = {
  EIO: 5,
  EINVAL: 22,
  ENOSPC: 28,
  EOVERFLOW: 75,
  ENOTSUP: 95,
  ESHUTDOWN: 108,
} as const

export type ErrorName = keyof typeof errorNumbers

const commandNames = { 0: 'read', 1: 'write', 2: 'disconnect', 3: 'flush', 6: 'zero', 7: 'status' } as const

export type Command = (typeof commandNames)[keyof typeof commandNames]

export interface Request {
  readonly command: Command | 'unknown'
  readonly cookie: Buffer
  readonly offset: number
  readonly length: number
}

/** The 28 bytes that every request begins with. */
export function requestOf(head: Buffer): Request {
  const number = head.readUInt16BE(6)
  return {
    command: number in commandNames ? commandNames[number as keyof typeof commandNames] : 'unknown',
    cookie: Buffer.from(head.subarray(8, 16)),
    offset: Number(head.readBigUInt64BE(16)),
    length: head.readUInt32BE(24),
  }
}

export function greeting(): Buffer {
  const hello = Buffer.alloc(18)
  hello.write(nbd.hello, 0, 'latin1')
  hello.writeBigUInt64BE(nbd.optionMagic, 8)
  // Fixed newstyle, no zeroes after the options.
  hello.writeUInt16BE(3, 16)
  return hello
}

export function optionReply(option: number, type: number, payload?: Buffer): Buffer {
  const head = Buffer.alloc(20)
  head.writeBigUInt64BE(nbd.optionReplyMagic, 0)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(type, 12)
  head.writeUInt32BE(payload?.length ?? 0, 16)
  return payload === undefined ? head : Buffer.concat([head, payload])
}

export function simpleReply(cookie: Buffer, error: number): Buffer {
  const head = Buffer.alloc(16)
  head.writeUInt32BE(nbd.simpleReplyMagic, 0)
  head.writeUInt32BE(error, 4)
  cookie.copy(head, 8)
  return head
}

export function chunk(cookie: Buffer, type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(20)
  head.writeUInt32BE(nbd.structuredReplyMagic, 0)
  head.writeUInt16BE(flags, 4)
  head.writeUInt16BE(type, 6)
  cookie.copy(head, 8)
  head.writeUInt32BE(payload.length, 16)
  return Buffer.concat([head, payload])
}

/** Reads exact numbers of bytes from a socket; one call at a time. */
export class ByteReader {
  #chunks: Buffer[] = []
  #size = 0
  #wanted: { readonly length: number; readonly give: (bytes: Buffer | undefined) => void } | undefined
  #ended = false

  constructor(socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes)
      this.#size += bytes.length
      this.#serve()
    })
    // What the client does to its connection is the end of the session, not a fault of this server.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#ended = true
      this.#serve()
    })
  }

  /** Undefined when the connection ended first. */
  async take(length: number): Promise<Buffer | undefined> {
    return new Promise(give => {
      this.#wanted = { length, give }
      this.#serve()
    })
  }

  #serve(): void {
    const wanted = this.#wanted
    if (wanted === undefined) return
    if (this.#size >= wanted.length) {
      const all = Buffer.concat(this.#chunks)
      this.#wanted = undefined
      this.#chunks = [all.subarray(wanted.length)]
      this.#size = all.length - wanted.length
      wanted.give(all.subarray(0, wanted.length))
    } else if (this.#ended) {
      this.#wanted = undefined
      wanted.give(undefined)
    }
  }
}
