import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { coalesce, endOf, type Extent } from '../domain/extent.js'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { copyExtents } from '../nbd/copy-extents.js'
import { type NbdServer } from '../nbdkit/nbd-process.js'
import { startQemuNbd } from '../nbdkit/qemu-nbd.js'
import { startNbdkit } from '../nbdkit/server.js'
import { overlayExtents } from './overlay-extents.js'
import { ensureOverlay, overlayClusterBytes, removeOverlay, syncOverlay } from './overlay-image.js'
import { imageOptions } from './qemu-image.js'
import { type LayerName, type UndoLayers } from './undo-layers.js'

export interface UndoTools {
  readonly layers: UndoLayers
  readonly socketDir: string
  readonly nbdkitPath: string
  readonly qemuNbdPath: string
  readonly qemuImgPath: string
  readonly startTimeoutMs: number
}

/** A volume whose device was just proven. */
export interface ProvenVolume {
  readonly serial: VolumeSerial
  readonly devicePath: string
  readonly sizeBytes: Bytes
}

const connections = 4

/**
 * Saves what the volume holds in `extents`, in whole clusters, and seals it; only then may they be written. A layer that is
 * sealed already is left as it is: the writing it belongs to may have begun, so the volume no longer holds what was there.
 * Rejects with UNDO_FULL without room, UNDO_INVALID when a sealed layer lacks something of `extents`; the volume is only read.
 */
export async function saveUndo(
  tools: UndoTools,
  volume: ProvenVolume,
  name: LayerName,
  extents: readonly Extent[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = coalesce(extents, BigInt(overlayClusterBytes), volume.sizeBytes)
  const { layers, qemuImgPath } = tools
  const sealed = layers.sealedPath(volume.serial, name)
  if (await layers.isSealed(volume.serial, name)) {
    await syncOverlay(sealed)
    return requireHeld(qemuImgPath, sealed, wanted)
  }
  const part = layers.partPath(volume.serial, name)
  try {
    await removeOverlay(part)
    await ensureOverlay(qemuImgPath, part, volume.sizeBytes)
    await copyInto(tools, volume, part, wanted, signal)
    await requireHeld(qemuImgPath, part, wanted)
    await layers.seal(volume.serial, name)
  } catch (cause) {
    await removeOverlay(part)
    throw isFull(cause) ? new AppError('UNDO_FULL', `saving undo of volume ${volume.serial}`, cause) : cause
  }
}

const isFull = (cause: unknown): boolean =>
  cause instanceof AppError && (cause.code === 'TARGET_FULL' || cause.code === 'STAGING_FULL')

async function copyInto(
  tools: UndoTools,
  { serial, devicePath }: ProvenVolume,
  part: string,
  extents: readonly Extent[],
  signal: AbortSignal,
): Promise<void> {
  const { nbdkitPath, qemuNbdPath, startTimeoutMs } = tools
  const source = randomSocket(tools.socketDir)
  const target = randomSocket(tools.socketDir)
  const argv = ['--readonly', 'file', devicePath]
  const served: NbdServer[] = [
    await startNbdkit({ nbdkitPath, socketPath: source.path, argv, startTimeoutMs }),
  ]
  try {
    served.push(
      await startQemuNbd({
        qemuNbdPath,
        socketPath: target.path,
        exportName: target.name,
        clients: connections,
        readOnly: false,
        image: await imageOptions({ path: part }),
        startTimeoutMs,
      }),
    )
    const ends = {
      source: { kind: 'unix', path: source.path, exportName: '' },
      target: { kind: 'unix', path: target.path, exportName: target.name },
    } as const
    await copyExtents(`undo of volume ${serial}`, ends, extents, signal)
  } finally {
    for (const server of served) await server.end()
  }
}

/** The proof before the volume is written: the file itself says that it holds every cluster. */
export async function requireHeld(
  qemuImgPath: string,
  path: string,
  wanted: readonly Extent[],
): Promise<void> {
  const held = await overlayExtents(qemuImgPath, path)
  let index = 0
  for (const { offset, length } of wanted) {
    for (let at = offset; at < offset + length;) {
      while (index < held.length && endOf(held[index] ?? nowhere) <= at) index += 1
      const here = held[index]
      if (here === undefined || here.offset > at)
        throw new AppError('UNDO_INVALID', `${path} holds nothing at ${at}`)
      at = endOf(here)
    }
  }
}

const nowhere: Extent = { offset: 0n, length: 0n }

/** A name nobody knows, on a socket that the daemon's next start recognises as its own. */
export function randomSocket(dir: string): { readonly path: string; readonly name: string } {
  const name = randomBytes(16).toString('hex')
  return { path: join(dir, `${name}.sock`), name }
}
