import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.js'

/** Rejects with CONFIG_INVALID unless `path` is a directory of this user's that nobody else may write to. */
export async function requireOwnDirectory(key: string, path: string): Promise<void> {
  const facts = await stat(path).catch((cause: unknown) => {
    throw new AppError('CONFIG_INVALID', `${key}: ${path} cannot be used`, cause)
  })
  if (!facts.isDirectory()) throw new AppError('CONFIG_INVALID', `${key}: ${path} is not a directory`)
  if (facts.uid !== process.getuid?.())
    throw new AppError('CONFIG_INVALID', `${key}: ${path} belongs to another user`)
  if ((facts.mode & 0o022) !== 0)
    throw new AppError(
      'CONFIG_INVALID',
      `${key}: others may write to ${path}; its mode has to be 0750 or less`,
    )
}

/** Removes the sockets of a run that was killed; its servers died with it. Only names this daemon gives are touched. */
export async function removeStaleSockets(dir: string): Promise<number> {
  const stale = (await readdir(dir)).filter(name => /^[0-9a-f]{32}\.sock(\.pid)?$/.test(name))
  for (const name of stale) await unlink(join(dir, name))
  return stale.length
}
