import { createHash } from 'node:crypto'
import { hashDisk } from '../../native/copy.js'
import { type ConnectTarget, type HashSettings, type Manifest } from '../../native/types.js'
import { type Bytes } from '../domain/units.js'
import { type OverlayExtent } from './overlay-extents.js'

/** Finds damage; nobody but this daemon writes overlays. */
export const overlayHash = { algorithm: 'xxh3-128', blockBytes: 1_048_576 } satisfies HashSettings

/** One digest for everything a manifest covers: its blocks, where they lie and what they hold. */
export function digestOf({ algorithm, blockBytes, extents, digests }: Manifest): string {
  const hash = createHash('sha256').update(`${algorithm} ${blockBytes}`)
  for (const { offset, length } of extents) hash.update(` ${offset}+${length}`)
  return hash.update('\n').update(digests).digest('hex')
}

/** Reads back all an overlay holds. Rejects as hashDisk() does. */
export async function digestOfOverlay(
  source: ConnectTarget,
  extents: readonly OverlayExtent[],
  onProgress: (readBytes: Bytes) => void,
  signal: AbortSignal,
): Promise<string> {
  const manifest = await hashDisk({
    source,
    extents,
    hash: overlayHash,
    signal,
    onProgress: ({ readBytes }) => onProgress(readBytes),
  })
  return digestOf(manifest)
}
