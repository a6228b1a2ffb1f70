import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { changeId, diskKey, serialOfVolume, volumeId, type VolumeId } from '../../agent/domain/ids.js'
import { coalesce, subtract, type Extent } from '../../agent/domain/extent.js'
import { type Hardware } from '../../agent/domain/hardware.js'
import { type Pace } from '../../agent/domain/pace.js'
import { type Finding } from '../../agent/domain/preflight.js'
import { type Json } from '../../agent/domain/json.js'
import { type AppError } from '../../agent/errors.js'
import { moveDisk, nothingCarried } from '../../agent/nbd/move-disk.js'
import { verifyDisk } from '../../agent/nbd/verify-disk.js'
import { type VerifiedDisk } from '../../agent/replication/verify/deps.js'
import { planDisk, type DurableMark, type Wanted } from '../../agent/nbd/plan-disk.js'
import {
  type BrokenCopy,
  type CopyOrder,
  type FrozenVm,
  type SourceSite,
  type TargetVolumes,
} from '../../agent/replication/deps.js'
import { type ConnectTarget } from '../../native/types.js'
import { frozenVm } from './hardware.js'

const gib = 1024n ** 3n

export interface SiteDisk {
  readonly key: string
  readonly capacityBytes: bigint
}

/** Both sites behind the interfaces of the pass: image files, copies of them as snapshots, a journal of what was written. */
export class FakeSite {
  readonly #dir: string
  #disks: readonly SiteDisk[]
  readonly #journal: { readonly key: string; readonly extent: Extent }[] = []
  readonly volumes = new Map<VolumeId, { readonly name: string; readonly sizeBytes: bigint }>()
  /** Throws before or after any call of either site: a fault of that call. */
  fault: (call: string, moment: 'before' | 'after') => void = () => undefined
  nbdkitMore: readonly string[] = []
  nbdkitParameters: readonly string[] = []
  power: 'on' | 'off' = 'on'
  /** Why a snapshot tells no change IDs; null: it does. */
  fullReason: string | null = null
  findings: readonly Finding[] = []
  freezeSeconds: number | null = 1
  removalSeconds = 1
  /** Of the newest copy. */
  pace: Pace | undefined
  /** Breaks a copy with this error as soon as so much of its disk is durable. */
  breakCopy: { readonly atBytes: bigint; readonly error: AppError } | undefined
  readonly orders: CopyOrder[] = []
  /** What the staging space is said to have; undefined: what it has. */
  stagingFreeBytes: bigint | undefined
  #broken: BrokenCopy[] = []
  /** What somebody does to the VM's snapshots during a copy. */
  disturbance: string | null = null
  hardware: Hardware = frozenVm.hardware
  backingUuid = (key: string): string => `backing-${key}`
  baseFile = (key: string): string => `[ds] vm/${key}.vmdk`

  constructor(dir: string, disks: readonly SiteDisk[]) {
    this.#dir = dir
    this.#disks = disks
  }

  get byIdDir(): string {
    return join(this.#dir, 'by-id')
  }

  async create(): Promise<void> {
    for (const folder of ['by-id', 'snapshots', 'volumes']) await mkdir(join(this.#dir, folder))
    for (const disk of this.#disks) {
      await writeFile(this.#image(disk.key), '')
      await truncate(this.#image(disk.key), Number(disk.capacityBytes))
    }
  }

  async guestWrites(key: string, offset: bigint, bytes: Uint8Array): Promise<void> {
    const file = await open(this.#image(key), 'r+')
    await file.write(bytes, 0, bytes.length, Number(offset))
    await file.close()
    this.#journal.push({ key, extent: { offset, length: BigInt(bytes.length) } })
  }

  async growDisk(key: string, capacityBytes: bigint): Promise<void> {
    await truncate(this.#image(key), Number(capacityBytes))
    this.#disks = this.#disks.map(disk => (disk.key === key ? { key, capacityBytes } : disk))
  }

  async spoilVolume(volume: VolumeId, offset: bigint, bytes: Uint8Array): Promise<void> {
    const file = await open(this.#volume(volume), 'r+')
    await file.write(bytes, 0, bytes.length, Number(offset))
    await file.close()
  }

  /** The source's disk as it is. */
  content(key: string): Promise<Buffer> {
    return readFile(this.#image(key))
  }

  /** The volume begins with these bytes. */
  async volumeHolds(volume: VolumeId, bytes: Buffer): Promise<boolean> {
    return (await readFile(this.#volume(volume))).subarray(0, bytes.length).equals(bytes)
  }

  snapshots(): Promise<string[]> {
    return readdir(join(this.#dir, 'snapshots'))
  }

  /** Of the images, or of the volumes that stand for them, as far as the disks go. */
  async digest(volumes?: readonly { readonly key: string; readonly volume: VolumeId }[]): Promise<string> {
    const hash = createHash('sha256')
    for (const { key, capacityBytes } of this.#disks) {
      const volume = volumes?.find(one => one.key === key)?.volume
      const path = volume === undefined ? this.#image(key) : this.#volume(volume)
      for await (const part of createReadStream(path, { end: Number(capacityBytes) - 1 }))
        hash.update(part as Buffer)
    }
    return hash.digest('hex')
  }

  /** Compared by a tool that is not ours; the volume may be larger than the disk. */
  async isIdentical(disk: SiteDisk, volume: VolumeId): Promise<boolean> {
    const argv = ['--bytes', disk.capacityBytes.toString(), this.#image(disk.key), this.#volume(volume)]
    return (await execa('/usr/bin/cmp', argv, { reject: false })).exitCode === 0
  }

  readonly source: SourceSite = {
    inspect: () =>
      this.call('inspect', async () => ({
        name: 'vm',
        power: this.power,
        findings: this.findings,
        changeTracking: 'on',
        disks: this.#disks.map(disk => ({
          diskKey: diskKey(disk.key),
          label: `Hard disk ${disk.key}`,
          capacityBytes: disk.capacityBytes,
          backingUuid: this.backingUuid(disk.key),
          baseFile: this.baseFile(disk.key),
          snapshotable: true,
        })),
      })),
    snapshot: (_owner, _vm, { name }) => this.call('snapshot', () => this.#freeze(name)),
    readPoweredOff: () =>
      this.call('at-rest', async () => ({
        ...(await this.#freeze('at-rest')),
        consistency: 'powered-off',
        stateToken: 'off since then',
      })),
    verify: (_owner, order, signal) =>
      this.call('verify', async () => {
        const found: VerifiedDisk[] = []
        for (const disk of order.disks) {
          const { diskKey, since, fromBytes, untilBytes } = disk
          if (since === null) {
            found.push({ kind: 'unknown', diskKey, why: 'no change ID' })
            continue
          }
          const image = this.#frozen(order.snapshotName, diskKey)
          const argv = ['/usr/bin/nbdkit', '-s', '--exit-with-parent', '-r', 'file', image]
          const source = { kind: 'command', argv } as unknown as ConnectTarget
          const target = { kind: 'unix', path: disk.exportSocket, exportName: disk.exportName } as const
          const window = { offset: fromBytes, length: untilBytes - fromBytes }
          const changed = coalesce(this.#changes(diskKey, since), 65536n, untilBytes)
          const extents = subtract(window, changed)
          const settings = { ...order.settings, bytesPerSecond: order.settings.bytesPerSecond ?? undefined }
          const result = await verifyDisk(diskKey, { source, target }, extents, settings, signal)
          found.push({
            kind: 'compared',
            diskKey,
            ...result,
            firstDifference: result.firstDifference ?? null,
            leftOutBytes: window.length - result.comparedBytes,
          })
        }
        return found
      }),
    copyTries: () => Promise.resolve({ broken: this.#broken, goesOn: false }),
    copy: (_owner, order, _signal) =>
      this.call('copy', async () => {
        this.pace = order.pace
        const reports = []
        for (const disk of order.disks) {
          this.orders.push(disk)
          const argv = [
            '/usr/bin/nbdkit',
            '-s',
            '--exit-with-parent',
            '-r',
            ...this.nbdkitMore,
            'file',
            this.#frozen(order.from.kind === 'snapshot' ? order.from.name : 'at-rest', disk.diskKey),
            ...this.nbdkitParameters,
          ]
          const source = { kind: 'command', argv } as unknown as ConnectTarget
          const target = { kind: 'unix', path: disk.exportSocket, exportName: disk.exportName } as const
          const mark = disk.earlier as unknown as DurableMark | null
          const request = { wanted: this.#wanted(disk), identity: '', mark }
          const breaking = new AbortController()
          const { signal } = breaking
          const plan = await planDisk(disk.diskKey, source, request, signal)
          const ends = { source, target }
          const moved = await moveDisk(disk.diskKey, ends, plan, nothingCarried, signal, counters => {
            const { breakCopy } = this
            const { durableBelow, durableSum } = counters
            if (breakCopy === undefined || durableBelow < breakCopy.atBytes || signal.aborted) return
            const mark: DurableMark = { below: durableBelow, basis: plan.basis, pageSum: durableSum }
            const report = mark as unknown as Json
            const { error } = breakCopy
            this.breakCopy = undefined
            this.#broken = [
              ...this.#broken,
              {
                failure: error,
                endedAt: new Date(),
                disks: [{ diskKey: disk.diskKey, durableBelow, report }],
              },
            ]
            breaking.abort(error)
          })
          const why = disk.start.kind === 'changes' ? null : disk.start.why
          reports.push({
            ...moved,
            fallbacks: why === null ? moved.fallbacks : [why],
            diskKey: disk.diskKey,
            syncType: plan.syncType,
            plannedBytes: plan.plannedBytes,
          })
        }
        return { disks: reports, disturbance: this.disturbance }
      }),
    removeSnapshot: (_owner, _vm, name) =>
      this.call('remove-snapshot', async () => {
        await rm(join(this.#dir, 'snapshots', name), { recursive: true, force: true })
        return this.removalSeconds
      }),
  }

  #wanted({ diskKey, start }: CopyOrder): Wanted {
    switch (start.kind) {
      case 'full':
        return { kind: 'everything' }
      case 'compare':
        return { kind: 'compare', heldBytes: start.heldBytes }
      case 'changes':
        return { kind: 'changes', areas: this.#changes(diskKey, start.since) }
    }
  }

  #changes(diskKey: string, since: string): Extent[] {
    const entries = this.#journal.slice(Number(since.split('/')[1]))
    return entries.filter(entry => entry.key === diskKey).map(entry => entry.extent)
  }

  readonly target: TargetVolumes = {
    grow: (volume, sizeBytes) =>
      this.call('grow', async () => {
        const known = this.volumes.get(volume)
        if (known === undefined) throw new Error(`no volume ${volume}`)
        const rounded = ((sizeBytes + gib - 1n) / gib) * gib
        await truncate(this.#volume(volume), Number(rounded))
        this.volumes.set(volume, { ...known, sizeBytes: rounded })
      }),
    find: volume => this.call('find-volume', async () => this.volumes.get(volume)),
    findByName: name =>
      this.call('find-by-name', async () =>
        [...this.volumes].filter(([, volume]) => volume.name === name).map(([id]) => id),
      ),
    ensure: (name, sizeBytes) =>
      this.call('ensure-volume', async () => {
        const found = [...this.volumes].find(([, volume]) => volume.name === name)
        if (found !== undefined) return { id: found[0], sizeBytes: found[1].sizeBytes }
        const id = volumeId(randomUUID())
        const rounded = ((sizeBytes + gib - 1n) / gib) * gib
        await writeFile(this.#volume(id), Buffer.alloc(1024 * 1024, 0xee))
        await truncate(this.#volume(id), Number(rounded))
        this.volumes.set(id, { name, sizeBytes: rounded })
        return { id, sizeBytes: rounded }
      }),
    ensureAttached: volume =>
      this.call('attach', async () => {
        const link = this.#link(volume)
        await unlink(link).catch(() => undefined)
        await symlink(this.#volume(volume), link)
      }),
    remove: volume =>
      this.call('remove-volume', async () => {
        this.volumes.delete(volume)
        await rm(this.#link(volume), { force: true })
        await rm(this.#volume(volume), { force: true })
      }),
  }

  async #freeze(name: string): Promise<FrozenVm> {
    await mkdir(join(this.#dir, 'snapshots', name), { recursive: true })
    for (const { key } of this.#disks)
      await execa('/bin/cp', ['--sparse=always', this.#image(key), this.#frozen(name, key)])
    const at = changeId(`52 aa/${this.#journal.length}`)
    const disks = this.#disks.map(disk => ({
      diskKey: diskKey(disk.key),
      capacityBytes: disk.capacityBytes,
      changeId: this.fullReason === null ? at : null,
    }))
    return {
      ...frozenVm,
      freezeSeconds: this.freezeSeconds,
      hardware: this.hardware,
      fullReason: this.fullReason,
      disks,
    }
  }

  /** One call of either side, which the test may let fail. */
  async call<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.fault(name, 'before')
    const result = await work()
    this.fault(name, 'after')
    return result
  }

  #image(key: string): string {
    return join(this.#dir, `${key}.img`)
  }

  #frozen(snapshot: string, key: string): string {
    return join(this.#dir, 'snapshots', snapshot, `${key}.img`)
  }

  #volume(volume: VolumeId): string {
    return join(this.#dir, 'volumes', `${volume}.img`)
  }

  #link(volume: VolumeId): string {
    return join(this.byIdDir, `virtio-${serialOfVolume(volume)}`)
  }
}
