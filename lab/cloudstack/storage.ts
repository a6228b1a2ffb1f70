import { execFile } from 'node:child_process'
import { mkdir, open, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mountTmpfs, unmount } from './loop-device.js'

const run = promisify(execFile)

const mib = 1024 * 1024
/** What a new volume begins with. */
const garbage = Buffer.alloc(mib, 0xee)

/** The bytes of the volumes: a sparse file of the exact size for each. */
export class Storage {
  readonly #directory: string
  readonly #isDirty: boolean
  /** By volume id: the tmpfs it alone lies on. */
  readonly #limited = new Map<string, string>()

  private constructor(directory: string, isDirty: boolean) {
    this.#directory = directory
    this.#isDirty = isDirty
  }

  static async open(directory: string, isDirty: boolean): Promise<Storage> {
    await mkdir(join(directory, 'volumes'), { recursive: true })
    return new Storage(directory, isDirty)
  }

  path(volumeId: string): string {
    return join(this.#limited.get(volumeId) ?? join(this.#directory, 'volumes'), `${volumeId}.img`)
  }

  async create(volumeId: string, sizeBytes: number): Promise<void> {
    const file = await open(this.path(volumeId), 'wx')
    try {
      await file.truncate(sizeBytes)
      if (this.#isDirty) await file.write(garbage, 0, Math.min(sizeBytes, garbage.length), 0)
    } finally {
      await file.close()
    }
  }

  async grow(volumeId: string, sizeBytes: number): Promise<void> {
    const path = this.path(volumeId)
    if ((await stat(path)).size < sizeBytes) await truncate(path, sizeBytes)
  }

  /** A copy, holes and all. */
  async snapshot(volumeId: string, snapshotId: string): Promise<void> {
    await mkdir(join(this.#directory, 'snapshots'), { recursive: true })
    await copySparse(this.path(volumeId), this.#snapshotPath(snapshotId))
  }

  /** A new volume with the bytes of a snapshot. */
  async createFrom(volumeId: string, snapshotId: string): Promise<void> {
    await copySparse(this.#snapshotPath(snapshotId), this.path(volumeId))
  }

  async revert(volumeId: string, snapshotId: string): Promise<void> {
    await copySparse(this.#snapshotPath(snapshotId), this.path(volumeId))
  }

  async removeSnapshot(snapshotId: string): Promise<void> {
    await rm(this.#snapshotPath(snapshotId), { force: true })
  }

  #snapshotPath(snapshotId: string): string {
    return join(this.#directory, 'snapshots', `${snapshotId}.img`)
  }

  async remove(volumeId: string): Promise<void> {
    await rm(this.path(volumeId), { force: true })
    const mount = this.#limited.get(volumeId)
    if (mount === undefined) return
    await unmount(mount)
    this.#limited.delete(volumeId)
  }

  /**
   * Moves a detached volume to a tmpfs of its own with room for so many bytes; writes beyond them fail for real. Bytes
   * already written count, so the volume has to be new: what it held is gone. Needs root.
   */
  async limit(volumeId: string, roomBytes: number): Promise<void> {
    if (this.#limited.has(volumeId)) throw new RangeError(`volume ${volumeId} is limited already`)
    const { size } = await stat(this.path(volumeId))
    const before = this.path(volumeId)
    const mount = join(this.#directory, 'limited', volumeId)
    await mkdir(mount, { recursive: true })
    await mountTmpfs(mount, roomBytes)
    this.#limited.set(volumeId, mount)
    const file = await open(this.path(volumeId), 'wx')
    try {
      await file.truncate(size)
    } finally {
      await file.close()
    }
    await rm(before)
  }

  /** Uses up the room that is left to a limited volume. */
  async fill(volumeId: string): Promise<void> {
    const file = await open(this.#filler(volumeId), 'a')
    try {
      for (let block = mib; block >= 512;) {
        try {
          await file.write(garbage, 0, block)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
          block /= 2
        }
      }
    } finally {
      await file.close()
    }
  }

  /** Gives back what `fill` used. */
  async free(volumeId: string): Promise<void> {
    await rm(this.#filler(volumeId), { force: true })
  }

  async close(): Promise<void> {
    for (const [volumeId, mount] of [...this.#limited]) {
      await unmount(mount)
      this.#limited.delete(volumeId)
    }
  }

  #filler(volumeId: string): string {
    const mount = this.#limited.get(volumeId)
    if (mount === undefined) throw new RangeError(`volume ${volumeId} is not limited`)
    return join(mount, 'filler')
  }
}

async function copySparse(from: string, to: string): Promise<void> {
  await run('/usr/bin/cp', ['--reflink=auto', '--sparse=always', '--', from, to])
}
