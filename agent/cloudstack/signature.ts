import { createHmac } from 'node:crypto'
import { type Secret } from '../log/secret.js'

export interface ApiKey {
  readonly apiKey: string
  readonly secretKey: Secret
}

/** Version 3 makes a request void after its `expires`; version 1, which never expires, is for servers too old for it. */
export type SignatureVersion = 1 | 3

/**
 * Encodes as Java's URLEncoder does and CloudStack then checks: only A-Z a-z 0-9 . - * _ stay, a space is %20
 * (apache/cloudstack ApiServer.verifyRequest replaces the encoder's plus sign).
 */
export const encodeValue = (value: string): string =>
  encodeURIComponent(value)
    .replace(/[!'()~]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2A', '*')

/**
 * The signed form body of a request. Names have to be lower-case: then CloudStack's sorting by name as sent has only one
 * reading. The string to sign is the sorted query, lower-cased as a whole.
 */
export function signedBody(
  parameters: Readonly<Record<string, string>>,
  key: ApiKey,
  version: SignatureVersion,
  expires: Date,
): string {
  const all: Record<string, string> = {
    ...parameters,
    apikey: key.apiKey,
    response: 'json',
    ...(version === 3
      ? { signatureversion: '3', expires: `${expires.toISOString().slice(0, 19)}+0000` }
      : {}),
  }
  const pairs = Object.keys(all)
    .sort()
    .map(name => `${name}=${encodeValue(all[name] ?? '')}`)
  const signature = createHmac('sha1', key.secretKey.reveal())
    .update(pairs.join('&').toLowerCase())
    .digest('base64')
  return `${pairs.join('&')}&signature=${encodeValue(signature)}`
}

const maxTextLength = 500

/**
 * Makes text of a server fit to be shown: whatever it repeats of key, secret or signature is cut out here, before any
 * error or log line holds it.
 */
export function redactor(key: ApiKey): (text: string) => string {
  const plain = [key.secretKey.reveal(), key.apiKey]
  // As servers and proxies are known to spell what they were sent.
  const spelt = plain.flatMap(secret => [
    secret,
    encodeValue(secret),
    encodeURIComponent(secret),
    new URLSearchParams([['', secret]]).toString().slice(1),
  ])
  const secrets = spelt.flatMap(secret => [secret, secret.toLowerCase()])
  return text => {
    let clean = text.replace(/signature=[^&\s"']*/gi, 'signature=[secret]')
    for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '[secret]')
    clean = clean.replace(/\p{Cc}+/gu, ' ').trim()
    return clean.length > maxTextLength ? `${clean.slice(0, maxTextLength)}…` : clean
  }
}
