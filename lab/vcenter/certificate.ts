import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  readonly certificatePem: string
  readonly keyPem: string
  /** Upper-case hex with colons, as vCenter and VDDK write thumbprints. */
  readonly thumbprintSha1: string
  readonly thumbprintSha256: string
}

/** Makes a self-signed certificate in `directory`; valid for 30 days from now. */
export async function makeCertificate(directory: string): Promise<Certificate> {
  const keyPath = join(directory, 'key.pem')
  const certificatePath = join(directory, 'certificate.pem')
  await run('/usr/bin/openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30',
    '-subj', '/CN=simulated vCenter/O=OSSEA lab', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost',
    '-keyout', keyPath, '-out', certificatePath,
  ]) // prettier-ignore
  const certificatePem = await readFile(certificatePath, 'utf8')
  const { raw } = new X509Certificate(certificatePem)
  return {
    certificatePem,
    keyPem: await readFile(keyPath, 'utf8'),
    thumbprintSha1: thumbprint('sha1', raw),
    thumbprintSha256: thumbprint('sha256', raw),
  }
}

function thumbprint(algorithm: 'sha1' | 'sha256', raw: Buffer): string {
  const hex = createHash(algorithm).update(raw).digest('hex').toUpperCase()
  return (hex.match(/../g) ?? []).join(':')
}
