import { type FenceToken } from '../domain/fence.js'
import { type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type VolumeExports } from './exports.js'

export type PointProgress = { readonly kind: 'running' } | { readonly kind: 'done'; readonly bytes: Bytes }

interface Work {
  readonly key: string
  readonly cancel: AbortController
  readonly ended: Promise<void>
  standing: PointProgress | { readonly kind: 'failed'; readonly error: unknown }
}

/**
 * The long work on points: one piece for each volume at a time, asked for again and again until it has ended. Nothing is
 * remembered over a restart of the daemon; all of it may be done once more.
 */
export class PointWork {
  readonly #exports: Pick<VolumeExports, 'alone'>
  readonly #logger: Logger
  readonly #work = new Map<VolumeSerial, Work>()

  constructor(exports: Pick<VolumeExports, 'alone'>, logger: Logger) {
    this.#exports = exports
    this.#logger = logger
  }

  /**
   * Begins the work or tells how far it is; `key` says whether it is the same. Rejects with VOLUME_FENCED for an old token, with
   * VOLUME_BUSY while other work runs, and once with what the work failed with.
   */
  advance(
    serial: VolumeSerial,
    key: string,
    fence: FenceToken,
    run: (signal: AbortSignal) => Promise<Bytes>,
  ): PointProgress {
    const known = this.#work.get(serial)
    if (known !== undefined && known.key !== key && known.standing.kind === 'running')
      throw new AppError('VOLUME_BUSY', `volume ${serial}: ${known.key} runs`)
    const work = known?.key === key ? known : this.#begin(serial, key, fence, run)
    if (work.standing.kind === 'running') return work.standing
    this.#work.delete(serial)
    if (work.standing.kind === 'failed') throw work.standing.error
    return work.standing
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    const all = [...this.#work.values()]
    for (const { cancel } of all)
      cancel.abort(new AppError('VOLUMED_UNREACHABLE', 'the volume daemon is stopping'))
    await Promise.all(all.map(({ ended }) => ended))
  }

  #begin(
    serial: VolumeSerial,
    key: string,
    fence: FenceToken,
    run: (signal: AbortSignal) => Promise<Bytes>,
  ): Work {
    const cancel = new AbortController()
    const ended = this.#exports
      .alone(serial, fence, () => run(cancel.signal))
      .then(
        bytes => {
          work.standing = { kind: 'done', bytes }
          this.#logger.info({ serial, work: key, bytes: bytes.toString() }, 'work on points done')
        },
        (error: unknown) => {
          work.standing = { kind: 'failed', error }
          this.#logger.error({ serial, work: key, err: error }, 'work on points failed')
        },
      )
    const work: Work = { key, cancel, ended, standing: { kind: 'running' } }
    this.#work.set(serial, work)
    return work
  }
}
