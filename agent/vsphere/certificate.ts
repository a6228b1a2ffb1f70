import { AppError } from '../errors.js'
import { PinnedConnector, thumbprintDigits, type ConnectionFailures } from '../tls/connection.js'

/** Nobody could be asked: no byte of a request left this machine. */
export class NotConnected extends AppError {}

/** Connections to the vCenter with the confirmed SHA-256 thumbprint; anything that is none is CONFIG_INVALID. */
export function vcenterConnector(thumbprintSha256: string, timeoutMs: number): PinnedConnector {
  const digits = thumbprintDigits(thumbprintSha256)
  if (digits === undefined)
    throw new AppError('CONFIG_INVALID', 'the thumbprint of vCenter is not the SHA-256 of a certificate')
  return new PinnedConnector(digits, timeoutMs, failures)
}

const failures: ConnectionFailures = {
  unreachable: (where, cause) => new NotConnected('VSPHERE_UNREACHABLE', `connecting to ${where}`, cause),
  mismatch: (where, found) =>
    new NotConnected(
      'VSPHERE_CERTIFICATE_MISMATCH',
      found === undefined ? `${where} has none` : `${where} has ${found}, confirmed was another one`,
    ),
}
