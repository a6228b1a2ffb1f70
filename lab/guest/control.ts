import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { type AgentReply, type AgentRequest } from './protocol.js'

/** Talks to the agent of a guest that runs. */
export class GuestControl {
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  /** What the program printed; rejects when it did not end well. */
  async run(argv: readonly [string, ...string[]]): Promise<string> {
    const { status, stdout, stderr } = await this.#ask({ kind: 'run', argv })
    if (status !== 0) throw new Error(`${argv.join(' ')} in the guest: status ${status}, ${stderr}${stdout}`)
    return stdout
  }

  /** The process id in the guest of a program that goes on there. */
  async start(argv: readonly [string, ...string[]], logPath: string): Promise<number> {
    const { status, stdout, stderr } = await this.#ask({ kind: 'start', argv, logPath })
    if (status !== 0) throw new Error(`${argv[0]} cannot be started in the guest: ${stderr}`)
    return Number(stdout)
  }

  /** Makes a unix socket of this machine that leads to one of the guest; the server has to be closed. */
  async relay(path: string, guestPath: string): Promise<Server> {
    await rm(path, { force: true })
    const server = createServer({ allowHalfOpen: true }, outer => {
      const inner = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true })
      inner.write(requestLine({ kind: 'connect', path: guestPath }))
      for (const [one, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
      }
      outer.pipe(inner).pipe(outer)
    })
    server.listen(path)
    await once(server, 'listening')
    return server
  }

  async #ask(request: AgentRequest): Promise<AgentReply> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true })
    try {
      socket.write(requestLine(request))
      const line = await text(socket)
      if (line === '') throw new Error('the agent of the guest gave no answer')
      return JSON.parse(line) as AgentReply
    } finally {
      socket.destroy()
    }
  }
}

const requestLine = (request: AgentRequest): string => `${JSON.stringify(request)}\n`
