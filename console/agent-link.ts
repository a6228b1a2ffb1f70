import http from 'node:http'
import type { Send } from '../agent/api/client.js'
import { cleanJson } from './clean-text.js'

/** No answer is larger: 1,000 VMs are about 300 KB. */
const maxReplyBytes = 64 * 1024 * 1024

/** Nobody answered, or not in the agent's language. Whether a request was carried out is then unknown. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
}

export interface AgentLink {
  readonly send: Send
  close(): void
}

/**
 * The way to the agent: HTTP on its unix socket, and nothing else; no name is looked up and no TCP socket opened. Every
 * string of an answer is cleaned here, so that nothing behind this line can hold one that acts on a terminal. Rejects
 * with `LinkError` when the agent is not there, is silent for `timeoutMs`, or answers with something that is not JSON.
 */
export function agentLink(options: { readonly socketPath: string; readonly timeoutMs: number }): AgentLink {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 })
  const send: Send = (method, path, body, signal) =>
    new Promise((resolve, reject) => {
      const limit = AbortSignal.timeout(options.timeoutMs)
      const text = body === undefined ? undefined : JSON.stringify(body)
      const fail = (cause: unknown): void => reject(linkError(cause, limit.aborted, options.timeoutMs))
      const request = http.request(
        {
          agent,
          socketPath: options.socketPath,
          method,
          path,
          headers: {
            host: 'agent',
            accept: 'application/json',
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
          signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
        },
        response => {
          const chunks: Buffer[] = []
          let size = 0
          response.on('data', (chunk: Buffer) => {
            size += chunk.length
            if (size > maxReplyBytes) request.destroy(new LinkError('the answer is too large'))
            else chunks.push(chunk)
          })
          response.on('error', fail)
          response.on('end', () => {
            const reply = parseReply(Buffer.concat(chunks).toString('utf8'))
            if (reply instanceof LinkError) reject(reply)
            else resolve({ status: response.statusCode ?? 0, body: reply.body })
          })
        },
      )
      request.on('error', fail)
      request.end(text)
    })
  return { send, close: () => agent.destroy() }
}

function parseReply(text: string): { readonly body: unknown } | LinkError {
  if (text === '') return { body: null }
  try {
    return { body: cleanJson(JSON.parse(text)) }
  } catch (cause) {
    return new LinkError('the answer is not JSON', { cause })
  }
}

/** The words for the banner. Node's text is left out: it holds the path of the socket. */
function linkError(cause: unknown, timedOut: boolean, timeoutMs: number): LinkError {
  if (cause instanceof LinkError) return cause
  if (timedOut) return new LinkError(`no answer in ${timeoutMs / 1000} s`, { cause })
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  switch (code) {
    case 'ENOENT':
      return new LinkError('its socket does not exist', { cause })
    case 'ECONNREFUSED':
      return new LinkError('nobody listens on its socket', { cause })
    case 'EACCES':
    case 'EPERM':
      return new LinkError('this user may not use its socket', { cause })
    default:
      return new LinkError('the connection broke', { cause })
  }
}
