// An NBD server that misbehaves by seed (newstyle fixed handshake, structured replies, base:allocation; NBD spec). It
// has a volatile cache as a disk has: what was not flushed is gone when it crashes or when a flush fails.
import { createServer } from 'node:net'
import { once } from 'node:events'

const optionMagic = 0x49484156454f5054n
const errors = { EIO: 5, ENOSPC: 28, EINVAL: 22, ENOTSUP: 95, ESHUTDOWN: 108 }
const commands = { 0: 'read', 1: 'write', 2: 'disconnect', 3: 'flush', 6: 'zero', 7: 'status' }

/** Reads exact numbers of bytes from a socket. */
class Reader {
  #chunks = []
  #size = 0
  #wanted
  #ended = false
  constructor(socket) {
    socket.on('data', chunk => {
      this.#chunks.push(chunk)
      this.#size += chunk.length
      this.#serve()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#ended = true
      this.#serve()
    })
  }
  #serve() {
    if (this.#wanted === undefined) return
    if (this.#size >= this.#wanted.length) {
      const all = Buffer.concat(this.#chunks)
      const { length, resolve } = this.#wanted
      this.#wanted = undefined
      this.#chunks = [all.subarray(length)]
      this.#size = all.length - length
      resolve(all.subarray(0, length))
    } else if (this.#ended) {
      const { resolve } = this.#wanted
      this.#wanted = undefined
      resolve(undefined)
    }
  }
  /** Undefined when the connection ended first. */
  take(length) {
    return new Promise(resolve => {
      this.#wanted = { length, resolve }
      this.#serve()
    })
  }
}

export class ChaosServer {
  /**
   * `content`: what the disk holds. `holes`: ranges the map may call zero. `fault(command)` names what goes wrong with a
   * request, or nothing. `delayMs()` puts answers out of order.
   */
  constructor({ content, holes = [], flags, fault, delayMs, multi, fakeSize = () => undefined }) {
    this.content = content
    this.durable = Buffer.from(content)
    this.holes = holes
    this.fault = fault
    this.delayMs = delayMs
    this.fakeSize = fakeSize
    this.flags = 1 | 4 | (flags.zero ? 64 : 0) | (flags.fastZero ? 2048 : 0) | (multi ? 256 : 0)
    this.mapped = flags.map
    this.sockets = new Set()
    this.served = []
    this.server = createServer(socket => this.#accept(socket))
  }

  async listen(path) {
    this.server.listen(path)
    await once(this.server, 'listening')
  }

  async close() {
    for (const socket of this.sockets) socket.destroy()
    const closed = once(this.server, 'close')
    this.server.close()
    await closed
  }

  /** Every connection ends, and what was not flushed is lost. */
  crash() {
    this.durable.copy(this.content)
    for (const socket of this.sockets) socket.destroy()
  }

  #accept(socket) {
    this.sockets.add(socket)
    socket.on('close', () => this.sockets.delete(socket))
    const session = this.#session(socket, new Reader(socket)).finally(() => socket.destroy())
    this.served.push(session)
  }

  async #session(socket, reader) {
    const hello = Buffer.alloc(18)
    hello.write('NBDMAGIC', 0, 'latin1')
    hello.writeBigUInt64BE(optionMagic, 8)
    hello.writeUInt16BE(3, 16)
    socket.write(hello)
    if ((await reader.take(4)) === undefined) return
    const state = { structured: false, map: false }
    if (await this.#negotiate(socket, reader, state)) await this.#serve(socket, reader, state)
  }

  async #negotiate(socket, reader, state) {
    for (;;) {
      const head = await reader.take(16)
      if (head === undefined) return false
      const option = head.readUInt32BE(8)
      const data = await reader.take(head.readUInt32BE(12))
      if (data === undefined) return false
      const reply = (type, payload = Buffer.alloc(0)) => {
        const answer = Buffer.alloc(20)
        answer.writeBigUInt64BE(0x3e889045565a9n, 0)
        answer.writeUInt32BE(option, 8)
        answer.writeUInt32BE(type >>> 0, 12)
        answer.writeUInt32BE(payload.length, 16)
        socket.write(Buffer.concat([answer, payload]))
      }
      if (option === 8) {
        state.structured = true
        reply(1)
      } else if (option === 10 && this.mapped) {
        state.map = true
        reply(4, Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('base:allocation')]))
        reply(1)
      } else if (option === 7) {
        const info = Buffer.alloc(12)
        info.writeBigUInt64BE(BigInt(this.fakeSize() ?? this.content.length), 2)
        info.writeUInt16BE(this.flags, 10)
        reply(3, info)
        reply(1)
        return true
      } else if (option === 2) {
        reply(1)
        return false
      } else {
        reply(0x80000001)
      }
    }
  }

  async #serve(socket, reader, state) {
    for (;;) {
      const head = await reader.take(28)
      if (head === undefined) return
      const command = commands[head.readUInt16BE(6)]
      const request = {
        command,
        fast: (head.readUInt16BE(4) & 16) !== 0,
        cookie: head.subarray(8, 16),
        offset: Number(head.readBigUInt64BE(16)),
        length: head.readUInt32BE(24),
        data: undefined,
      }
      if (command === 'write') request.data = await reader.take(request.length)
      if (command === 'disconnect' || (command === 'write' && request.data === undefined)) return
      const answer = () => {
        if (!socket.destroyed) this.#answer(socket, state, request)
      }
      const delay = this.delayMs()
      if (delay === 0) answer()
      else setTimeout(answer, delay)
    }
  }

  #answer(socket, state, request) {
    const fault = this.fault(request.command, request)
    if (fault === 'crash') return this.crash()
    if (fault === 'drop') return socket.destroy()
    if (fault === 'stall') return undefined
    if (fault === 'flush-loss') {
      this.durable.copy(this.content)
      return this.#fail(socket, state, request, 'EIO')
    }
    if (fault !== undefined && fault in errors) return this.#fail(socket, state, request, fault)
    return this.#do(socket, state, request, fault)
  }

  #fail(socket, state, request, name) {
    if (!state.structured || (request.command !== 'read' && request.command !== 'status'))
      return socket.write(this.#simple(request, errors[name]))
    const payload = Buffer.alloc(6)
    payload.writeUInt32BE(errors[name], 0)
    return socket.write(this.#chunk(request, 32769, 1, payload))
  }

  #do(socket, state, request, fault) {
    const { command, offset, length, data } = request
    switch (command) {
      case 'read':
        return this.#read(socket, state, request, fault)
      case 'write':
        data.copy(this.content, offset)
        return socket.write(this.#simple(request, 0))
      case 'zero':
        this.content.fill(0, offset, offset + length)
        return socket.write(this.#simple(request, 0))
      case 'flush':
        this.content.copy(this.durable)
        return socket.write(this.#simple(request, 0))
      case 'status':
        return socket.write(this.#chunk(request, 5, 1, this.#map(request)))
      default:
        return this.#fail(socket, state, request, 'EINVAL')
    }
  }

  #read(socket, state, request, fault) {
    const { offset, length } = request
    const bytes = this.content.subarray(offset, offset + length)
    if (!state.structured) return socket.write(Buffer.concat([this.#simple(request, 0), bytes]))
    const part = (from, until, flags) => {
      const at = Buffer.alloc(8)
      at.writeBigUInt64BE(BigInt(offset + from))
      return this.#chunk(request, 1, flags, Buffer.concat([at, bytes.subarray(from, until)]))
    }
    const half = length >> 1
    if (fault === 'short') return socket.write(part(0, half, 1))
    if (fault === 'twice') return socket.write(Buffer.concat([part(0, half, 0), part(0, half, 1)]))
    if (fault === 'split') return socket.write(Buffer.concat([part(half, length, 0), part(0, half, 1)]))
    return socket.write(part(0, length, 1))
  }

  #map({ offset, length }) {
    const entries = []
    let at = offset
    while (at < offset + length) {
      const hole = this.holes.find(range => range.offset <= at && at < range.offset + range.length)
      const next = this.holes.find(range => range.offset > at)
      const end = hole === undefined ? (next?.offset ?? Infinity) : hole.offset + hole.length
      const until = Math.min(end, offset + length)
      const entry = Buffer.alloc(8)
      entry.writeUInt32BE(until - at, 0)
      entry.writeUInt32BE(hole === undefined ? 0 : 3, 4)
      entries.push(entry)
      at = until
    }
    return Buffer.concat([Buffer.from([0, 0, 0, 1]), ...entries])
  }

  #simple({ cookie }, error) {
    const head = Buffer.alloc(16)
    head.writeUInt32BE(0x67446698, 0)
    head.writeUInt32BE(error, 4)
    cookie.copy(head, 8)
    return head
  }

  #chunk({ cookie }, type, flags, payload) {
    const head = Buffer.alloc(20)
    head.writeUInt32BE(0x668e33ef, 0)
    head.writeUInt16BE(flags, 4)
    head.writeUInt16BE(type, 6)
    cookie.copy(head, 8)
    head.writeUInt32BE(payload.length, 16)
    return Buffer.concat([head, payload])
  }
}
