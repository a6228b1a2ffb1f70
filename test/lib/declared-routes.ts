import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type FastifyInstance, type RouteOptions } from 'fastify'
import { type Caller } from '../../agent/http-server/caller.js'

export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly caller: Caller | undefined
  readonly operation: string
}

/** Stands for everything a server is made of: its routes are declared, never run. */
const inert: unknown = new Proxy(() => inert, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => '' : inert),
})

/** The routes that a maker of a server declares. */
export function declaredRoutes(make: (...parts: never[]) => unknown): DeclaredRoute[] {
  const routes: RouteOptions[] = []
  const listen = (message: unknown): void => {
    const { fastify } = message as { readonly fastify: FastifyInstance }
    fastify.addHook('onRoute', route => void routes.push(route))
  }
  subscribe('fastify.initialization', listen)
  try {
    make(...([inert, inert, inert] as never[]))
  } finally {
    unsubscribe('fastify.initialization', listen)
  }
  return routes
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, url, config, schema }) => ({
      method: String(method),
      url,
      caller: config?.caller,
      operation: (schema as { readonly operationId: string }).operationId,
    }))
}
