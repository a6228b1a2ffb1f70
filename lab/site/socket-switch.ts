import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands before several agents as a load balancer does: each connection goes to the next one that takes it. */
export class SocketSwitch {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #next = 0

  private constructor(targets: readonly string[]) {
    this.#server = createServer(client => {
      this.#hold(client)
      void this.#forward(client, targets)
    })
  }

  static async start(path: string, targets: readonly string[]): Promise<SocketSwitch> {
    const created = new SocketSwitch(targets)
    await rm(path, { force: true })
    created.#server.listen(path)
    await once(created.#server, 'listening')
    return created
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
    await once(this.#server, 'close')
  }

  async #forward(client: Socket, targets: readonly string[]): Promise<void> {
    const first = (this.#next += 1)
    for (const [index] of targets.entries()) {
      const agent = await reached(targets[(first + index) % targets.length] ?? '')
      if (agent === undefined) continue
      this.#hold(agent)
      client.once('close', () => agent.destroy())
      agent.once('close', () => client.destroy())
      client.pipe(agent).pipe(client)
      return
    }
    client.destroy()
  }

  #hold(socket: Socket): void {
    this.#open.add(socket)
    // Either end may die at any time; its close follows, and the other end is told by its own.
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#open.delete(socket))
  }
}

function reached(path: string): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(undefined))
  })
}
