import { on } from 'node:events'
import { createReadStream } from 'node:fs'
import { Parser, type ReadEntry } from 'tar'
import { AppError } from '../../errors.js'

export type TarEntry =
  | { readonly kind: 'directory'; readonly name: string }
  | { readonly kind: 'symlink'; readonly name: string; readonly target: string }
  | {
      readonly kind: 'file'
      readonly name: string
      readonly sizeBytes: number
      readonly isExecutable: boolean
      /** To be read before the next entry is asked for. */
      readonly content: AsyncIterable<Uint8Array>
    }

/** Of a name that has an entry of its own. */
const maxNameBytes = 4096

export const unusable = (why: string, cause?: unknown): AppError =>
  new AppError('VDDK_ARCHIVE_REFUSED', why, cause)

/**
 * The entries of a .tar.gz in their order, at most `maxEntries`. Nothing but files, directories and symbolic links is passed
 * on: hard links, devices and all else reject with VDDK_ARCHIVE_REFUSED, as does an archive that is damaged or without its end. A file
 * that cannot be read rejects as the system does.
 */
export async function* tarEntries(archivePath: string, maxEntries: number): AsyncGenerator<TarEntry> {
  const parser = new Parser({ strict: true, maxMetaEntrySize: maxNameBytes })
  const file = createReadStream(archivePath)
  const giveUp = (error: Error): void => {
    file.destroy()
    parser.abort(error)
  }
  let entries = 0
  const seen = { end: false }
  // Counted where they arrive: empty entries are not held back by whoever takes them.
  parser.on('entry', () => {
    entries += 1
    if (entries > maxEntries) giveUp(unusable(`the archive has more than ${maxEntries} entries`))
  })
  parser.on('ignoredEntry', ({ type, path }: ReadEntry) =>
    giveUp(unusable(`the archive holds ${JSON.stringify(path.slice(0, 80))}, which is a ${type}`)),
  )
  parser.on('eof', () => (seen.end = true))
  const found = on(parser, 'entry', { close: ['end'] })
  file.on('error', giveUp)
  // The first one ends the iteration; what else is wrong with the same bytes says nothing new.
  parser.on('error', () => file.destroy())
  file.pipe(parser)
  try {
    for await (const [entry] of found as AsyncIterable<[ReadEntry]>) yield understood(entry)
  } catch (error) {
    // TAR_ABORT: somebody else's error, as it was.
    if (!(error instanceof Error && 'tarCode' in error) || error.tarCode === 'TAR_ABORT') throw error
    if (error.message.includes('Truncated')) throw unusable('the archive ends in the middle')
    throw unusable(`it is no tar archive, or a damaged one: ${error.message}`)
  } finally {
    file.destroy()
  }
  if (!seen.end) throw unusable('the archive ends in the middle')
}

function understood(entry: ReadEntry): TarEntry {
  const { path: name, type, size: sizeBytes, mode = 0, linkpath: target = '' } = entry
  switch (type) {
    case 'File':
    case 'OldFile':
      return {
        kind: 'file',
        name,
        sizeBytes,
        isExecutable: (mode & 0o100) !== 0,
        content: entry as AsyncIterable<Uint8Array>,
      }
    case 'Directory':
      entry.resume()
      return { kind: 'directory', name }
    case 'SymbolicLink':
      entry.resume()
      return { kind: 'symlink', name, target }
    default:
      throw unusable(`the archive holds an entry of type ${type}, which VDDK's never do`)
  }
}
