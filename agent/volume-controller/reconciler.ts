import { snapshotId, volumeId } from '../domain/ids.js'
import { Turns } from '../domain/turns.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type CloudVolumes, type VolumeDaemon } from './deps.js'
import { findingsOf, type Finding, type FindingKind, type Observed, type Recorded } from './findings.js'
import { type VolumeRequest } from './operation.js'

export interface StoredFinding extends Finding {
  readonly firstSeenAt: Date
  readonly lastSeenAt: Date
}

export interface FindingStore {
  readonly recorded: () => Promise<Recorded>
  /** Replaces the stored findings by these, in one transaction; one that was there keeps when it was first seen. */
  readonly replace: (findings: readonly Finding[]) => Promise<void>
  readonly all: () => Promise<readonly StoredFinding[]>
}

export interface NameChanges {
  readonly made: string[]
  readonly repaired: string[]
  readonly dropped: string[]
}

export interface ReconcilerOptions {
  readonly cloud: Pick<CloudVolumes, 'applianceVmId' | 'all' | 'allSnapshots'>
  readonly daemon: Pick<VolumeDaemon, 'devices' | 'exports'> & {
    readonly mendNames: (signal: AbortSignal) => Promise<NameChanges>
  }
  readonly store: FindingStore
  /** Records an operation; the same key finds the same one. */
  readonly request: (idempotencyKey: string, request: VolumeRequest) => Promise<{ readonly id: string }>
  readonly onWork: () => void
  /** An orphan is not removed before it has been seen for so long. */
  readonly orphanAgeMs: number
  /** False: orphans are listed, and removed when an operator says so. */
  readonly removesByItself: boolean
  readonly now: () => Date
  readonly logger: Logger
}

export type RemovableKind = Extract<FindingKind, 'orphan-volume' | 'orphan-export' | 'orphan-snapshot'>

const isRemovable = (kind: FindingKind): kind is RemovableKind =>
  kind === 'orphan-volume' || kind === 'orphan-export' || kind === 'orphan-snapshot'

/**
 * Compares CloudStack and the devices with the database, now and then and when asked. It changes nothing itself: what is
 * removed is removed by an operation, in its turn and with all its checks. Objects of others are never findings.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #turns = new Turns<'look'>()

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  async findings() {
    return (await this.#options.store.all()).map(viewOf)
  }

  /** Rejects, and changes no finding, when something could not be seen. */
  async sync(signal: AbortSignal) {
    const { made, repaired, dropped } = await this.#options.daemon.mendNames(signal)
    await this.#look(signal)
    return { names: { made, repaired, dropped }, findings: await this.findings() }
  }

  async remove(kind: RemovableKind, subject: string, signal: AbortSignal): Promise<{ readonly id: string }> {
    await this.#look(signal)
    const found = (await this.#options.store.all()).find(one => one.kind === kind && one.subject === subject)
    if (found === undefined) throw new AppError('NOT_FOUND', `there is no ${kind} ${subject}`)
    return this.#remove(kind, found, signal)
  }

  async #remove(
    kind: RemovableKind,
    found: StoredFinding,
    signal: AbortSignal,
  ): Promise<{ readonly id: string }> {
    const { orphanAgeMs, now, request } = this.#options
    const since = found.firstSeenAt.toISOString()
    if (now().getTime() - found.firstSeenAt.getTime() < orphanAgeMs)
      throw new AppError('ORPHAN_TOO_YOUNG', `${kind} ${found.subject} is seen since ${since}`)
    // What comes back later is another orphan, and gets an operation of its own.
    const key = `${kind}:${found.subject}:${found.firstSeenAt.getTime()}`
    return request(key, await this.#removalOf(kind, found.subject, signal))
  }

  async #removalOf(kind: RemovableKind, subject: string, signal: AbortSignal): Promise<VolumeRequest> {
    switch (kind) {
      case 'orphan-volume':
        return { kind: 'delete', volumeId: volumeId(subject) }
      case 'orphan-export':
        return { kind: 'revoke', volumeId: volumeId(subject) }
      case 'orphan-snapshot': {
        const all = await this.#options.cloud.allSnapshots(signal)
        const of = all.find(({ id }) => id === subject)?.volumeId
        if (of === undefined) throw new AppError('NOT_FOUND', `snapshot ${subject} is gone`)
        return { kind: 'delete-snapshot', volumeId: of, snapshotId: snapshotId(subject) }
      }
    }
  }

  /** One look at a time: an older one must not overwrite the findings of a newer one. */
  #look(signal: AbortSignal): Promise<void> {
    return this.#turns.take('look', () => this.#lookNow(signal))
  }

  async #lookNow(signal: AbortSignal): Promise<void> {
    const { cloud, daemon, store, logger } = this.#options
    const { items: devices, doubts } = await daemon.devices(signal)
    const observed: Observed = {
      applianceVmId: await cloud.applianceVmId(),
      volumes: await cloud.all(signal),
      devices,
      doubts,
      exports: await daemon.exports(signal),
      snapshots: await cloud.allSnapshots(signal),
    }
    const findings = findingsOf(observed, await store.recorded())
    const known = new Set((await store.all()).map(({ kind, subject }) => `${kind} ${subject}`))
    await store.replace(findings)
    for (const { kind, subject, what } of findings)
      if (!known.has(`${kind} ${subject}`))
        logger.warn({ kind, subject, what }, 'volumes are not as recorded')
  }

  /** A look, and the removal of what is old enough where that is wanted. Without a CloudStack there is nothing to compare. */
  async compare(signal: AbortSignal): Promise<void> {
    try {
      await this.#look(signal)
    } catch (error) {
      if (error instanceof AppError && error.code === 'CLOUDSTACK_NOT_CONFIGURED') return
      throw error
    }
    if (this.#options.removesByItself) await this.#removeOld(signal)
  }

  async #removeOld(signal: AbortSignal): Promise<void> {
    const { store, now, orphanAgeMs, onWork, logger } = this.#options
    for (const found of await store.all()) {
      const { kind } = found
      if (!isRemovable(kind)) continue
      if (now().getTime() - found.firstSeenAt.getTime() < orphanAgeMs) continue
      const { id } = await this.#remove(kind, found, signal)
      logger.warn({ kind, subject: found.subject, operation: id }, 'orphan is being removed')
      onWork()
    }
  }
}

const viewOf = ({ kind, subject, what, firstSeenAt, lastSeenAt }: StoredFinding) => ({
  kind,
  subject,
  what,
  removable: isRemovable(kind),
  firstSeenAt: firstSeenAt.toISOString(),
  lastSeenAt: lastSeenAt.toISOString(),
})
