import { type FastifyInstance } from 'fastify'

/** Roles of people, each of which may do all that those before it may. */
export const roles = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof roles)[number]

/** Our own programs; which of them calls, the access rights of the socket say. */
export const programs = ['worker', 'oma', 'console'] as const
export type Program = (typeof programs)[number]

/** Who may call a route: anyone who reaches the socket, a person with this role at least, or one of our own programs. */
export type Caller = 'anyone' | Role | Program

const callers: readonly unknown[] = ['anyone', ...roles, ...programs]

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly caller?: Caller
  }
}

/** A route that does not say who may call it ends the start of its program, so none is ever open by being forgotten. */
export function requireCallers(server: FastifyInstance): void {
  server.addHook('onRoute', ({ method, url, config }) => {
    if (!callers.includes(config?.caller))
      throw new Error(`${String(method)} ${url} does not say who may call it: give it config: { caller }`)
  })
}
