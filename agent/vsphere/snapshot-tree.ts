import { AppError } from '../errors.js'
import { child, childrenOf, flag, refOf, textOf, type MoRef, type Node } from './vim-xml.js'

export interface ListedSnapshot {
  readonly ref: MoRef
  readonly name: string
  readonly createdAt: Date
  /** 1: taken of the VM without another below it. Each level is one more delta of every disk. */
  readonly depth: number
  readonly consistency: Consistency
}

/**
 * What the guest knew of the snapshot: `powered-off` and `quiesced` were told, with `crash` the disks are as a power cut
 * would leave them.
 */
export type Consistency = 'powered-off' | 'quiesced' | 'crash'

/** All snapshots of a VirtualMachineSnapshotInfo, whatever their level; the property is unset when there are none. */
export function listedSnapshots(info: Node | undefined): readonly ListedSnapshot[] {
  const found: ListedSnapshot[] = []
  const rest = childrenOf(info, 'rootSnapshotList').map(tree => ({ tree, depth: 1 }))
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { tree, depth } = next
    const ref = refOf(child(tree, 'snapshot'), 'snapshot')
    const createdAt = new Date(textOf(tree, 'createTime') ?? '')
    if (Number.isNaN(createdAt.getTime()))
      throw new AppError('VSPHERE_PROTOCOL', `snapshot ${ref.id} has no time of creation`)
    found.push({ ref, name: textOf(tree, 'name') ?? '', createdAt, depth, consistency: consistencyOf(tree) })
    for (const below of childrenOf(tree, 'childSnapshotList')) rest.push({ tree: below, depth: depth + 1 })
  }
  return found
}

function consistencyOf(tree: Node): Consistency {
  if (textOf(tree, 'state') === 'poweredOff') return 'powered-off'
  return flag(child(tree, 'quiesced')) === true ? 'quiesced' : 'crash'
}
