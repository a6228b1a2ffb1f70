import { open } from 'node:fs/promises'
import { copy } from '../../native/copy.js'
import { totalLength } from '../domain/extent.js'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { isStillThere, proveDevice } from './identity.js'
import { overlayError, withDevice, withOverlay, type EndsOptions } from './overlay-ends.js'
import { digestOf, digestOfOverlay, overlayHash } from './overlay-digest.js'
import { overlayExtents, type OverlayExtent } from './overlay-extents.js'
import { requireSound, syncOverlay } from './overlay-image.js'
import { overlayPath, type OverlayName } from './overlay-places.js'

export interface OverlayWorkOptions extends EndsOptions {
  readonly byIdDir: string
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
}

export type OnProgress = (doneBytes: Bytes, totalBytes: Bytes) => void

/**
 * Makes a pass that was written and flushed durable as a whole, reads it back and gives its digest. Rejects with
 * TARGET_FLUSH_FAILED, or as proveDevice() and requireSound() do.
 */
export async function sealOverlay(
  options: OverlayWorkOptions,
  name: OverlayName,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<SealedOverlay> {
  const { staging, byIdDir } = options
  const path = overlayPath(staging.dir, name)
  const { sizeBytes } = await proveDevice(byIdDir, name.serial, 0n)
  await requireSound(staging.qemuImgPath, path, sizeBytes)
  try {
    await syncOverlay(path)
  } catch (cause) {
    throw new AppError('TARGET_FLUSH_FAILED', `what was staged for volume ${name.serial}`, cause)
  }
  const extents = await overlayExtents(staging.qemuImgPath, path)
  return { ...sizesOf(extents), digest: await readBack(options, path, extents, onProgress, signal) }
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
  sealed: { readonly digest: string; readonly isTrusted: boolean },
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const { staging, byIdDir } = options
  const { serial } = name
  const path = overlayPath(staging.dir, name)
  const proven = await proveDevice(byIdDir, serial, 0n)
  await requireSound(staging.qemuImgPath, path, proven.sizeBytes)
  const extents = await overlayExtents(staging.qemuImgPath, path)
  if (!sealed.isTrusted) {
    const found = await readBack(options, path, extents, () => undefined, signal)
    if (found !== sealed.digest) throw new AppError('STAGING_INVALID', `${path} is not what was sealed`)
  }
  await options.preserve({ ...name, devicePath: proven.path, extents }, signal)
  const written = await open(proven.path, 'r')
  try {
    const digest = await copyOver(
      options,
      { serial, path, devicePath: proven.path, extents },
      onProgress,
      signal,
    )
    if (!(await isStillThere(byIdDir, serial, proven)))
      throw new AppError('VOLUME_IDENTITY_MISMATCH', `another device took the serial ${serial} meanwhile`)
    if (digest !== sealed.digest)
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

async function readBack(
  options: OverlayWorkOptions,
  path: string,
  extents: readonly OverlayExtent[],
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<string> {
  const { dataBytes } = sizesOf(extents)
  return withOverlay(options, path, source =>
    digestOfOverlay(source, extents, doneBytes => onProgress(doneBytes, dataBytes), signal),
  ).catch((cause: unknown) => {
    throw overlayError(path, cause, signal)
  })
}

/** Gives the digest of what was written. */
function copyOver(
  options: OverlayWorkOptions,
  what: {
    readonly serial: VolumeSerial
    readonly path: string
    readonly devicePath: string
    readonly extents: readonly OverlayExtent[]
  },
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<string> {
  const { path, devicePath, extents } = what
  const { dataBytes } = sizesOf(extents)
  return withOverlay(options, path, source =>
    withDevice(options, devicePath, async target => {
      const { manifest, connections, flushedConnections } = await copy({
        source,
        target,
        extents,
        targetIsZero: false,
        hash: overlayHash,
        signal,
        onProgress: ({ readBytes }) => onProgress(readBytes, dataBytes),
      })
      if (manifest === undefined || flushedConnections !== connections)
        throw new AppError('TARGET_FLUSH_FAILED', `the device of volume ${what.serial} has no flush`)
      return digestOf(manifest)
    }),
  ).catch((cause: unknown) => {
    throw overlayError(path, cause, signal)
  })
}

const sizesOf = (extents: readonly OverlayExtent[]) => ({
  dataBytes: totalLength(extents.filter(extent => !extent.zero)),
  zeroBytes: totalLength(extents.filter(extent => extent.zero)),
})
