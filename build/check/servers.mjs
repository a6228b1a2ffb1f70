import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { at } from '../setup/paths.mjs'

/** Each server of the product: the module that makes it, by the name of its document. */
export const servers = {
  operator: ['agent/http/operator-api', 'operatorApi', 'What operators and the console ask of the OMA'],
  worker: ['agent/http/worker-api', 'workerApi', 'What a VMA asks of the OMA'],
  volumed: ['agent/volumes/http/volumed-api', 'volumedApi', 'What the OMA asks of the volume daemon'],
  host: ['agent/nethelper/http/host-api', 'hostApi', 'What the console asks of the host helper'],
}

/** Stands for everything a server is made of: routes are only declared, never run. */
const inert = new Proxy(() => inert, { get: (_, name) => (name === Symbol.toPrimitive ? () => '' : inert) })

/** The routes a server declares. */
export async function routesOf([path, maker]) {
  const routes = []
  const listen = ({ fastify: made }) => made.addHook('onRoute', route => routes.push(route))
  const { [maker]: make } = await import(at('dist', `${path}.js`))
  subscribe('fastify.initialization', listen)
  try {
    make(inert, inert, inert)
  } finally {
    unsubscribe('fastify.initialization', listen)
  }
  // fastify adds a HEAD to each GET.
  return routes.filter(({ method }) => method !== 'HEAD')
}
