import { randomBytes, randomInt } from 'node:crypto'
import { open } from 'node:fs/promises'
import { BLOCK_BYTES } from './block-set.js'
import { type Disk } from './disk.js'
import { type DiskContent, type WriterSpec } from './options.js'
import { type Vm } from './vm.js'

const PIECE_BYTES = 1024 * 1024

/** Fills a disk before the VM is first seen; not recorded as a change. */
export async function fillDisk(disk: Disk, content: readonly DiskContent[]): Promise<void> {
  const wasTracked = disk.tracked
  disk.tracked = false
  for (const part of content) {
    if (part.kind === 'image') await importImage(disk, part.path)
    else await fillRange(disk, part.kind, Number(part.offsetBytes), Number(part.lengthBytes))
  }
  disk.tracked = wasTracked
}

async function fillRange(
  disk: Disk,
  kind: 'random' | 'zeros',
  offsetBytes: number,
  length: number,
): Promise<void> {
  for (let done = 0; done < length; done += PIECE_BYTES) {
    const size = Math.min(PIECE_BYTES, length - done)
    await disk.write(offsetBytes + done, kind === 'zeros' ? new Uint8Array(size) : randomBytes(size))
  }
}

async function importImage(disk: Disk, path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    const piece = Buffer.alloc(BLOCK_BYTES)
    for (let at = 0; BigInt(at) < disk.capacityBytes;) {
      const { bytesRead } = await file.read(
        piece,
        0,
        Math.min(BLOCK_BYTES, Number(disk.capacityBytes) - at),
        at,
      )
      if (bytesRead === 0) break
      const bytes = piece.subarray(0, bytesRead)
      if (bytes.some(byte => byte !== 0)) await disk.write(at, bytes)
      at += bytesRead
    }
  } finally {
    await file.close()
  }
}

export interface GuestWritesRequest {
  readonly diskKey: number
  /** How many writes of one block each, at random places. */
  readonly blocks: number
  /** `mixed`: data, zeroes, and small writes that are not aligned to blocks. */
  readonly pattern?: 'random' | 'zeros' | 'mixed'
  /** Only inside the first so many bytes; default: the whole disk. */
  readonly withinBytes?: bigint
}

export interface WrittenRange {
  readonly offsetBytes: bigint
  readonly lengthBytes: bigint
}

/** Writes now, under the VM's lock, and tells where. */
export async function guestWrites(vm: Vm, request: GuestWritesRequest): Promise<WrittenRange[]> {
  const disk = vm.disk(request.diskKey)
  if (disk === undefined) throw new RangeError(`${vm.name} has no disk ${request.diskKey}`)
  const within = Number(request.withinBytes ?? disk.capacityBytes)
  const written: WrittenRange[] = []
  for (let count = 0; count < request.blocks; count++) {
    const { offsetBytes, bytes } = randomWrite(within, request.pattern ?? 'random')
    await vm.lock.run(() => disk.write(offsetBytes, bytes))
    written.push({ offsetBytes: BigInt(offsetBytes), lengthBytes: BigInt(bytes.length) })
  }
  return written
}

function randomWrite(
  within: number,
  pattern: 'random' | 'zeros' | 'mixed',
): { offsetBytes: number; bytes: Uint8Array } {
  const blocks = Math.max(1, Math.floor(within / BLOCK_BYTES))
  const start = randomInt(blocks) * BLOCK_BYTES
  const room = Math.min(BLOCK_BYTES, within - start)
  const kind = pattern === 'mixed' ? (['random', 'zeros', 'small'] as const)[randomInt(3)] : pattern
  if (kind === 'zeros') return { offsetBytes: start, bytes: new Uint8Array(room) }
  if (kind !== 'small' || room < 1024) return { offsetBytes: start, bytes: randomBytes(room) }
  const sectors = Math.floor(room / 512)
  const first = randomInt(sectors)
  return {
    offsetBytes: start + first * 512,
    bytes: randomBytes(512 * (1 + randomInt(Math.min(8, sectors - first)))),
  }
}

/** Guests at work: while it runs, every powered-on VM that has disks keeps writing. */
export class GuestWriter {
  private readonly vms: () => Iterable<Vm>
  private readonly spec: Required<WriterSpec>
  private timer: NodeJS.Timeout | null = null
  private active: Promise<void> | null = null
  private running = false

  constructor(spec: WriterSpec, vms: () => Iterable<Vm>) {
    this.spec = { intervalMs: 200, ...spec }
    this.vms = vms
  }

  resume(): void {
    if (this.running) return
    this.running = true
    this.schedule()
  }

  /** Resolves when no write is under way; none begins until `resume`. */
  async pause(): Promise<void> {
    this.running = false
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    await this.active
  }

  private schedule(): void {
    if (!this.running) return
    this.timer = setTimeout(() => {
      this.active = this.round().finally(() => {
        this.active = null
        this.schedule()
      })
    }, this.spec.intervalMs)
  }

  private async round(): Promise<void> {
    const perRound = (this.spec.bytesPerSec * this.spec.intervalMs) / 1000
    for (const vm of this.vms()) {
      if (vm.powerState !== 'poweredOn' || vm.disks.length === 0) continue
      for (let written = 0; written < perRound && this.running;) {
        const disk = vm.disks[randomInt(vm.disks.length)]
        if (disk === undefined) break
        const { offsetBytes, bytes } = randomWrite(this.reach(disk), 'mixed')
        // The power may have gone while the lock was awaited.
        await vm.lock.run(async () => {
          if (vm.powerState === 'poweredOn') await disk.write(offsetBytes, bytes)
        })
        written += bytes.length
      }
    }
  }

  /** Three writes of four go to the first eighth of the disk: guests have places they like. */
  private reach(disk: Disk): number {
    const capacity = Number(disk.capacityBytes)
    return randomInt(4) === 0 ? capacity : Math.max(BLOCK_BYTES, Math.floor(capacity / 8 / 512) * 512)
  }
}
