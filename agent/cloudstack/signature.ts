import { createHmac } from 'node:crypto'

/**
 * Encodes as Java's URLEncoder does and CloudStack then checks: only A-Z a-z 0-9 . - * _ stay, a space is %20
 * (apache/cloudstack ApiServer.verifyRequest replaces the encoder's plus sign).
 */
export const encodeValue = (value: string): string =>
  encodeURIComponent(value)
    .replace(/[!'()~]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2A', '*')

/**
 * The signed form body of a request, signature version 3 with its `expires`. Names have to be lower-case: then CloudStack's
 * sorting by name as sent has only one reading. The string to sign is the sorted query, lower-cased as a whole.
 */
export function signedBody(
  parameters: Readonly<Record<string, string>>,
  key: { readonly apiKey: string; readonly secretKey: string },
  expires: Date,
): string {
  const all: Record<string, string> = {
    ...parameters,
    apikey: key.apiKey,
    response: 'json',
    signatureversion: '3',
    expires: `${expires.toISOString().slice(0, 19)}+0000`,
  }
  const pairs = Object.keys(all)
    .sort()
    .map(name => `${name}=${encodeValue(all[name] ?? '')}`)
  const signature = createHmac('sha1', key.secretKey).update(pairs.join('&').toLowerCase()).digest('base64')
  return `${pairs.join('&')}&signature=${encodeValue(signature)}`
}
