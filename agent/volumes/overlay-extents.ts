import { execa } from 'execa'
import { endOf, type Extent } from '../domain/extent.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { imageOptions } from './qemu-image.js'

/** What an overlay holds of its volume. */
export interface OverlayExtent extends Extent {
  /** Where its bytes lie in the overlay's file; null: they are zero and lie nowhere. */
  readonly fileOffset: Bytes | null
}

/**
 * Everything the overlay holds, sorted, disjoint, in whole clusters. Nobody may write to it meanwhile. Rejects with
 * STAGING_INVALID when the overlay cannot be read to its end.
 */
export async function overlayExtents(qemuImgPath: string, path: string): Promise<readonly OverlayExtent[]> {
  const argv = ['map', '--output=json', '--image-opts', await imageOptions({ path })]
  const found: OverlayExtent[] = []
  let end = 0n
  let isWhole = false
  const listing = execa(qemuImgPath, argv, {
    stdin: 'ignore',
    reject: false,
    env: {},
    extendEnv: false,
    buffer: { stdout: false },
  })
  // One entry in each line (qemu-img.c, dump_map_entry), so that a long list is never held as text.
  for await (const line of listing.iterable()) {
    const entry = entryOf(line)
    if (entry.offset !== end) throw new AppError('STAGING_INVALID', `the list of ${path} has a gap at ${end}`)
    end += entry.length
    if (entry.held) append(found, entry)
    isWhole = line.trimEnd().endsWith(']')
  }
  const { exitCode } = await listing
  if (exitCode === undefined) throw new AppError('NBD_UNREACHABLE', `${qemuImgPath} was not run to its end`)
  if (exitCode !== 0 || !isWhole) throw new AppError('STAGING_INVALID', `listing what ${path} holds`)
  return found
}

function entryOf(line: string): OverlayExtent & { readonly held: boolean } {
  const value: unknown = JSON.parse(line.replace(/^\[/, '').replace(/[,\]]\s*$/, ''))
  const { start, length, present, zero, offset } = value as Readonly<Record<string, unknown>>
  const isWhole =
    isCount(start) && isCount(length) && typeof present === 'boolean' && typeof zero === 'boolean'
  // Compressed clusters have no offset, and nobody makes such.
  const lies = present === true && zero === false
  if (!isWhole || (lies && !isCount(offset)))
    throw new AppError('STAGING_INVALID', `qemu-img lists ${line.slice(0, 200)}`)
  const fileOffset = lies && isCount(offset) ? BigInt(offset) : null
  return { offset: BigInt(start), length: BigInt(length), held: present, fileOffset }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value)

function append(list: OverlayExtent[], { offset, length, fileOffset }: OverlayExtent): void {
  const last = list.at(-1)
  if (last !== undefined && endOf(last) === offset && goesOn(last, fileOffset))
    list[list.length - 1] = { ...last, length: last.length + length }
  else list.push({ offset, length, fileOffset })
}

const goesOn = (last: OverlayExtent, fileOffset: Bytes | null): boolean =>
  last.fileOffset === null ? fileOffset === null : last.fileOffset + last.length === fileOffset
