import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { answerStatus, type Area } from './block-status.js'
import { type Fault } from './fault.js'
import { answerRead } from './read-replies.js'
import {
  ByteReader,
  chunk,
  errorNumbers,
  type ErrorName,
  greeting,
  nbd,
  optionReply,
  type Request,
  requestOf,
  simpleReply,
} from './wire.js'

export interface ServedDisk {
  readonly content: Buffer
  /** Areas that the map may call zero; they have to be. */
  readonly holes: readonly Area[]
  readonly offers: {
    readonly zero: boolean
    readonly fastZero: boolean
    readonly map: boolean
    readonly multi: boolean
  }
  readonly fault: (command: Request['command']) => Fault | undefined
  /** Puts answers out of order. */
  readonly delayMs: () => number
  /** What a connection is told instead of the size; undefined tells the truth. */
  readonly fakeSizeBytes: () => number | undefined
}

interface Session {
  readonly socket: Socket
  structured: boolean
}

/**
 * An NBD server (fixed newstyle, structured replies, base:allocation) that misbehaves as it is told. It has a volatile
 * cache as a disk has: `durable` holds what was flushed, and nothing else is left after a crash.
 */
export class MisbehavingServer {
  readonly content: Buffer
  readonly durable: Buffer
  readonly #disk: ServedDisk
  readonly #sockets = new Set<Socket>()
  readonly #server: Server

  constructor(disk: ServedDisk) {
    this.#disk = disk
    this.content = disk.content
    this.durable = Buffer.from(disk.content)
    this.#server = createServer(socket => this.#accept(socket))
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path)
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #crash(): void {
    this.durable.copy(this.content)
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    void this.#converse({ socket, structured: false }, new ByteReader(socket)).finally(() => socket.destroy())
  }

  async #converse(session: Session, reader: ByteReader): Promise<void> {
    session.socket.write(greeting())
    if ((await reader.take(4)) === undefined) return
    if (await this.#negotiate(session, reader)) await this.#serve(session, reader)
  }

  async #negotiate(session: Session, reader: ByteReader): Promise<boolean> {
    const { option: options, optionReply: replies, flag } = nbd
    const { offers } = this.#disk
    for (;;) {
      const head = await reader.take(16)
      if (head === undefined) return false
      const option = head.readUInt32BE(8)
      if ((await reader.take(head.readUInt32BE(12))) === undefined) return false
      const reply = (type: number, payload?: Buffer): boolean =>
        session.socket.write(optionReply(option, type, payload))
      if (option === options.structuredReply) {
        session.structured = true
        reply(replies.ack)
      } else if (option === options.setMetaContext && offers.map) {
        reply(replies.metaContext, Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('base:allocation')]))
        reply(replies.ack)
      } else if (option === options.go) {
        const info = Buffer.alloc(12)
        info.writeBigUInt64BE(BigInt(this.#disk.fakeSizeBytes() ?? this.content.length), 2)
        const flags =
          flag.hasFlags |
          flag.sendFlush |
          (offers.zero ? flag.sendZeroes : 0) |
          (offers.fastZero ? flag.sendFastZero : 0) |
          (offers.multi ? flag.canMultiConn : 0)
        info.writeUInt16BE(flags, 10)
        reply(replies.info, info)
        reply(replies.ack)
        return true
      } else if (option === options.abort) {
        reply(replies.ack)
        return false
      } else {
        reply(replies.unsupported)
      }
    }
  }

  async #serve(session: Session, reader: ByteReader): Promise<void> {
    for (;;) {
      const head = await reader.take(28)
      if (head === undefined) return
      const request = requestOf(head)
      if (request.command === 'disconnect') return
      const data = request.command === 'write' ? await reader.take(request.length) : Buffer.alloc(0)
      if (data === undefined) return
      const answer = (): void => {
        if (!session.socket.destroyed) this.#answer(session, request, data)
      }
      const delayMs = this.#disk.delayMs()
      if (delayMs === 0) answer()
      else setTimeout(answer, delayMs)
    }
  }

  #answer(session: Session, request: Request, data: Buffer): void {
    const fault = this.#disk.fault(request.command)
    switch (fault) {
      case 'crash':
        this.#crash()
        return
      case 'drop':
        session.socket.destroy()
        return
      case 'stall':
        return
      case 'flush-loss':
        this.durable.copy(this.content)
        this.#fail(session, request, 'EIO')
        return
      case 'wrong-magic':
        session.socket.write(Buffer.alloc(64, 0x5a))
        return
      case 'wrong-cookie':
        session.socket.write(simpleReply(Buffer.alloc(8, 0xff), 0))
        return
      default:
        if (fault !== undefined && fault in errorNumbers) this.#fail(session, request, fault as ErrorName)
        else this.#do(session, request, data, fault)
    }
  }

  #fail({ socket, structured }: Session, { command, cookie }: Request, name: ErrorName): void {
    if (!structured || (command !== 'read' && command !== 'status')) {
      socket.write(simpleReply(cookie, errorNumbers[name]))
      return
    }
    const payload = Buffer.alloc(6)
    payload.writeUInt32BE(errorNumbers[name], 0)
    socket.write(chunk(cookie, nbd.chunk.error, nbd.done, payload))
  }

  #do(session: Session, request: Request, data: Buffer, fault: Fault | undefined): void {
    const { socket, structured } = session
    const { command, cookie, offset, length } = request
    switch (command) {
      case 'read':
        if (structured) socket.write(answerRead(request, this.content, fault))
        else
          socket.write(
            Buffer.concat([simpleReply(cookie, 0), this.content.subarray(offset, offset + length)]),
          )
        return
      case 'status':
        socket.write(answerStatus(request, this.content.length, this.#disk.holes, fault))
        return
      case 'write':
        data.copy(this.content, offset)
        socket.write(simpleReply(cookie, 0))
        return
      case 'zero':
        this.content.fill(0, offset, offset + length)
        socket.write(simpleReply(cookie, 0))
        return
      case 'flush':
        this.content.copy(this.durable)
        socket.write(simpleReply(cookie, 0))
        return
      case 'disconnect':
      case 'unknown':
        this.#fail(session, request, 'EINVAL')
    }
  }
}
