import { type PreflightView } from '../api/preflight.js'
import { type Finding } from '../domain/preflight.js'
import { AppError } from '../errors.js'
import { storeCall, type Database } from './database.js'

interface PreflightRow {
  readonly source_vm_id: string
  readonly checked_at: Date
  readonly findings: string
}

/** The newest check of each VM. */
export function vmPreflights(db: Database, now: () => Date) {
  return {
    save: (sourceVmId: string, findings: readonly Finding[]): Promise<void> =>
      storeCall(`saving the check of VM ${sourceVmId}`, async () => {
        await db('vm_preflights')
          .insert({ source_vm_id: sourceVmId, checked_at: now(), findings: JSON.stringify(findings) })
          .onConflict('source_vm_id')
          .merge()
      }),
    /** Rejects with NOT_FOUND. */
    last: (sourceVmId: string): Promise<PreflightView> =>
      storeCall(`reading the check of VM ${sourceVmId}`, async () => {
        const row = await db<PreflightRow>('vm_preflights').where('source_vm_id', sourceVmId).first()
        if (row === undefined) throw new AppError('NOT_FOUND', `a check of VM ${sourceVmId}`)
        return {
          checkedAt: row.checked_at.toISOString(),
          findings: JSON.parse(row.findings) as PreflightView['findings'],
        }
      }),
  }
}
