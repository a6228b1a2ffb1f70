import { AppError } from '../errors.js'

const apiPath = '/client/api'

/**
 * The API's URL from what an operator types: `host`, `host:port` or a URL; `/client/api` is added. Without a scheme it is
 * https; plain http has to be asked for twice, by the scheme and by `allowPlainHttp`. Rejects with REQUEST_INVALID, whose
 * message does not repeat the text, since people paste keys into the wrong field.
 */
export function apiUrl(text: string, allowPlainHttp: boolean): string {
  const trimmed = text.trim()
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`
  const url = URL.canParse(full) ? new URL(full) : undefined
  if (url === undefined || url.hostname === '' || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new AppError('REQUEST_INVALID', 'address: not of the form host:port or https://host:port')
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new AppError('REQUEST_INVALID', 'address: only host, port and path belong into it')
  if (url.protocol === 'http:' && !allowPlainHttp)
    throw new AppError(
      'REQUEST_INVALID',
      'address: plain http sends everything readable; allow it explicitly',
    )
  const path = url.pathname.replace(/\/+$/, '')
  return `${url.origin}${path === '' || path === '/client' ? apiPath : path}`
}
