import { type NbdServer } from '../nbdkit/nbd-process.js'
import { startQemuNbd } from '../nbdkit/qemu-nbd.js'
import { imageOptions } from './qemu-image.js'

export interface OverlayServerOptions {
  readonly qemuNbdPath: string
  readonly socketPath: string
  readonly exportName: string
  readonly startTimeoutMs: number
}

/** More than the copy engine ever opens. */
const clients = 16

/**
 * Serves the volume with the overlay over it: reads fall through to the device, writes stay in the overlay. Rejects with
 * NBD_UNREACHABLE.
 */
export async function serveStaged(
  options: OverlayServerOptions,
  node: { readonly path: string; readonly backingPath: string },
): Promise<NbdServer> {
  return startQemuNbd({ ...options, clients, readOnly: false, image: await imageOptions(node) })
}
