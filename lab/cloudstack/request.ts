import { type IncomingMessage } from 'node:http'

/** Larger than any request of a client; a larger one is refused unread. */
const maxBodyBytes = 1024 * 1024

/** By name as sent; of a name given more than once the first value, as the servlet takes it. */
export type RequestParameters = ReadonlyMap<string, string>

export type ReadRequest =
  | {
      readonly kind: 'read'
      readonly parameters: RequestParameters
      /** Names that came more than once. */
      readonly repeated: readonly string[]
    }
  /** Broken percent-encoding. */
  | { readonly kind: 'malformed' }
  | { readonly kind: 'too-large' }

/** Query and form body as one set of parameters; a body that is no form is ignored, as by the servlet. */
export async function readRequest(request: IncomingMessage): Promise<ReadRequest> {
  const url = request.url ?? ''
  const mark = url.indexOf('?')
  const query = mark < 0 ? '' : url.slice(mark + 1)
  const body = await readBody(request)
  if (body === null) return { kind: 'too-large' }
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '')
  const texts = isForm ? [query, body] : [query]
  if (texts.some(text => /%(?![0-9A-Fa-f]{2})/.test(text))) return { kind: 'malformed' }
  const parameters = new Map<string, string>()
  const repeated = new Set<string>()
  for (const [name, value] of texts.flatMap(text => [...new URLSearchParams(text)])) {
    if (parameters.has(name)) repeated.add(name)
    else parameters.set(name, value)
  }
  return { kind: 'read', parameters, repeated: [...repeated] }
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let total = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    total += part.length
    if (total > maxBodyBytes) return null
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
