import { Agent, request } from 'undici'
import { type OpenedExport } from '../../agent/api/volumed.js'
import { type Static } from 'typebox'

/** The volume daemon's API, as another holder of a volume would use it. Refusals give their code. */
export function daemonLink(socketPath: string) {
  const dispatcher = new Agent({ connect: { socketPath } })
  const call = async (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object) => {
    const reply = await request(`http://daemon${path}`, {
      dispatcher,
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await reply.body.text()
    return { status: reply.statusCode, body: text === '' ? undefined : (JSON.parse(text) as unknown) }
  }
  const codeOf = (body: unknown): string =>
    typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : 'no code'
  const pathOf = (volume: string): string => `/v1/exports/${volume.replaceAll('-', '').slice(0, 20)}`
  return {
    open: async (volume: string, fenceToken: string): Promise<Static<typeof OpenedExport> | string> => {
      const { status, body } = await call('PUT', pathOf(volume), { minimumBytes: '0', fenceToken })
      return status === 200 ? (body as Static<typeof OpenedExport>) : codeOf(body)
    },
    close: async (volume: string, fenceToken: string): Promise<string> => {
      const { status, body } = await call('DELETE', `${pathOf(volume)}?fenceToken=${fenceToken}`)
      return status === 204 ? 'closed' : codeOf(body)
    },
    disconnect: () => dispatcher.close(),
  }
}
