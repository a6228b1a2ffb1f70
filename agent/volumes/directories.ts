import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../errors.js'
import { endLeftServer } from '../nbdkit/nbd-process.js'

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

/** Ends what a killed daemon left, so that nobody who knew an older export can write any more. Gives how many there were. */
export async function endLeftServers(dir: string): Promise<number> {
  const left = new Set((await readdir(dir)).flatMap(name => /^[0-9a-f]{32}\.sock/.exec(name) ?? []))
  for (const name of left) await endLeftServer(join(dir, name))
  return left.size
}
