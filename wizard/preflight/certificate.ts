import tls from 'node:tls'
import { isIP } from 'node:net'
import { cleanText } from '../../console/clean-text.js'
import type { CertificateFact } from '../step.js'
import { reasonOf } from './check.js'

const limitMs = 6000

/**
 * What a server shows, so that a person can compare it. The handshake ends there: nobody is trusted and nothing is sent
 * before somebody confirmed. What the server wrote into it is cleaned.
 */
export function readCertificate(address: string): Promise<CertificateFact> {
  const url = new URL(address)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise(resolve => {
    const settle = (fact: CertificateFact): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(fact)
    }
    const timer = setTimeout(
      () => settle({ kind: 'unreadable', reason: `no answer in ${limitMs / 1000} s` }),
      limitMs,
    )
    // An untrusted chain fails after the certificate has come: `secure` tells, and the error does not matter then.
    const socket = tls.connect({
      host,
      port: url.port === '' ? 443 : Number(url.port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      minVersion: 'TLSv1.2',
      checkServerIdentity: () => undefined,
    })
    const tell = (): boolean => {
      const certificate = socket.getPeerX509Certificate()
      if (certificate === undefined) return false
      settle({
        kind: 'read',
        thumbprintSha256: certificate.fingerprint256,
        subject: cleanText(certificate.subject.replaceAll('\n', ', ')),
        validTo: cleanText(certificate.validTo),
      })
      return true
    }
    socket.once('secureConnect', tell)
    socket.once('error', error => {
      if (!tell()) settle({ kind: 'unreadable', reason: reasonOf(error) })
    })
  })
}
