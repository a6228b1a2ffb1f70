import { mkdir, open, symlink } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { tarEntries, unusable, type TarEntry } from './tar-entries.js'

export interface UnpackLimits {
  readonly entries: number
  /** Of all files together, unpacked. */
  readonly totalBytes: number
}

/** VDDK 9 has some hundred files with 150 MB. */
export const usualUnpackLimits: UnpackLimits = { entries: 20_000, totalBytes: 2 * 1024 ** 3 }

/**
 * Unpacks a .tar.gz of strangers into a new directory that nobody else may enter yet. Nothing is written outside it, and
 * nothing through a link: links are made when all files are there, and only inside. Rejects with VDDK_ARCHIVE_REFUSED.
 */
export async function unpack(archivePath: string, into: string, limits: UnpackLimits): Promise<void> {
  const links: Extract<TarEntry, { kind: 'symlink' }>[] = []
  let totalBytes = 0
  try {
    for await (const entry of tarEntries(archivePath, limits.entries)) {
      const path = join(into, safeName(entry.name))
      switch (entry.kind) {
        case 'directory':
          await mkdir(path, { recursive: true })
          break
        case 'symlink':
          links.push(entry)
          break
        case 'file':
          totalBytes += entry.sizeBytes
          if (totalBytes > limits.totalBytes)
            throw unusable(`the archive unpacks to more than ${limits.totalBytes} bytes`)
          await mkdir(dirname(path), { recursive: true })
          await writeNew(path, entry)
          break
      }
    }
    for (const { name, target } of links) {
      const path = join(into, safeName(name))
      await mkdir(dirname(path), { recursive: true })
      await symlink(safeTarget(name, target), path)
    }
  } catch (error) {
    throw asRefusal(archivePath, error)
  }
}

/** `wx` fails on whatever is there already, a link as well. */
async function writeNew(path: string, entry: Extract<TarEntry, { kind: 'file' }>): Promise<void> {
  const file = await open(path, 'wx', entry.isExecutable ? 0o755 : 0o644)
  try {
    for await (const part of entry.content) await file.writeFile(part)
    await file.sync()
  } finally {
    await file.close()
  }
}

const isPlain = (segment: string): boolean =>
  segment !== '' && segment !== '.' && segment !== '..' && !/[\u0000-\u001f\u007f\\]/.test(segment)

/** The name below the directory of the archive; one that leads out of it is refused, not repaired. */
function safeName(name: string): string {
  const segments = name
    .replace(/^(\.\/)+/, '')
    .replace(/\/$/, '')
    .split('/')
  if (name === './' || name === '.') return '.'
  if (segments.length > 32 || name.length > 1024 || !segments.every(isPlain))
    throw unusable(`the archive holds the name ${JSON.stringify(name.slice(0, 80))}`)
  return segments.join('/')
}

/** Up first and then only down, so that no other link on the way can lead it out. */
function safeTarget(name: string, target: string): string {
  const segments = target.split('/')
  const down = segments.slice(segments.findIndex(segment => segment !== '..'))
  const lands = posix.join(posix.dirname(safeName(name)), target)
  if (!down.every(isPlain) || lands === '..' || lands.startsWith('../'))
    throw unusable(`the archive holds a link to ${JSON.stringify(target.slice(0, 80))}`)
  return target
}

const refusedCodes = new Set(['EEXIST', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'])

/** What the archive is to blame for; a full disk and the like stay what they are. */
function asRefusal(archivePath: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error
  if (error.code === 'EISDIR' || ('path' in error && error.path === archivePath))
    return unusable(`${archivePath} cannot be read: ${error.code}`, error)
  if (error.code.startsWith('Z_')) return unusable('it is no gzip file, or a damaged one', error)
  if (refusedCodes.has(error.code)) return unusable('the archive holds one name twice', error)
  return error
}
