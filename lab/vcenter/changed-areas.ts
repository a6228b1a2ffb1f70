import { BLOCK_BYTES, type BlockSet } from './block-set.js'
import { parseChangeId, type ChangeMark } from './change-journal.js'
import { type Disk } from './disk.js'
import { fileFault, invalidArgument } from './fault.js'
import { type Faults } from './faults.js'
import { type Layer } from './layer.js'
import { data, type DataObject } from './vim-value.js'
import { type Snapshot, type Vm } from './vm.js'

export interface ChangedAreasQuery {
  readonly snapshot: Snapshot | null
  readonly deviceKey: number
  readonly startOffset: bigint
  readonly changeId: string
}

export interface ChangedAreasLimits {
  /** Areas in one answer; the caller goes on behind the last. */
  readonly maxAreas: number
  /** Long runs are reported in pieces, as ESXi does. */
  readonly maxAreaBytes: bigint
}

/**
 * QueryChangedDiskAreas: what was written between the change ID and the snapshot, from the journal; `*`: what is
 * allocated. Faults: InvalidArgument (no such disk, an offset outside, a change ID of another form), FileFault (a change
 * ID of another epoch or of the future, a disk that is not tracked, a running VM without a snapshot).
 */
export function queryChangedAreas(
  vm: Vm,
  query: ChangedAreasQuery,
  limits: ChangedAreasLimits,
  faults: Faults,
): DataObject {
  const disk = vm.disk(query.deviceKey)
  if (disk === undefined) throw invalidArgument('deviceKey')
  if (query.snapshot !== null && query.snapshot.vm !== vm) throw invalidArgument('snapshot')
  const frozen = query.snapshot?.disks.get(query.deviceKey)
  const file = vmfsPath(vm, frozen?.layer ?? disk.top)
  if (query.snapshot === null && vm.powerState === 'poweredOn') throw fileFault(file)
  if (query.snapshot !== null && frozen === undefined) throw fileFault(file)
  const capacity = frozen?.capacityBytes ?? disk.capacityBytes
  if (query.startOffset < 0n || query.startOffset >= capacity) throw invalidArgument('startOffset')
  const until = query.snapshot === null ? null : (frozen?.mark ?? null)
  if (!disk.tracked || (query.snapshot !== null && until === null)) throw fileFault(file)
  const blocks = blocksFor(disk, frozen?.layer ?? disk.top, query.changeId, until)
  if (blocks === null) throw fileFault(file)
  const page = pageOf(blocks, query.startOffset, capacity, limits)
  return spoil(page, capacity, faults)
}

function blocksFor(disk: Disk, layer: Layer, changeId: string, until: ChangeMark | null): BlockSet | null {
  if (changeId === '*') return disk.allocatedBlocks(layer)
  const since = parseChangeId(changeId)
  if (since === null) throw invalidArgument('changeId')
  return disk.journal.changedBetween(since, until)
}

const vmfsPath = (vm: Vm, layer: Layer): string =>
  `/vmfs/volumes/${vm.identity.datastoreName}/${vm.identity.directory}/${layer.store.vmdkName}`

interface Page {
  readonly startOffset: bigint
  readonly length: bigint
  readonly areas: readonly { readonly start: bigint; readonly length: bigint }[]
}

function pageOf(blocks: BlockSet, startOffset: bigint, capacity: bigint, limits: ChangedAreasLimits): Page {
  const grain = BigInt(BLOCK_BYTES)
  const areas: { start: bigint; length: bigint }[] = []
  for (const run of blocks.runs(Number(startOffset / grain))) {
    const end = smaller(BigInt(run.end) * grain, capacity)
    for (let start = larger(BigInt(run.start) * grain, startOffset); start < end;) {
      const length = smaller(end - start, limits.maxAreaBytes)
      if (areas.length === limits.maxAreas) return { startOffset, length: start - startOffset, areas }
      areas.push({ start, length })
      start += length
    }
  }
  return { startOffset, length: capacity - startOffset, areas }
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b)

function spoil(page: Page, capacity: bigint, faults: Faults): DataObject {
  const how = faults.take('bad-changed-areas')?.how
  const first = { start: page.startOffset, length: BigInt(BLOCK_BYTES) }
  const second = { start: page.startOffset + BigInt(BLOCK_BYTES), length: BigInt(BLOCK_BYTES) }
  switch (how) {
    case undefined:
      return changeInfo(page)
    case 'zero-length-page':
      return changeInfo({ ...page, length: 0n, areas: [] })
    case 'not-advancing':
      return changeInfo({ ...page, startOffset: 0n, length: page.startOffset === 0n ? 0n : page.startOffset })
    case 'overlapping':
      return changeInfo({ ...page, areas: [{ ...first, length: 2n * first.length }, second] })
    case 'unsorted':
      return changeInfo({ ...page, areas: [second, first] })
    case 'beyond-capacity':
      return changeInfo({ ...page, areas: [...page.areas, { start: capacity - 512n, length: 1024n }] })
  }
}

function changeInfo(page: Page): DataObject {
  const areas = page.areas.map(area => data('DiskChangeExtent', { start: area.start, length: area.length }))
  return data('DiskChangeInfo', {
    startOffset: page.startOffset,
    length: page.length,
    changedArea: areas.length === 0 ? undefined : areas,
  })
}
