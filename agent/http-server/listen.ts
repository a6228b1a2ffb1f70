import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { AppError } from '../errors.js'

/**
 * Listens on a unix socket, with `mode` as its access rights. A socket that a killed run of the same user left is removed;
 * one that somebody answers on rejects with ALREADY_RUNNING, anything else at `path` with CONFIG_INVALID.
 */
export async function listenOnSocket(
  server: { readonly listen: (where: { readonly path: string }) => Promise<unknown> },
  path: string,
  mode: number,
): Promise<void> {
  await removeStale(path)
  await server.listen({ path })
  await chmod(path, mode)
}

async function removeStale(path: string): Promise<void> {
  const facts = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new AppError('CONFIG_INVALID', `the socket ${path}`, error)
  })
  if (facts === undefined) return
  if (!facts.isSocket() || facts.uid !== process.getuid?.())
    throw new AppError('CONFIG_INVALID', `${path} is there and is not a socket of this user`)
  const refusal = await whyRefused(path)
  // Any other refusal, a full backlog for one, is a sign of life.
  if (codeOf(refusal) !== 'ECONNREFUSED')
    throw new AppError('ALREADY_RUNNING', `another process listens on ${path}`, refusal)
  await unlink(path)
}

/** Undefined: somebody answers. */
const whyRefused = (path: string): Promise<Error | undefined> =>
  new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.once('error', resolve)
  })

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
