import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { type buildConnector } from 'undici'
import { AppError } from '../errors.js'

/** Nobody could be asked: no byte of a request left this machine. */
export class NotConnected extends AppError {}

/** The 64 hex digits of a SHA-256 thumbprint, upper case. With or without colons; anything else is CONFIG_INVALID. */
export function thumbprintDigits(text: string): string {
  const digits = text.replaceAll(/[:\s]/g, '').toUpperCase()
  if (!/^[0-9A-F]{64}$/.test(digits))
    throw new AppError('CONFIG_INVALID', 'the thumbprint of vCenter is not the SHA-256 of a certificate')
  return digits
}

/**
 * Opens TLS connections to the one server whose certificate has the confirmed SHA-256 thumbprint. Whether an authority
 * signed it and what name it carries does not matter: vCenter's own certificates have neither in most sites. The socket
 * is handed out only after the comparison, so a stranger never sees a byte of a request.
 */
export class PinnedConnector {
  readonly #wanted: string
  readonly #timeoutMs: number
  #sha1: string | undefined

  constructor(thumbprintSha256: string, timeoutMs: number) {
    this.#wanted = thumbprintDigits(thumbprintSha256)
    this.#timeoutMs = timeoutMs
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

  #open(host: string, port: number): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const bare = host.replace(/^\[|\]$/g, '')
      const socket = connect({
        host: bare,
        port,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        ...(isIP(bare) === 0 ? { servername: bare } : {}),
        // The comparison below decides instead; nothing is written before it.
        rejectUnauthorized: false,
      })
      const fail = (error: Error): void => {
        clearTimeout(timer)
        socket.destroy()
        reject(error)
      }
      const timer = setTimeout(
        () => fail(unreachable(host, port, new Error(`no connection after ${this.#timeoutMs} ms`))),
        this.#timeoutMs,
      )
      const onError = (cause: Error): void => fail(unreachable(host, port, cause))
      const onClose = (): void => fail(unreachable(host, port, new Error('closed during the handshake')))
      socket.once('error', onError)
      socket.once('close', onClose)
      socket.once('secureConnect', () => {
        const mismatch = this.#compare(socket, host, port)
        if (mismatch !== undefined) {
          fail(mismatch)
          return
        }
        clearTimeout(timer)
        socket.off('error', onError)
        socket.off('close', onClose)
        socket.setNoDelay(true).setKeepAlive(true, 30_000)
        resolve(socket)
      })
    })
  }

  #compare(socket: TLSSocket, host: string, port: number): AppError | undefined {
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined)
      return new NotConnected('VSPHERE_CERTIFICATE_MISMATCH', `${host}:${port} has none`)
    if (certificate.fingerprint256.replaceAll(':', '') !== this.#wanted)
      return new NotConnected(
        'VSPHERE_CERTIFICATE_MISMATCH',
        `${host}:${port} has ${certificate.fingerprint256}, confirmed was another one`,
      )
    this.#sha1 = certificate.fingerprint
    return undefined
  }
}

const unreachable = (host: string, port: number, cause: Error): NotConnected =>
  new NotConnected('VSPHERE_UNREACHABLE', `connecting to ${host}:${port}`, cause)
