import { createHmac, timingSafeEqual } from 'node:crypto'
import { type RequestParameters } from './request.js'

export interface Key {
  readonly apiKey: string
  readonly secretKey: string
}

export interface VerifyRules {
  readonly nowMs: number
  /** Version 3 only, and expiring within 15 minutes. */
  readonly requireTimestamps: boolean
}

const enforcedExpiryMs = 15 * 60 * 1000

/**
 * True when the request is signed with the key, as ApiServer.verifyRequest of CloudStack judges it: all parameters but
 * the signature, sorted by name as sent (UTF-16 order, upper case first), values encoded by Java's URLEncoder with %20
 * for a space, joined, lower-cased as a whole, HMAC-SHA1, base64. `expires` counts only with signature version 3, but is
 * signed like every other parameter.
 */
export function isSigned(parameters: RequestParameters, key: Key, rules: VerifyRules): boolean {
  const signature = named(parameters, 'signature')
  if (signature === undefined || named(parameters, 'apikey') !== key.apiKey) return false
  if (!isInTime(parameters, rules)) return false
  const text = [...parameters]
    .filter(([name]) => name.toLowerCase() !== 'signature')
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${javaEncode(value)}`)
    .join('&')
    .toLowerCase()
  const expected = createHmac('sha1', key.secretKey).update(text).digest('base64')
  return areEqual(Buffer.from(signature), Buffer.from(expected))
}

const areEqual = (one: Buffer, other: Buffer): boolean =>
  one.length === other.length && timingSafeEqual(one, other)

/** CloudStack takes the names of its own parameters in any case; of several spellings the last in order counts. */
const named = (parameters: RequestParameters, wanted: string): string | undefined =>
  [...parameters]
    .filter(([name]) => name.toLowerCase() === wanted)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .at(-1)?.[1]

function isInTime(parameters: RequestParameters, rules: VerifyRules): boolean {
  if (named(parameters, 'signatureversion') !== '3') return !rules.requireTimestamps
  const expires = named(parameters, 'expires')
  const at = expires === undefined ? null : expiryMs(expires)
  if (at === null || at < rules.nowMs) return false
  return !rules.requireTimestamps || at <= rules.nowMs + enforcedExpiryMs
}

/** yyyy-MM-dd'T'HH:mm:ssZ with a numeric zone, or a literal Z; null for everything else. */
function expiryMs(text: string): number | null {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:Z|([+-]\d\d)(\d\d))$/.exec(text)
  if (parts === null) return null
  const [, local = '', hours = '+00', minutes = '00'] = parts
  const at = Date.parse(`${local}${hours}:${minutes}`)
  return Number.isNaN(at) ? null : at
}

/** Java's URLEncoder with the plus sign replaced: everything but A-Z a-z 0-9 . - * _ becomes %XX. */
const javaEncode = (value: string): string =>
  Array.from(Buffer.from(value, 'utf8'), byte => {
    const character = String.fromCharCode(byte)
    return /[A-Za-z0-9.\-*_]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
