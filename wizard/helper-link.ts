import { HostState, type ApplyHostSettings } from '../agent/api/host-settings.js'
import { UnixCaller } from '../agent/http-client/unix-caller.js'

const timeoutMs = 60_000

/** The network helper on its socket. Calls reject with the code it named, or NETHELPER_UNREACHABLE. */
export interface HelperLink {
  readonly state: () => Promise<HostState>
  readonly apply: (request: ApplyHostSettings) => Promise<HostState>
  readonly keep: (id: string) => Promise<HostState>
  readonly undo: (id: string) => Promise<HostState>
}

export function helperLink(socketPath: string): HelperLink {
  const caller = new UnixCaller({
    socketPath,
    connections: 1,
    unreachable: 'NETHELPER_UNREACHABLE',
    misunderstood: 'NETHELPER_UNREACHABLE',
  })
  const { signal } = new AbortController()
  const call = async (method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown): Promise<HostState> =>
    caller.understood(HostState, await caller.call({ method, path, body, timeoutMs }, signal), path)
  return {
    state: () => call('GET', '/v1/host'),
    apply: request => call('PUT', '/v1/host', request),
    keep: id => call('POST', '/v1/host/keep', { id }),
    undo: id => call('POST', '/v1/host/undo', { id }),
  }
}
