import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fenceToken, type FenceToken } from '../domain/fence.js'
import { type VolumeSerial } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { replaceFile } from '../files/durable.js'

const fileMode = 0o600
const tokenLine = /^[1-9][0-9]{0,18}\n$/

/**
 * The highest fence token seen for each volume, one file each, so that an old holder stays locked out over a restart. A file
 * is replaced as a whole: a crash leaves the older or the newer token. Calls for one volume must not overlap.
 */
export class Fences {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  /**
   * Resolves when the token counts and is durable. Rejects with VOLUME_FENCED when a higher one was seen; with
   * VOLUME_FENCE_BROKEN when that cannot be known or kept. Only a file that is not there means that none was seen.
   */
  async raise(serial: VolumeSerial, token: FenceToken): Promise<void> {
    const highest = await this.#read(serial)
    if (highest !== undefined && token < highest)
      throw new AppError('VOLUME_FENCED', `volume ${serial}: token ${token} came after token ${highest}`)
    if (token !== highest) await this.#write(serial, token)
  }

  async #read(serial: VolumeSerial): Promise<FenceToken | undefined> {
    const path = this.#path(serial)
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
      throw new AppError('VOLUME_FENCE_BROKEN', `reading ${path}`, cause)
    }
    if (!tokenLine.test(text)) throw new AppError('VOLUME_FENCE_BROKEN', `${path} holds no token`)
    return fenceToken(BigInt(text.trimEnd()))
  }

  async #write(serial: VolumeSerial, token: FenceToken): Promise<void> {
    const path = this.#path(serial)
    try {
      // A directory that is gone took the tokens with it, so it is never made anew here.
      await replaceFile(path, `${token}\n`, fileMode)
    } catch (cause) {
      throw new AppError('VOLUME_FENCE_BROKEN', `saving ${path}`, cause)
    }
  }

  #path(serial: VolumeSerial): string {
    return join(this.#dir, `${serial}.fence`)
  }
}
