import { mkdir, readdir, readlink, rm, symlink } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import {
  attachLoop,
  cutLoop,
  detachLoop,
  loopsBelow,
  mountsBelow,
  resizeLoop,
  unmount,
} from './loop-device.js'
import { serialOf, type Devices } from './devices.js'
import { type LocalDevicesChoice } from './options.js'

/** How long others may take to let go of a loop device. */
const closeWaitMs = 5000

/** The appliance VM is this machine: a link per attached volume where udev would put it, to a real block device. */
export class LocalDevices implements Devices {
  readonly byIdDir: string
  readonly kind: 'loop' | 'file'
  readonly #directory: string
  /** By volume id: what its link leads to. */
  readonly #paths = new Map<string, string>()

  private constructor(kind: 'loop' | 'file', byIdDir: string, directory: string) {
    this.kind = kind
    this.byIdDir = byIdDir
    this.#directory = directory
  }

  /** `probeFile` is a file of at least one sector to try a loop device on. */
  static async open(
    choice: LocalDevicesChoice,
    byIdDir: string,
    directory: string,
    probeFile: string,
  ): Promise<LocalDevices> {
    await mkdir(byIdDir, { recursive: true })
    const kind = choice === 'auto' ? await bestKind(probeFile) : choice
    return new LocalDevices(kind, byIdDir, directory)
  }

  async attach(volumeId: string, file: string): Promise<void> {
    const path = this.kind === 'loop' ? await attachLoop(file) : file
    try {
      await symlink(path, this.#link(volumeId))
    } catch (error) {
      if (this.kind === 'loop') await detachLoop(path)
      throw error
    }
    this.#paths.set(volumeId, path)
  }

  /** The link goes; a process that still has the device open gets errors for everything it writes from now on. */
  async detach(volumeId: string): Promise<void> {
    const path = this.#paths.get(volumeId)
    if (path === undefined) return
    await rm(this.#link(volumeId), { force: true })
    if (this.kind === 'loop') {
      await cutLoop(path)
      await detachLoop(path)
    }
    this.#paths.delete(volumeId)
  }

  async resized(volumeId: string): Promise<void> {
    const path = this.#paths.get(volumeId)
    if (path !== undefined && this.kind === 'loop') await resizeLoop(path)
  }

  async breakDevice(volumeId: string): Promise<void> {
    const path = this.#paths.get(volumeId)
    if (path === undefined || this.kind !== 'loop')
      throw new RangeError(`volume ${volumeId} has no loop device to break`)
    await cutLoop(path)
  }

  /** Devices stay, as they do for a guest that is off. */
  power(): Promise<void> {
    return Promise.resolve()
  }

  async close(): Promise<void> {
    for (const volumeId of [...this.#paths.keys()]) await this.detach(volumeId)
    if (this.kind === 'loop') await untilFree(this.#directory)
  }

  #link(volumeId: string): string {
    return join(this.byIdDir, `virtio-${serialOf(volumeId)}`)
  }
}

async function bestKind(probeFile: string): Promise<'loop' | 'file'> {
  if (process.getuid?.() !== 0) return 'file'
  try {
    await detachLoop(await attachLoop(probeFile))
    return 'loop'
  } catch {
    // No loop devices here, as in many containers; the facts say that files are used.
    return 'file'
  }
}

/** A detached device goes when the last process that has it open closes it; who looks at devices opens each for a moment. */
async function untilFree(directory: string): Promise<void> {
  const end = performance.now() + closeWaitMs
  for (;;) {
    const left = await loopsBelow(directory)
    if (left.length === 0) return
    if (performance.now() > end)
      throw new Error(`still open by a process: ${left.map(({ device }) => device).join(', ')}`)
    await after(20)
  }
}

/**
 * Removes what a simulator that was killed left: links in `byIdDir`, loop devices and mounts, as far as they lead into
 * `directory`. Volumes' files stay. Returns the loop devices it detached; rejects when a process keeps one open.
 */
export async function cleanUpStale(directory: string, byIdDir: string): Promise<readonly string[]> {
  const loops = process.getuid?.() === 0 ? await loopsBelow(directory) : []
  const stale = new Set(loops.map(({ device }) => device))
  const top = `${resolve(directory)}${sep}`
  for (const name of await namesIn(byIdDir)) {
    if (!/^virtio-[0-9a-f]{20}$/.test(name)) continue
    const target = await readlink(join(byIdDir, name))
    if (stale.has(target) || target.startsWith(top)) await rm(join(byIdDir, name), { force: true })
  }
  for (const device of stale) await detachLoop(device)
  if (stale.size > 0) await untilFree(directory)
  for (const mount of await mountsBelow(directory)) await unmount(mount)
  return [...stale]
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
