import { constants } from 'node:fs'
import { open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { BLOCK_BYTES, BlockSet } from './block-set.js'

/** The file of one layer and the map of the blocks it holds. No file exists before the first write. */
export class LayerStore {
  readonly vmdkName: string
  readonly path: string
  readonly blocks: BlockSet
  private handle: FileHandle | null = null

  constructor(vmdkName: string, path: string, blockCount: number) {
    this.vmdkName = vmdkName
    this.path = path
    this.blocks = new BlockSet(blockCount)
  }

  get mapPath(): string {
    return `${this.path}.map`
  }

  async write(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    const file = await this.file()
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offsetBytes + done)
      done += bytesWritten
    }
    const last = Math.floor((offsetBytes + bytes.length - 1) / BLOCK_BYTES)
    for (let block = Math.floor(offsetBytes / BLOCK_BYTES); block <= last; block++) this.blocks.add(block)
  }

  /** Fills `bytes`; what lies past the end of the file reads as zero. */
  async read(bytes: Uint8Array, offsetBytes: number): Promise<void> {
    const file = await this.file()
    let done = 0
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, offsetBytes + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    bytes.fill(0, done)
  }

  /** Makes the map readable for other processes; atomic, a crash leaves the old map or the new one. */
  async publishMap(): Promise<void> {
    if (this.blocks.isEmpty) return
    const draft = `${this.mapPath}.new`
    await writeFile(draft, this.blocks.toBytes())
    await rename(draft, this.mapPath)
  }

  async close(): Promise<void> {
    const handle = this.handle
    this.handle = null
    await handle?.close()
  }

  async remove(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
    await rm(this.mapPath, { force: true })
  }

  private async file(): Promise<FileHandle> {
    if (this.handle !== null) return this.handle
    const flags = constants.O_RDWR | constants.O_CREAT
    this.handle = await open(this.path, flags, 0o644)
    return this.handle
  }
}

/** A node of a disk's tree of layers: its content is its own blocks over its parent's. */
export interface Layer {
  store: LayerStore
  parent: Layer | null
}

/** From the base to the layer itself. */
export function chainOf(layer: Layer): LayerStore[] {
  const stores: LayerStore[] = []
  for (let at: Layer | null = layer; at !== null; at = at.parent) stores.unshift(at.store)
  return stores
}

/** Reads a range that lies inside one block, from the topmost layer that holds the block; zeroes where none does. */
export async function readBlockPart(layer: Layer, bytes: Uint8Array, offsetBytes: number): Promise<void> {
  const block = Math.floor(offsetBytes / BLOCK_BYTES)
  for (let at: Layer | null = layer; at !== null; at = at.parent) {
    if (at.store.blocks.has(block)) return at.store.read(bytes, offsetBytes)
  }
  bytes.fill(0)
}
