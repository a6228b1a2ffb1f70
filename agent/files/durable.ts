import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Replaces a file as a whole and makes it durable: a crash leaves the old one or the new one, and perhaps a `.new` beside it.
 * Its directory has to exist. Calls for one path must not overlap.
 */
export async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const file = await open(`${path}.new`, 'w', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectoryOf(path)
}

/** As above, and makes the directory when it is missing. Null removes the file. */
export async function putFile(path: string, content: string | null, mode: number): Promise<void> {
  if (content === null) {
    await rm(path, { force: true })
    await syncDirectoryOf(path)
  } else {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 })
    await replaceFile(path, content, mode)
  }
}

/** Null: not there. */
export async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

async function syncDirectoryOf(path: string): Promise<void> {
  try {
    const directory = await open(dirname(path), 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    // A file removed from a directory that never was is not there for good.
    if (!isAbsent(error)) throw error
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'
