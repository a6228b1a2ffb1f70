import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** A command that QEMU refused; `errorClass` is QEMU's. */
export class QmpError extends Error {
  override readonly name = 'QmpError'
  readonly errorClass: string

  constructor(command: string, errorClass: string, text: string) {
    super(`${command}: ${text}`)
    this.errorClass = errorClass
  }
}

export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

interface Waiting {
  readonly command: string
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

interface Message {
  readonly id?: number
  readonly return?: unknown
  readonly error?: { readonly class: string; readonly desc: string }
  readonly event?: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** QEMU's machine protocol on a unix socket: JSON objects, one a line. */
export class Qmp {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Set<(event: QmpEvent) => void>()
  readonly #endings = new Set<(error: Error) => void>()
  #number = 0
  #ended: Error | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    createInterface(socket).on('line', line => {
      this.#take(JSON.parse(line) as Message)
    })
    socket.on('error', error => {
      this.#end(error)
    })
    socket.on('close', () => {
      this.#end(new Error('QEMU has closed its control socket'))
    })
  }

  /** Resolves when commands are taken. */
  static async connect(path: string): Promise<Qmp> {
    const socket = connect(path)
    await once(socket, 'connect')
    const qmp = new Qmp(socket)
    await qmp.execute('qmp_capabilities')
    return qmp
  }

  /** What the command returned. Rejects with QmpError when QEMU refused it, with another error when QEMU is gone. */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    this.#number += 1
    const id = this.#number
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { command, resolve, reject })
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    })
  }

  /**
   * Resolves with the first event after this call that fits; rejects after `limitMs` or when QEMU is gone. To be called
   * before the command that brings the event about.
   */
  next(what: string, fits: (event: QmpEvent) => boolean, limitMs: number): Promise<QmpEvent> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const forget = (): void => {
        clearTimeout(timer)
        this.#listeners.delete(listen)
        this.#endings.delete(fail)
      }
      const fail = (error: Error): void => {
        forget()
        reject(error)
      }
      const listen = (event: QmpEvent): void => {
        if (!fits(event)) return
        forget()
        resolve(event)
      }
      const timer = setTimeout(() => {
        fail(new Error(`waited ${limitMs / 1000} s in vain for QEMU: ${what}`))
      }, limitMs)
      this.#listeners.add(listen)
      this.#endings.add(fail)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(message: Message): void {
    if (message.event !== undefined) {
      const event = { event: message.event, data: message.data ?? {} }
      for (const listen of [...this.#listeners]) listen(event)
      return
    }
    // The greeting has no id.
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id)
    if (waiting === undefined || message.id === undefined) return
    this.#waiting.delete(message.id)
    const { error } = message
    if (error === undefined) waiting.resolve(message.return)
    else waiting.reject(new QmpError(waiting.command, error.class, error.desc))
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
    for (const fail of [...this.#endings]) fail(this.#ended)
  }
}
