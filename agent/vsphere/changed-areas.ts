import { type ChangeId, type DiskKey } from '../domain/ids.js'
import { endOf, type Extent } from '../domain/extent.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { isFault } from './faults.js'
import { type VimSession } from './session.js'
import { vmRef } from './properties.js'
import { frozenDisks } from './snapshots.js'
import { childrenOf, element, required, wholeOf, type Node } from './vim-xml.js'

/** One answer of QueryChangedDiskAreas: what changed inside [startOffset, startOffset + length). */
export interface ChangedPage {
  readonly startOffset: Bytes
  readonly length: Bytes
  readonly areas: readonly Extent[]
}

export interface AreasQuery {
  readonly moref: string
  /** Null asks for the changes up to now, which vSphere tells only of a VM that is off. */
  readonly snapshotMoref: string | null
  readonly deviceKey: DiskKey
  /** `*` asks for what is allocated. */
  readonly changeId: ChangeId
  readonly capacityBytes: Bytes
}

/** Beyond these a list is not worth having: the disk is better looked at as a whole. */
const maxPages = 100_000
const maxAreas = 1_000_000

/**
 * Joins the pages of one disk, in order. What cannot be trusted as a whole is refused as a whole, for a wrong list loses
 * changes silently.
 */
export class AreaPages {
  readonly #capacity: Bytes
  readonly #areas: { offset: Bytes; length: Bytes }[] = []
  #reached: Bytes = 0n
  #pages = 0

  constructor(capacityBytes: Bytes) {
    this.#capacity = capacityBytes
  }

  /** Where the next page has to start; equal to the capacity when all is known. */
  get reached(): Bytes {
    return this.#reached
  }

  /** Sorted and disjoint; areas that touch are joined. */
  get areas(): readonly Extent[] {
    return this.#areas
  }

  /** The sentence of what is wrong with the page, or undefined when it was taken. Nothing of a wrong page is kept. */
  add(page: ChangedPage): string | undefined {
    const wrong = this.#wrongWith(page)
    if (wrong !== undefined) return wrong
    for (const area of page.areas) {
      const last = this.#areas.at(-1)
      if (last !== undefined && endOf(last) === area.offset) last.length += area.length
      else this.#areas.push({ ...area })
    }
    this.#reached = endOf({ offset: page.startOffset, length: page.length })
    this.#pages += 1
    return undefined
  }

  get isTooLong(): boolean {
    return this.#pages > maxPages || this.#areas.length > maxAreas
  }

  #wrongWith({ startOffset, length, areas }: ChangedPage): string | undefined {
    if (startOffset !== this.#reached) return `asked from ${this.#reached}, answered from ${startOffset}`
    if (length <= 0n) return `the page at ${startOffset} has the length ${length}`
    const end = startOffset + length
    if (end > this.#capacity) return `the page at ${startOffset} ends at ${end}, behind the disk`
    let from = startOffset
    for (const area of areas) {
      if (area.length <= 0n) return `the area at ${area.offset} has the length ${area.length}`
      if (area.offset < from) return `the area at ${area.offset} begins before ${from}`
      from = endOf(area)
      if (from > end) return `the area at ${area.offset} ends at ${from}, behind its page`
    }
    return undefined
  }
}

/** The change ID is `epoch/number`: another epoch means that tracking started anew in between. */
export function epochOf(id: string): { readonly epoch: string; readonly number: bigint | undefined } {
  const slash = id.lastIndexOf('/')
  const number = slash < 0 ? '' : id.slice(slash + 1)
  return {
    epoch: slash < 0 ? id : id.slice(0, slash),
    number: /^\d{1,19}$/.test(number) ? BigInt(number) : undefined,
  }
}

/** Why the changes since `since` cannot be told at the snapshot's `now`; undefined when they can. */
export function whyUnusable(since: string, now: string | null): string | undefined {
  if (since.trim() === '') return 'there is no change ID to start from'
  if (now === null) return 'the disk has no change ID, so tracking is off'
  if (since === '*') return undefined
  const before = epochOf(since)
  const after = epochOf(now)
  if (before.epoch !== after.epoch) return 'tracking was reset since the last recovery point'
  if (before.number !== undefined && after.number !== undefined && before.number > after.number)
    return 'the disk went back to an earlier state since the last recovery point'
  return undefined
}

/** Rejects with CBT_UNAVAILABLE when the change ID cannot be used, CBT_ANSWER_INVALID when the answer contradicts itself. */
export async function changedAreas(
  session: VimSession,
  query: AreasQuery,
  signal: AbortSignal,
): Promise<readonly Extent[]> {
  const what = `disk ${query.deviceKey} of ${query.moref} at ${query.snapshotMoref ?? 'rest'}`
  const at =
    query.snapshotMoref === null
      ? vmRef(query.moref)
      : { type: 'VirtualMachineSnapshot', id: query.snapshotMoref }
  const frozen = (await frozenDisks(session, at, signal)).find(disk => disk.key === query.deviceKey)
  if (frozen === undefined) throw new AppError('CBT_UNAVAILABLE', `${what}: there is no such disk`)
  if (frozen.capacityBytes !== query.capacityBytes)
    throw new AppError(
      'CBT_UNAVAILABLE',
      `${what}: it has ${frozen.capacityBytes} bytes, not ${query.capacityBytes}`,
    )
  const reason = whyUnusable(query.changeId, frozen.changeId)
  if (reason !== undefined) throw new AppError('CBT_UNAVAILABLE', `${what}: ${reason}`)
  const pages = new AreaPages(query.capacityBytes)
  while (pages.reached < query.capacityBytes) {
    const wrong = pages.add(await askPage(session, query, pages.reached, what, signal))
    if (wrong !== undefined) throw new AppError('CBT_ANSWER_INVALID', `${what}: ${wrong}`)
    if (pages.isTooLong) throw new AppError('CBT_UNAVAILABLE', `${what}: the list of changes is too long`)
  }
  return pages.areas
}

async function askPage(
  session: VimSession,
  query: AreasQuery,
  startOffset: Bytes,
  what: string,
  signal: AbortSignal,
): Promise<ChangedPage> {
  const call = {
    method: 'QueryChangedDiskAreas',
    target: vmRef(query.moref),
    args: [
      ...(query.snapshotMoref === null
        ? []
        : [element('snapshot', { type: 'VirtualMachineSnapshot', id: query.snapshotMoref })]),
      element('deviceKey', query.deviceKey),
      element('startOffset', startOffset),
      element('changeId', query.changeId),
    ],
  }
  try {
    return pageFrom(required(await session.call(call, 'safe', signal), 'returnval', call.method), what)
  } catch (error) {
    if (!isFault(error, 'FileFault', 'FileNotFound', 'NotFound', 'InvalidArgument', 'NotSupported'))
      throw error
    throw new AppError('CBT_UNAVAILABLE', `${what}: vCenter answered ${error.fault}`, error)
  }
}

function pageFrom(info: Node, what: string): ChangedPage {
  const number = (node: Node, name: string): Bytes => {
    const value = wholeOf(node, name)
    if (value === undefined) throw new AppError('CBT_ANSWER_INVALID', `${what}: the answer has no ${name}`)
    return value
  }
  return {
    startOffset: number(info, 'startOffset'),
    length: number(info, 'length'),
    areas: childrenOf(info, 'changedArea').map(area => ({
      offset: number(area, 'start'),
      length: number(area, 'length'),
    })),
  }
}
