import { randomUUID } from 'node:crypto'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BLOCK_BYTES, BlockSet } from './block-set.js'
import { ChangeJournal, type ChangeMark } from './change-journal.js'
import { chainOf, LayerStore, readBlockPart, type Layer } from './layer.js'

export interface DiskOptions {
  readonly key: number
  readonly label: string
  readonly capacityBytes: bigint
  readonly controllerKey: number
  readonly unitNumber: number
  readonly diskMode: string
  readonly sharing: string
  readonly directory: string
  /** File name without `.vmdk`. */
  readonly stem: string
  /** Where to keep a flat copy of what the guest wrote, independent of layers and maps; null: keep none. */
  readonly shadowPath: string | null
}

/** What a snapshot froze of one disk. */
export interface FrozenDisk {
  readonly layer: Layer
  /** Null: the disk was not tracked at that instant. */
  readonly mark: ChangeMark | null
  readonly capacityBytes: bigint
}

/**
 * A virtual disk: a tree of sparse files with block maps, and a change journal. The caller serialises its methods (one
 * lock for the VM). Frozen layers never change as long as a snapshot needs them, so other processes may read them.
 */
export class Disk {
  options: DiskOptions
  /** VMware begins the UUIDs of its disks with its vendor number. */
  readonly backingUuid = `6000C29${randomUUID().slice(7)}`
  capacityBytes: bigint
  readonly journal: ChangeJournal
  tracked = false
  top: Layer
  private readonly layers = new Set<Layer>()
  private shadow: FileHandle | null = null

  constructor(options: DiskOptions) {
    if (options.capacityBytes <= 0n || options.capacityBytes % 512n !== 0n)
      throw new RangeError(`disk ${options.key}: the capacity is not a positive number of sectors`)
    this.options = options
    this.capacityBytes = options.capacityBytes
    this.journal = new ChangeJournal(this.blockCount)
    this.top = this.addLayer(`${options.stem}.vmdk`, null)
  }

  get blockCount(): number {
    return Number((this.capacityBytes + BigInt(BLOCK_BYTES) - 1n) / BigInt(BLOCK_BYTES))
  }

  get isSnapshotable(): boolean {
    return !this.options.diskMode.startsWith('independent')
  }

  get hasShadow(): boolean {
    return this.shadow !== null
  }

  /** A write of the guest: changes the top layer only. `offsetBytes` and the length may be anything inside the disk. */
  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    if (offsetBytes < 0 || BigInt(offsetBytes + bytes.length) > this.capacityBytes)
      throw new RangeError(`disk ${this.options.key}: a write outside the disk`)
    if (bytes.length === 0) return
    await mkdir(this.options.directory, { recursive: true })
    const end = offsetBytes + bytes.length
    if (offsetBytes % BLOCK_BYTES !== 0) await this.copyUp(offsetBytes)
    if (end % BLOCK_BYTES !== 0) await this.copyUp(end)
    await this.top.store.write(bytes, offsetBytes)
    await this.writeShadow(bytes, offsetBytes)
    if (!this.tracked) return
    for (let block = Math.floor(offsetBytes / BLOCK_BYTES); block * BLOCK_BYTES < end; block++)
      this.journal.record(block)
  }

  async read(offsetBytes: number, length: number, layer: Layer = this.top): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length;) {
      const part = Math.min(length - done, BLOCK_BYTES - ((offsetBytes + done) % BLOCK_BYTES))
      await readBlockPart(layer, bytes.subarray(done, done + part), offsetBytes + done)
      done += part
    }
    return bytes
  }

  /** Freezes the top layer and puts an empty one on it. */
  async freeze(): Promise<FrozenDisk> {
    const frozen = this.top
    await frozen.store.publishMap()
    this.top = this.addLayer(this.nextDeltaName(), frozen)
    return {
      layer: frozen,
      mark: this.tracked ? this.journal.mark() : null,
      capacityBytes: this.capacityBytes,
    }
  }

  /** The new area reads as zeroes. Change tracking goes on as if nothing had happened, which is what some versions of ESXi do. */
  async grow(capacityBytes: bigint): Promise<void> {
    if (capacityBytes <= this.capacityBytes || capacityBytes % 512n !== 0n)
      throw new RangeError(`disk ${this.options.key}: it can only grow, by whole sectors`)
    this.capacityBytes = capacityBytes
    for (const layer of this.layers) layer.store.blocks.grow(this.blockCount)
    this.journal.grow(this.blockCount)
    await this.shadow?.truncate(Number(capacityBytes))
  }

  /** Drops what was written since the frozen layer and starts anew on it. Change IDs given before are void. */
  async revertTo(frozen: Layer): Promise<void> {
    const dropped = this.top
    this.top = this.addLayer(this.nextDeltaName(), frozen)
    this.layers.delete(dropped)
    await dropped.store.remove()
    this.journal.reset()
    await this.rebuildShadow()
  }

  /** Folds into their children all layers that no snapshot needs. `needed`: the layers frozen by the snapshots left. */
  async consolidate(needed: ReadonlySet<Layer>): Promise<void> {
    for (let candidate = this.foldable(needed); candidate !== undefined; candidate = this.foldable(needed)) {
      const { layer, children } = candidate
      const child = children[0]
      this.layers.delete(layer)
      if (child === undefined) {
        await layer.store.remove()
        continue
      }
      await copyBlocks(child.store, layer.store)
      await layer.store.publishMap()
      await child.store.remove()
      child.store = layer.store
      child.parent = layer.parent
    }
  }

  /** Blocks present in any layer of the chain. */
  allocatedBlocks(layer: Layer): BlockSet {
    const allocated = new BlockSet(this.blockCount)
    for (const store of chainOf(layer)) allocated.addAll(store.blocks)
    return allocated
  }

  async close(): Promise<void> {
    for (const layer of this.layers) await layer.store.close()
    await this.shadow?.close()
    this.shadow = null
  }

  private foldable(needed: ReadonlySet<Layer>): { layer: Layer; children: Layer[] } | undefined {
    for (const layer of this.layers) {
      if (layer === this.top || needed.has(layer)) continue
      const children = [...this.layers].filter(other => other.parent === layer)
      if (children.length <= 1) return { layer, children }
    }
    return undefined
  }

  private async copyUp(offsetBytes: number): Promise<void> {
    const block = Math.floor(offsetBytes / BLOCK_BYTES)
    const below = this.top.parent
    if (below === null || this.top.store.blocks.has(block)) return
    const start = block * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES, Number(this.capacityBytes) - start)
    await this.top.store.write(await this.read(start, length, below), start)
  }

  private async writeShadow(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    const path = this.options.shadowPath
    if (path === null) return
    if (this.shadow === null) {
      await mkdir(dirname(path), { recursive: true })
      this.shadow = await open(path, 'w+')
      await this.shadow.truncate(Number(this.capacityBytes))
    }
    await this.shadow.write(bytes, 0, bytes.length, offsetBytes)
  }

  private async rebuildShadow(): Promise<void> {
    if (this.shadow === null) return
    await this.shadow.truncate(0)
    await this.shadow.truncate(Number(this.capacityBytes))
    for (const { start, end } of this.allocatedBlocks(this.top).runs()) {
      for (let block = start; block < end; block++) {
        const offsetBytes = block * BLOCK_BYTES
        const length = Math.min(BLOCK_BYTES, Number(this.capacityBytes) - offsetBytes)
        await this.shadow.write(await this.read(offsetBytes, length), 0, length, offsetBytes)
      }
    }
  }

  private addLayer(vmdkName: string, parent: Layer | null): Layer {
    const path = join(this.options.directory, vmdkName.replace(/\.vmdk$/, '.img'))
    const layer: Layer = { store: new LayerStore(vmdkName, path, this.blockCount), parent }
    this.layers.add(layer)
    return layer
  }

  private nextDeltaName(): string {
    const taken = new Set([...this.layers].map(layer => layer.store.vmdkName))
    for (let number = 1; ; number++) {
      const name = `${this.options.stem}-${number.toString().padStart(6, '0')}.vmdk`
      if (!taken.has(name)) return name
    }
  }
}

async function copyBlocks(from: LayerStore, to: LayerStore): Promise<void> {
  for (const { start, end } of from.blocks.runs()) {
    for (let block = start; block < end; block++) {
      const bytes = new Uint8Array(BLOCK_BYTES)
      await from.read(bytes, block * BLOCK_BYTES)
      await to.write(bytes, block * BLOCK_BYTES)
    }
  }
}
