import { shakeHands, type ConnectionFailures } from './connection.js'

/** What an operator compares before a certificate is trusted. Times are ISO 8601. */
export interface ShownCertificate {
  readonly subject: string
  readonly issuer: string
  readonly validFrom: string
  readonly validTo: string
  /** `AA:BB:…` */
  readonly fingerprintSha256: string
}

/** The certificate a server shows; the connection is closed without a byte of a request. */
export async function shownCertificate(
  host: string,
  port: number,
  timeoutMs: number,
  failures: ConnectionFailures,
): Promise<ShownCertificate> {
  const socket = await shakeHands(host, port, timeoutMs, failures)
  // A reset while the connection goes down says nothing any more.
  socket.on('error', () => undefined)
  const certificate = socket.getPeerX509Certificate()
  socket.destroy()
  if (certificate === undefined) throw failures.mismatch(`${host}:${port}`, undefined)
  const { subject, issuer, validFrom, validTo, fingerprint256 } = certificate
  return {
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    validFrom: new Date(validFrom).toISOString(),
    validTo: new Date(validTo).toISOString(),
    fingerprintSha256: fingerprint256,
  }
}

/** Node separates the parts of a name by line ends. */
const oneLine = (name: string): string => name.split('\n').join(', ')
