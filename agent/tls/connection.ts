import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { type buildConnector } from 'undici'

/** How the user of a connector names what can go wrong. Whatever is returned, no byte of a request had left this machine. */
export interface ConnectionFailures {
  readonly unreachable: (where: string, cause: Error) => Error
  /** `found`: the SHA-256 fingerprint of the certificate that was shown; undefined: there was none. */
  readonly mismatch: (where: string, found: string | undefined) => Error
}

/** The 64 hex digits of a SHA-256 thumbprint, upper case. With or without colons; undefined for anything else. */
export function thumbprintDigits(text: string): string | undefined {
  const digits = text.replaceAll(/[:\s]/g, '').toUpperCase()
  return /^[0-9A-F]{64}$/.test(digits) ? digits : undefined
}

/**
 * Opens TLS connections to the one server whose certificate has the confirmed SHA-256 thumbprint. Whether an authority
 * signed it and what name it carries does not matter: appliances' own certificates have neither in most sites. The socket
 * is handed out only after the comparison, so a stranger never sees a byte of a request.
 */
export class PinnedConnector {
  readonly #digits: string
  readonly #timeoutMs: number
  readonly #failures: ConnectionFailures
  #sha1: string | undefined

  /** `digits` as `thumbprintDigits` gives them. */
  constructor(digits: string, timeoutMs: number, failures: ConnectionFailures) {
    this.#digits = digits
    this.#timeoutMs = timeoutMs
    this.#failures = failures
  }

  /** `AA:BB:…` of the certificate that matched; undefined before the first connection. */
  get thumbprintSha1(): string | undefined {
    return this.#sha1
  }

  /** What undici calls for each connection of its pool. */
  readonly connector: buildConnector.connector = (options, callback) => {
    this.#open(options.hostname, Number(options.port === '' ? 443 : options.port)).then(
      socket => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    )
  }

  async #open(host: string, port: number): Promise<TLSSocket> {
    const where = `${host}:${port}`
    const socket = await shakeHands(host, port, this.#timeoutMs, this.#failures)
    const certificate = socket.getPeerX509Certificate()
    if (certificate?.fingerprint256.replaceAll(':', '') !== this.#digits) {
      socket.destroy()
      throw this.#failures.mismatch(where, certificate?.fingerprint256)
    }
    this.#sha1 = certificate.fingerprint
    socket.setNoDelay(true).setKeepAlive(true, 30_000)
    return socket
  }
}

/** A connection to whoever answers: nothing may be written to it before its certificate was looked at. */
export function shakeHands(
  host: string,
  port: number,
  timeoutMs: number,
  failures: ConnectionFailures,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const bare = host.replace(/^\[|\]$/g, '')
    const socket = connect({
      host: bare,
      port,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      ...(isIP(bare) === 0 ? { servername: bare } : {}),
      // The caller's comparison decides instead.
      rejectUnauthorized: false,
    })
    const fail = (cause: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(failures.unreachable(`${host}:${port}`, cause))
    }
    const timer = setTimeout(() => fail(new Error(`no connection after ${timeoutMs} ms`)), timeoutMs)
    const onClose = (): void => fail(new Error('closed during the handshake'))
    socket.once('error', fail)
    socket.once('close', onClose)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      socket.off('close', onClose)
      resolve(socket)
    })
  })
}
