import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import process from 'node:process'
import { type AgentReply, type AgentRequest } from './protocol.js'

/**
 * Runs inside a guest and does what the lab asks, one request a connection: its first line. A `connect` turns the rest of the
 * connection into one to a unix socket of the guest; every other request is answered with one line.
 */
function main(port: number): void {
  createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {
      socket.destroy()
    })
    const first = (): void => {
      const line = takeLine(socket)
      if (line === undefined) return
      socket.off('readable', first)
      serve(socket, JSON.parse(line) as AgentRequest)
    }
    socket.on('readable', first)
  }).listen(port, '0.0.0.0', () => {
    process.stdout.write('guest: ready\n')
  })
}

/** The first line, once all of it is there; what follows stays to be read. */
function takeLine(socket: Socket): string | undefined {
  const chunk = socket.read() as Buffer | null
  if (chunk === null) return undefined
  const end = chunk.indexOf('\n')
  if (end < 0) {
    socket.unshift(chunk)
    return undefined
  }
  if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1))
  return chunk.subarray(0, end).toString('utf8')
}

function serve(socket: Socket, request: AgentRequest): void {
  const answer = (reply: AgentReply): void => {
    socket.end(`${JSON.stringify(reply)}\n`)
  }
  switch (request.kind) {
    case 'connect': {
      const inner = connect({ path: request.path, allowHalfOpen: true })
      inner.on('error', () => {
        socket.destroy()
      })
      socket.on('close', () => {
        inner.destroy()
      })
      socket.pipe(inner).pipe(socket)
      return
    }
    case 'run': {
      const [program, ...argv] = request.argv
      const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
      const output = { stdout: '', stderr: '' }
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
      child.once('error', error => {
        answer({ status: -1, stdout: '', stderr: String(error) })
      })
      child.once('close', status => {
        answer({ status: status ?? -1, ...output })
      })
      return
    }
    case 'start': {
      const [program, ...argv] = request.argv
      const log = openSync(request.logPath, 'a', 0o600)
      const child = spawn(program, argv, { stdio: ['ignore', log, log], env: { PATH: '/usr/bin:/bin' } })
      child.once('error', error => {
        answer({ status: -1, stdout: '', stderr: String(error) })
      })
      child.once('spawn', () => {
        answer({ status: 0, stdout: String(child.pid), stderr: '' })
      })
      child.once('exit', (code, signal) => {
        process.stdout.write(`process ${child.pid ?? 0} ended with ${String(signal ?? code)}\n`)
      })
      return
    }
  }
}

main(Number(process.argv[2]))
