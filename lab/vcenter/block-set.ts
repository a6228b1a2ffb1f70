/** Granularity of layers and of changed-block tracking: what ESXi tracks for disks of ordinary size. */
export const BLOCK_BYTES = 65_536

/** A half-open run of block indexes [start, end). */
export interface BlockRun {
  readonly start: number
  readonly end: number
}

/** A set of block indexes of one disk; costs no memory until the first block is added. */
export class BlockSet {
  blockCount: number
  private bits: Uint8Array | null = null

  constructor(blockCount: number) {
    this.blockCount = blockCount
  }

  /** For a disk that grew; what is in it stays. */
  grow(blockCount: number): void {
    if (blockCount < this.blockCount) throw new RangeError('a set of blocks does not shrink')
    this.blockCount = blockCount
    if (this.bits === null) return
    const bits = new Uint8Array(Math.ceil(blockCount / 8))
    bits.set(this.bits)
    this.bits = bits
  }

  get isEmpty(): boolean {
    return this.bits === null
  }

  add(block: number): void {
    if (block < 0 || block >= this.blockCount) throw new RangeError(`block ${block} of ${this.blockCount}`)
    this.bits ??= new Uint8Array(Math.ceil(this.blockCount / 8))
    const index = block >> 3
    this.bits[index] = (this.bits[index] ?? 0) | (1 << (block & 7))
  }

  has(block: number): boolean {
    return this.bits !== null && ((this.bits[block >> 3] ?? 0) & (1 << (block & 7))) !== 0
  }

  addAll(other: BlockSet): void {
    if (other.bits === null) return
    this.bits ??= new Uint8Array(Math.ceil(this.blockCount / 8))
    const length = Math.min(this.bits.length, other.bits.length)
    for (let i = 0; i < length; i++) this.bits[i] = (this.bits[i] ?? 0) | (other.bits[i] ?? 0)
  }

  /** Runs of neighbouring blocks at or after `from`, ascending. */
  *runs(from = 0): Generator<BlockRun> {
    const bits = this.bits
    if (bits === null) return
    let start = -1
    for (let block = from; block < this.blockCount; block++) {
      if (start < 0 && (block & 7) === 0 && bits[block >> 3] === 0) {
        block += 7
        continue
      }
      const present = this.has(block)
      if (present && start < 0) start = block
      if (!present && start >= 0) {
        yield { start, end: block }
        start = -1
      }
    }
    if (start >= 0) yield { start, end: this.blockCount }
  }

  /** One bit for each block, least significant first; the form in which other processes read a layer's map. */
  toBytes(): Uint8Array {
    return this.bits ?? new Uint8Array(Math.ceil(this.blockCount / 8))
  }
}
