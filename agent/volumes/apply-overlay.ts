import { open } from 'node:fs/promises'
import { copyFromFile, sumOfFile, type FilePart } from '../../native/file-copy.js'
import { totalLength } from '../domain/extent.js'
import { readProof, type ReadProof } from '../domain/read-proof.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { isStillThere, proveDevice } from './identity.js'
import { overlayError } from './overlay-errors.js'
import { overlayExtents, type OverlayExtent } from './overlay-extents.js'
import { requireSound, syncOverlay } from './overlay-image.js'
import { partsOf, sealedDigest, type OverlayParts, type OverlaySums } from './overlay-parts.js'
import { overlayPath, type OverlayName } from './overlay-places.js'
import { type StagingTools } from './exports.js'

export interface OverlayWorkOptions {
  readonly byIdDir: string
  readonly staging: StagingTools
  readonly preserve: Preserve
}

/** What an apply is about to overwrite. */
export interface Overwritten extends OverlayName {
  /** Of the proven device. */
  readonly devicePath: string
  readonly extents: readonly OverlayExtent[]
}

/**
 * Resolves when the old contents of these extents are kept durably, or nobody wants them. Called again for the same pass when
 * an apply is done anew after a crash: part of the device may be overwritten by then, so what was kept the first time counts.
 */
export type Preserve = (overwritten: Overwritten, signal: AbortSignal) => Promise<void>

export const keepNothing: Preserve = () => Promise.resolve()

/** What a staged pass holds of one disk. Bytes. */
export interface SealedOverlay {
  readonly dataBytes: Bytes
  readonly zeroBytes: Bytes
  /** Of everything it holds, as it reads. */
  readonly digest: string
  /** Of what it holds of the disk, to be compared with what was read of the source. */
  readonly found: ReadProof
}

export type OnProgress = (doneBytes: Bytes, totalBytes: Bytes) => void

/**
 * Makes a pass that was written and flushed durable as a whole and reads it back from its file. `diskBytes`: how long the
 * source's disk is; the volume may be longer. Rejects with TARGET_FLUSH_FAILED, or as proveDevice() and requireSound() do.
 */
export async function sealOverlay(
  options: OverlayWorkOptions,
  name: OverlayName,
  diskBytes: Bytes,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<SealedOverlay> {
  const { staging, byIdDir } = options
  const path = overlayPath(staging.dir, name)
  const { sizeBytes } = await proveDevice(byIdDir, name.serial, diskBytes)
  await requireSound(staging.qemuImgPath, path, sizeBytes)
  try {
    await syncOverlay(path)
  } catch (cause) {
    throw new AppError('TARGET_FLUSH_FAILED', `what was staged for volume ${name.serial}`, cause)
  }
  const extents = await overlayExtents(staging.qemuImgPath, path)
  const parts = partsOf(extents, diskBytes)
  const sums = await sumsOf(path, parts, onProgress, signal, sumOfFile)
  return {
    ...sizesOf(extents),
    digest: sealedDigest(extents, sums),
    found: readProof(parts.ofDisk, sums.ofDisk),
  }
}

/**
 * Writes what a sealed overlay holds to its device and flushes it; repeatable, also after it was broken off anywhere. Unless
 * `isTrusted` (read back by this process since it was written) the overlay is read as a whole first, so that a damaged one
 * never reaches the device. Rejects with STAGING_MISSING or STAGING_INVALID; when that is found while writing, the device
 * holds a mixture. Rejects with TARGET_WRITE_FAILED, TARGET_FULL or TARGET_FLUSH_FAILED when the device does not take it.
 */
export async function applyOverlay(
  options: OverlayWorkOptions,
  name: OverlayName,
  sealed: { readonly digest: string; readonly diskBytes: Bytes; readonly isTrusted: boolean },
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const { staging, byIdDir } = options
  const { serial } = name
  const path = overlayPath(staging.dir, name)
  const proven = await proveDevice(byIdDir, serial, sealed.diskBytes)
  await requireSound(staging.qemuImgPath, path, proven.sizeBytes)
  const extents = await overlayExtents(staging.qemuImgPath, path)
  const parts = partsOf(extents, sealed.diskBytes)
  if (!sealed.isTrusted) {
    const found = await sumsOf(path, parts, () => undefined, signal, sumOfFile)
    if (sealedDigest(extents, found) !== sealed.digest)
      throw new AppError('STAGING_INVALID', `${path} is not what was sealed`)
  }
  await options.preserve({ ...name, devicePath: proven.path, extents }, signal)
  // Open from before the first write, so that no error of the device is missed by the sync.
  const written = await open(proven.path, 'r')
  try {
    const sums = await sumsOf(path, parts, onProgress, signal, request =>
      copyFromFile({ ...request, target: proven.path }),
    )
    if (!(await isStillThere(byIdDir, serial, proven)))
      throw new AppError('VOLUME_IDENTITY_MISMATCH', `another device took the serial ${serial} meanwhile`)
    if (sealedDigest(extents, sums) !== sealed.digest)
      throw new AppError(
        'STAGING_INVALID',
        `${path} gave other bytes than were sealed, and they are on its volume`,
      )
    await written.sync().catch((cause: unknown) => {
      throw new AppError(
        'TARGET_FLUSH_FAILED',
        `the device of volume ${serial} after a pass was applied`,
        cause,
      )
    })
  } finally {
    await written.close()
  }
}

/** Goes through all an overlay holds, with one of native/file-copy.ts. */
async function sumsOf(
  path: string,
  { ofDisk, beyond }: OverlayParts,
  onProgress: OnProgress,
  signal: AbortSignal,
  read: (request: Parameters<typeof sumOfFile>[0]) => Promise<bigint>,
): Promise<OverlaySums> {
  const totalBytes = lyingBytes(ofDisk) + lyingBytes(beyond)
  const sum = (parts: readonly FilePart[], before: Bytes): Promise<bigint> =>
    read({
      source: path,
      parts,
      signal,
      onProgress: doneBytes => onProgress(before + doneBytes, totalBytes),
    })
  try {
    return { ofDisk: await sum(ofDisk, 0n), beyond: await sum(beyond, lyingBytes(ofDisk)) }
  } catch (cause) {
    throw overlayError(path, cause, signal)
  }
}

const lyingBytes = (parts: readonly FilePart[]): Bytes =>
  totalLength(parts.filter(part => part.fileOffset !== null))

const sizesOf = (extents: readonly OverlayExtent[]) => ({
  dataBytes: totalLength(extents.filter(extent => extent.fileOffset !== null)),
  zeroBytes: totalLength(extents.filter(extent => extent.fileOffset === null)),
})
