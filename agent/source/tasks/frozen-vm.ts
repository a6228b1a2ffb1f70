import { type TaskInput } from '../../api/worker.js'
import { sourceVmId } from '../../domain/ids.js'
import { AppError } from '../../errors.js'
import {
  type DiskReader,
  type DiskReaders,
  type FrozenDisk,
  type ReaderRequest,
  type SourceVsphere,
} from '../deps.js'
import { mustBeUntouched } from '../powered-off.js'

export interface FoundVm {
  readonly moref: string
  readonly host: string | null
  readonly snapshotMoref: string | null
  readonly disks: readonly FrozenDisk[]
  /** Names the instant whose disks these are. */
  readonly content: string
  /**
   * Rejects when what was read meanwhile may not have been at rest; gives what makes later changes doubtful, null for
   * nothing.
   */
  readonly afterwards: () => Promise<string | null>
}

/** Rejects with SOURCE_VM_UNKNOWN, SOURCE_SNAPSHOT_GONE or SOURCE_VM_NOT_OFF. */
export async function findFrozen(
  vsphere: SourceVsphere,
  { sourceVmId: id, from }: Pick<TaskInput<'copy-disks'>, 'sourceVmId' | 'from'>,
  signal: AbortSignal,
): Promise<FoundVm> {
  const vm = await vsphere.describeVm(sourceVmId(id), signal)
  const { moref, host } = vm
  if (from.kind === 'snapshot') {
    const snapshot = await vsphere.findSnapshot(moref, from.name, signal)
    if (snapshot === undefined)
      throw new AppError('SOURCE_SNAPSHOT_GONE', `VM ${id} has no snapshot ${from.name}`)
    const { snapshotMoref, disks } = snapshot
    return {
      moref,
      host,
      snapshotMoref,
      disks,
      content: snapshotMoref,
      afterwards: () => vsphere.disturbance(moref, from.name, signal),
    }
  }
  mustBeUntouched(vm, from.stateToken)
  return {
    moref,
    host,
    snapshotMoref: null,
    disks: vm.disks.filter(disk => disk.snapshotable),
    content: from.stateToken,
    afterwards: async () => {
      mustBeUntouched(await vsphere.describeVm(sourceVmId(id), signal), from.stateToken)
      return null
    },
  }
}

export function frozenDisk({ disks, moref }: FoundVm, key: string): FrozenDisk {
  const frozen = disks.find(disk => disk.key === key)
  if (frozen === undefined) throw new AppError('JOB_DISKS_CHANGED', `no disk ${key} of ${moref} is frozen`)
  return frozen
}

/** vSphere cannot tell what changed, or told what cannot be: only looking at everything is safe then. */
export const isDoubt = (error: AppError): boolean =>
  error.code === 'CBT_UNAVAILABLE' || error.code === 'CBT_ANSWER_INVALID'

const sourceOf = (reader: DiskReader) => ({ kind: 'unix', path: reader.socketPath, exportName: '' }) as const

/** A reader that failed says more on its standard error than NBD can carry. */
async function withComplaint<T>(reader: DiskReader, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SOURCE_READ_FAILED') throw error
    await reader.close()
    const complaint = reader.complaint()
    throw complaint === '' ? error : new AppError(error.code, `${error.message} (${complaint})`, error)
  }
}

/** Opens a reader for the work and closes it after. */
export async function whileOpen<T>(
  readers: DiskReaders,
  at: ReaderRequest,
  signal: AbortSignal,
  work: (source: ReturnType<typeof sourceOf>) => Promise<T>,
): Promise<T> {
  const reader = await readers.open(at, signal)
  try {
    return await withComplaint(reader, () => work(sourceOf(reader)))
  } finally {
    await reader.close()
  }
}
