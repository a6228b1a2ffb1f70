import { type AddOutcome } from '../api/source-vms.js'
import { AppError, errorTable } from '../errors.js'
import { type ManagedVms } from '../http/deps.js'
import { storeCall, type Database } from './database.js'
import { type JobRow } from './pass-store.js'

interface ManagedRow {
  readonly source_vm_id: string
}

interface KnownVm {
  readonly id: string
  readonly name: string
}

/** Which VMs an operator has chosen. Each VM is added in a transaction of its own, so one failure leaves the others added. */
export function managedVms(db: Database, now: () => Date): ManagedVms {
  const add = (id: string) =>
    storeCall(`adding VM ${id} to management`, () => db.transaction(tx => manage(tx, id, now())))
  return {
    add,
    addAll: async ids => {
      const outcomes: AddOutcome[] = []
      for (const sourceVmId of ids) outcomes.push(await addOutcome(sourceVmId, add))
      return outcomes
    },
    remove: id =>
      storeCall(`removing VM ${id} from management`, () =>
        db.transaction(async tx => {
          const row = await tx<ManagedRow>('managed_vms').where('source_vm_id', id).forUpdate().first()
          if (row === undefined) throw new AppError('NOT_FOUND', `managed VM ${id}`)
          const job = await tx<JobRow>('replication_jobs').where('source_vm_id', id).first()
          if (job !== undefined) throw new AppError('VM_HAS_JOB', `VM ${job.vm_name} (${id})`)
          await tx('managed_vms').where('source_vm_id', id).delete()
        }),
      ),
  }
}

/** Rejects with SOURCE_VM_UNKNOWN; a VM that is managed already stays as it is. */
export async function manage(tx: Database, id: string, at: Date): Promise<'added' | 'already-managed'> {
  const held = await tx<ManagedRow>('managed_vms').where('source_vm_id', id).forUpdate().first()
  if (held !== undefined) return 'already-managed'
  const vm = await tx<KnownVm>('source_vms').where({ id }).first()
  if (vm === undefined) throw new AppError('SOURCE_VM_UNKNOWN', `VM ${id}`)
  await tx('managed_vms')
    .insert({ source_vm_id: id, name: vm.name, managed_at: at })
    .onConflict('source_vm_id')
    .ignore()
  return 'added'
}

/** A database that went away fails the request as a whole: what it says of one VM holds for all. */
async function addOutcome(
  sourceVmId: string,
  add: (id: string) => Promise<'added' | 'already-managed'>,
): Promise<AddOutcome> {
  try {
    return { sourceVmId, outcome: await add(sourceVmId), failure: null }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SOURCE_VM_UNKNOWN') throw error
    const { code, message } = error
    return { sourceVmId, outcome: 'failed', failure: { code, message, next: errorTable[code].next } }
  }
}
