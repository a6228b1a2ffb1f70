import { isUuid, snapshotId, volumeId, type SnapshotId, type VolumeId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type CloudstackApi, type Fields } from './api.js'
import { type Changes } from './changes.js'
import { CloudstackError, isUnknownId } from './failure.js'
import { awaitPending, pendingJobOf } from './pending.js'
import { hasTag, ownerTag } from './tags.js'
import { type CloudstackVolumes } from './volumes.js'

export interface SnapshotsOptions {
  readonly api: CloudstackApi
  readonly changes: Changes
  readonly volumes: CloudstackVolumes
  readonly installationId: string
  /** Between looks at a snapshot that is being backed up, and how long that may take. */
  readonly lookMs: number
  readonly usableLimitMs: number
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** A snapshot of one volume, usable or not. */
export interface CloudstackSnapshot {
  readonly id: SnapshotId
  readonly name: string
  /** Undefined: CloudStack does not say any more. */
  readonly volumeId: VolumeId | undefined
  /** It carries the tag this product gives what it made. */
  readonly isOurs: boolean
}

/** The only state from which a volume can be brought back. */
const usable = 'BackedUp'
/** On the way to it (Snapshot.State of CloudStack). */
const coming = new Set(['Allocated', 'Creating', 'CreatedOnPrimary', 'BackingUp', 'Copying'])
const gone = new Set(['Destroying', 'Destroyed'])

/** Snapshots of single volumes. Every method looks first and may be repeated after a crash or an unknown outcome. */
export class CloudstackSnapshots {
  readonly #options: SnapshotsOptions

  constructor(options: SnapshotsOptions) {
    this.#options = options
  }

  /** The one usable snapshot of this name; resolves when a volume can be brought back to it. */
  ensure(name: string, volume: VolumeId, signal: AbortSignal): Promise<SnapshotId> {
    const tag = ownerTag(this.#options.installationId)
    return this.#options.changes.ensure(
      {
        operation: `createSnapshot ${name}`,
        command: 'createSnapshot',
        parameters: {
          volumeid: volume,
          name,
          'tags[0].key': tag.key,
          'tags[0].value': tag.value,
        },
        observe: look => this.#usable(name, volume, look),
      },
      signal,
    )
  }

  /** All of the account, jobs on them or not. */
  async all(signal: AbortSignal): Promise<readonly CloudstackSnapshot[]> {
    const found = await this.#options.api.list('listSnapshots', 'snapshot', { listall: 'true' }, signal)
    const tag = ownerTag(this.#options.installationId)
    return found
      .filter(fields => !gone.has(String(fields['state'])))
      .map(fields => {
        const { name, volumeid } = fields
        return {
          id: idOf(fields),
          name: typeof name === 'string' ? name : '',
          volumeId: typeof volumeid === 'string' && isUuid(volumeid) ? volumeId(volumeid) : undefined,
          isOurs: hasTag(fields, tag),
        }
      })
  }

  /** All of that name, broken ones too, for their removal. */
  async findByName(name: string, volume: VolumeId, signal: AbortSignal): Promise<readonly SnapshotId[]> {
    return (await this.#named(name, volume, signal)).map(idOf)
  }

  /**
   * Brings a volume back to its snapshot. It is detached from this appliance first, as CloudStack demands; the volume of
   * another VM is refused.
   */
  async revert(id: SnapshotId, volume: VolumeId, signal: AbortSignal): Promise<void> {
    await this.#options.volumes.ensureDetached(volume, signal)
    await this.#options.changes.repeat(
      {
        operation: `revertSnapshot ${id}`,
        command: 'revertSnapshot',
        parameters: { id },
        settle: async look => {
          const found = await this.#settled({ id }, look)
          if (!found.some(fields => fields['id'] === id && fields['state'] === usable))
            throw new AppError('CLOUDSTACK_FAULT', `revertSnapshot: CloudStack has no usable snapshot ${id}`)
        },
      },
      signal,
    )
  }

  /** Absent is removed. What this product did not make is refused. */
  async remove(id: SnapshotId, signal: AbortSignal): Promise<void> {
    const snapshot = await this.#find(id, signal)
    if (snapshot === undefined) return
    const tag = ownerTag(this.#options.installationId)
    if (!hasTag(snapshot, tag)) throw new AppError('VOLUME_NOT_OURS', `snapshot ${id} has no tag ${tag.key}`)
    await this.#options.changes.ensure(
      {
        operation: `deleteSnapshot ${id}`,
        command: 'deleteSnapshot',
        parameters: { id },
        observe: async look => ((await this.#find(id, look)) === undefined ? true : undefined),
      },
      signal,
    )
  }

  async #find(id: SnapshotId, signal: AbortSignal): Promise<Fields | undefined> {
    try {
      return (await this.#settled({ id }, signal)).find(fields => fields['id'] === id)
    } catch (error) {
      if (isUnknownId(error)) return undefined
      throw error
    }
  }

  /** Undefined: there is none, or only broken ones. */
  async #usable(name: string, volume: VolumeId, signal: AbortSignal): Promise<SnapshotId | undefined> {
    const { now, pause, lookMs, usableLimitMs } = this.#options
    const endMs = now().getTime() + usableLimitMs
    for (;;) {
      const named = await this.#named(name, volume, signal)
      const found = named.filter(({ state }) => state === usable || coming.has(String(state)))
      if (found.length > 1)
        throw new AppError(
          'CLOUDSTACK_AMBIGUOUS',
          `${found.length} snapshots named ${name}: ${found.map(idOf).join(', ')}`,
        )
      const [snapshot] = found
      if (snapshot === undefined) return undefined
      if (snapshot['state'] === usable) return idOf(snapshot)
      if (now().getTime() >= endMs) {
        const text = `snapshot ${name} is ${String(snapshot['state'])} after ${usableLimitMs} ms`
        throw new AppError('CLOUDSTACK_JOB_UNFINISHED', text)
      }
      await pause(lookMs, signal)
      signal.throwIfAborted()
    }
  }

  async #named(name: string, volume: VolumeId, signal: AbortSignal): Promise<readonly Fields[]> {
    return (await this.#settled({ volumeid: volume, name }, signal)).filter(fields => fields['name'] === name)
  }

  #settled(filter: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Fields[]> {
    const { api } = this.#options
    return awaitPending(
      api,
      async look => {
        const all = await api.list('listSnapshots', 'snapshot', { listall: 'true', ...filter }, look)
        const alive = all.filter(fields => !gone.has(String(fields['state'])))
        return alive.map(fields => [pendingJobOf(fields), fields])
      },
      signal,
    )
  }
}

function idOf({ id }: Fields): SnapshotId {
  if (typeof id === 'string' && isUuid(id)) return snapshotId(id)
  throw new CloudstackError('CLOUDSTACK_PROTOCOL', 'listSnapshots: a snapshot without a proper id', {
    effect: 'none',
  })
}
