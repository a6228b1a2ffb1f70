/**
 * `test` boots clones and leaves the replica alone; `live` moves a VM whose source is reachable; `unplanned` starts the
 * replica because the source is not.
 */
export type FailoverKind = 'test' | 'live' | 'unplanned'

/** Which networks a failover may use. */
export type NetworkMode = 'test' | 'live'

export const networkModeOf = (kind: FailoverKind): NetworkMode => (kind === 'test' ? 'test' : 'live')

/**
 * `running`: the VM of a test is up until it is cleaned up. `deciding`: the target VM is up, and the operator commits or
 * rolls back. The last four are ends.
 */
export type FailoverState =
  | 'starting'
  | 'running'
  | 'deciding'
  | 'cleaning-up'
  | 'committing'
  | 'rolling-back'
  | 'failed'
  | 'cleaned-up'
  | 'committed'
  | 'rolled-back'

const ends: ReadonlySet<FailoverState> = new Set(['failed', 'cleaned-up', 'committed', 'rolled-back'])

export const isOver = (state: FailoverState): boolean => ends.has(state)

export const openStates: readonly FailoverState[] = [
  'starting',
  'running',
  'deciding',
  'cleaning-up',
  'committing',
  'rolling-back',
]

/** What an operator can do with a failover that has begun. */
export type FailoverAction = 'cancel' | 'commit' | 'roll-back' | 'clean-up'

/**
 * What may be done now; the same action again while it is under way is no other wish. A run that failed and is stuck in
 * its own clean-up (`isParked`) is taken up again by `clean-up`, whatever it was.
 */
export function allowedActions(
  kind: FailoverKind,
  state: FailoverState,
  isParked: boolean,
): readonly FailoverAction[] {
  const more: readonly FailoverAction[] = isParked ? ['clean-up'] : []
  switch (state) {
    case 'starting':
      return ['cancel', ...more]
    case 'running':
      return ['clean-up']
    case 'deciding':
      return kind === 'test' ? ['clean-up'] : ['commit', 'roll-back']
    case 'cleaning-up':
      return ['clean-up']
    case 'committing':
      return ['commit', ...more]
    case 'rolling-back':
      return ['roll-back', ...more]
    case 'failed':
    case 'cleaned-up':
    case 'committed':
    case 'rolled-back':
      return []
  }
}

/** The state an action leads to while its saga runs; null: it starts none. */
export const stateDuring: Readonly<Record<FailoverAction, FailoverState | null>> = {
  cancel: null,
  commit: 'committing',
  'roll-back': 'rolling-back',
  'clean-up': 'cleaning-up',
}

export interface FailoverOptions {
  /** What to do with a guest that does not shut down. */
  readonly onShutdownHang: 'abort' | 'power-off'
  readonly shutdownSeconds: number
  /** How long the VM of a test is kept; then it is cleaned up. */
  readonly keepMinutes: number
  /** The disk the target boots from; null: the first one of the source. */
  readonly rootDiskKey: string | null
}

export const usualOptions: FailoverOptions = {
  onShutdownHang: 'abort',
  shutdownSeconds: 300,
  keepMinutes: 240,
  rootDiskKey: null,
}

export interface OrderedDisk {
  readonly diskKey: string
  readonly controllerKey: string | null
  readonly unitNumber: number | null
}

/**
 * The order in which the target has the disks: that of the source's controllers and units, the chosen root first. A disk
 * whose place is not known comes after those whose is, by its key.
 */
export function bootOrder<T extends OrderedDisk>(
  disks: readonly T[],
  rootDiskKey: string | null,
): readonly T[] {
  const place = (disk: T): readonly number[] => [
    disk.diskKey === rootDiskKey ? 0 : 1,
    disk.controllerKey === null ? Number.MAX_SAFE_INTEGER : Number(disk.controllerKey),
    disk.unitNumber ?? Number.MAX_SAFE_INTEGER,
    Number(disk.diskKey),
  ]
  return disks.toSorted((a, b) => {
    const [left, right] = [place(a), place(b)]
    const at = left.findIndex((value, index) => value !== right[index])
    return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0)
  })
}

/** Letters, digits and hyphens, as CloudStack takes them for the host name of a VM; at most 63 characters. */
export function hostNameOf(vmName: string): string {
  const plain = vmName
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
  const name = plain === '' ? 'vm' : plain
  return name.slice(0, 63).replaceAll(/-+$/g, '')
}

const testSuffixLength = 13

/** Of the VM of a test: no other VM may have it. */
export const testHostNameOf = (vmName: string, id: string): string =>
  `${hostNameOf(vmName)
    .slice(0, 63 - testSuffixLength)
    .replaceAll(/-+$/g, '')}-test-${id.slice(0, 8)}`

/** Under which a VM of ours is found again before its id was recorded. */
export const machineMarkOf = (vmName: string, id: string): string =>
  `${vmName.replaceAll(/\p{Cc}/gu, ' ').slice(0, 150)} (ossea ${id})`
