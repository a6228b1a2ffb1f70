import { type FenceToken } from '../domain/fence.js'
import { type PassId, type VolumeSerial } from '../domain/ids.js'
import { type ReadProof } from '../domain/read-proof.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import {
  applyOverlay,
  sealOverlay,
  type OverlayWorkOptions,
  type OnProgress,
  type SealedOverlay,
} from './apply-overlay.js'
import { checkDevice } from './check-device.js'
import { type VolumeExports } from './exports.js'
import { removeOverlay } from './overlay-image.js'
import { foundOverlays, freeStagingBytes, overlayPath, type OverlayName } from './overlay-places.js'

/** `diskBytes`: how long the source's disk is. */
export type StagedOrder =
  | { readonly kind: 'seal'; readonly diskBytes: Bytes }
  | { readonly kind: 'apply'; readonly diskBytes: Bytes; /** As the seal gave it. */ readonly digest: string }
  /** Of a pass that wrote the volume itself. */
  | { readonly kind: 'check'; readonly diskBytes: Bytes }

export type StagedProgress =
  | { readonly kind: 'running'; readonly doneBytes: Bytes; readonly totalBytes: Bytes | null }
  | { readonly kind: 'sealed'; readonly sealed: SealedOverlay }
  | { readonly kind: 'applied' }
  | { readonly kind: 'checked'; readonly found: ReadProof }

interface Work {
  readonly order: StagedOrder
  readonly pass: PassId
  readonly cancel: AbortController
  readonly ended: Promise<void>
  readonly standing: StagedProgress | { readonly kind: 'failed'; readonly error: unknown }
}

export interface StagedOptions extends OverlayWorkOptions {
  readonly exports: VolumeExports
  readonly logger: Logger
}

/**
 * The long work on staged passes: one piece for each volume at a time, asked for again and again until it has ended. What
 * was reached is not remembered over a restart of the daemon; asking once more does it once more.
 */
export class StagedVolumes {
  readonly #options: StagedOptions
  readonly #work = new Map<VolumeSerial, Work>()
  /** Digests of overlays as this process read them back after nobody could write them any more. */
  readonly #readBack = new Map<string, string>()

  constructor(options: StagedOptions) {
    this.#options = options
  }

  /**
   * Begins the work, or tells how far it is. Rejects with VOLUME_BUSY while something else is done with the volume, and
   * once with what the work failed with, which is VOLUME_FENCED where it began with a token lower than one seen before.
   */
  advance(name: OverlayName, order: StagedOrder, fence: FenceToken): Promise<StagedProgress> {
    return new Promise(resolve => resolve(this.#standing(name, order, fence)))
  }

  #standing(name: OverlayName, order: StagedOrder, fence: FenceToken): StagedProgress {
    const known = this.#work.get(name.serial)
    const isSame = known?.pass === name.pass && known.order.kind === order.kind
    if (known !== undefined && !isSame && known.standing.kind === 'running')
      throw new AppError(
        'VOLUME_BUSY',
        `volume ${name.serial}: ${known.order.kind} of pass ${known.pass} runs`,
      )
    const work = known !== undefined && isSame ? known : this.#begin(name, order, fence)
    if (work.standing.kind !== 'failed') return work.standing
    this.#work.delete(name.serial)
    throw work.standing.error
  }

  /** Absent is dropped. Whatever is done with the overlay ends first. Rejects with VOLUME_FENCED. */
  async drop(name: OverlayName, fence: FenceToken): Promise<void> {
    const known = this.#work.get(name.serial)
    if (known?.pass === name.pass) {
      known.cancel.abort(new AppError('VOLUME_BUSY', `pass ${name.pass} is dropped`))
      await known.ended
      this.#work.delete(name.serial)
    }
    const path = overlayPath(this.#options.staging.dir, name)
    await this.#options.exports.aloneUnflushed(name.serial, fence, () => removeOverlay(path))
    this.#readBack.delete(path)
  }

  async space() {
    const { dir } = this.#options.staging
    return { freeBytes: await freeStagingBytes(dir), overlays: await foundOverlays(dir) }
  }

  async stop(): Promise<void> {
    const all = [...this.#work.values()]
    for (const { cancel } of all)
      cancel.abort(new AppError('VOLUMED_UNREACHABLE', 'the volume daemon is stopping'))
    await Promise.all(all.map(({ ended }) => ended))
  }

  #begin(name: OverlayName, order: StagedOrder, fence: FenceToken): Work {
    const cancel = new AbortController()
    let standing: Work['standing'] = { kind: 'running', doneBytes: 0n, totalBytes: null }
    const onProgress: OnProgress = (doneBytes, totalBytes) => {
      standing = { kind: 'running', doneBytes, totalBytes }
    }
    const { exports, logger } = this.#options
    const ended = exports
      .alone(name.serial, fence, () => this.#run(name, order, onProgress, cancel.signal))
      .then(
        result => {
          standing = result
          logger.info({ ...name, work: order.kind }, 'staged pass: work done')
        },
        (error: unknown) => {
          standing = { kind: 'failed', error }
          logger.error({ ...name, work: order.kind, err: error }, 'staged pass: work failed')
        },
      )
    const work: Work = {
      order,
      pass: name.pass,
      cancel,
      ended,
      get standing() {
        return standing
      },
    }
    this.#work.set(name.serial, work)
    return work
  }

  async #run(
    name: OverlayName,
    order: StagedOrder,
    onProgress: OnProgress,
    signal: AbortSignal,
  ): Promise<StagedProgress> {
    const path = overlayPath(this.#options.staging.dir, name)
    switch (order.kind) {
      case 'seal': {
        const sealed = await sealOverlay(this.#options, name, order.diskBytes, onProgress, signal)
        this.#readBack.set(path, sealed.digest)
        return { kind: 'sealed', sealed }
      }
      case 'apply': {
        const isTrusted = this.#readBack.get(path) === order.digest
        await applyOverlay(this.#options, name, { ...order, isTrusted }, onProgress, signal)
        return { kind: 'applied' }
      }
      case 'check': {
        const found = await checkDevice(this.#options, name.serial, order.diskBytes, onProgress, signal)
        return { kind: 'checked', found }
      }
    }
  }
}
