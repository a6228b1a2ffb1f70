import { type HardwareComparison, type HardwareVersionDetail } from '../api/hardware.js'
import { hardwareDifferences, type Hardware } from '../domain/hardware.js'
import { type PassId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type HardwareHistory } from '../http/deps.js'
import { storeCall, type Database } from './database.js'

interface HardwareRow {
  readonly source_vm_id: string
  readonly version: number
  readonly pass_id: string
  readonly taken_at: Date
  readonly hardware: string
}

/** Adds a version when the newest one differs; in the transaction of the caller, which holds the pass. */
export async function recordHardware(
  tx: Database,
  pass: PassId,
  { createdAt, hardware }: { readonly createdAt: Date; readonly hardware: Hardware },
): Promise<void> {
  const row: { source_vm_id: string } | undefined = await tx('passes as p')
    .join('replication_jobs as j', 'j.id', 'p.job_id')
    .where('p.id', pass)
    .first('j.source_vm_id')
  if (row === undefined) throw new Error(`no pass ${pass}`)
  const newest = await tx<HardwareRow>('vm_hardware')
    .where('source_vm_id', row.source_vm_id)
    .orderBy('version', 'desc')
    .forUpdate()
    .first()
  if (newest !== undefined && hardwareDifferences(parsed(newest), hardware).length === 0) return
  await tx('vm_hardware').insert({
    source_vm_id: row.source_vm_id,
    version: (newest?.version ?? 0) + 1,
    pass_id: pass,
    taken_at: createdAt,
    hardware: JSON.stringify(hardware),
  })
}

export function hardwareHistory(db: Database): HardwareHistory {
  const version = async (vm: string, number: number): Promise<HardwareVersionDetail> => {
    const row = await db<HardwareRow>('vm_hardware').where({ source_vm_id: vm, version: number }).first()
    if (row === undefined) throw new AppError('NOT_FOUND', `version ${number} of the hardware of VM ${vm}`)
    return { ...summary(row), hardware: parsed(row) as HardwareVersionDetail['hardware'] }
  }
  return {
    versions: vm =>
      storeCall(`listing the hardware of VM ${vm}`, async () => {
        const rows = await db<HardwareRow>('vm_hardware').where('source_vm_id', vm).orderBy('version', 'desc')
        return rows.map(summary)
      }),
    version: (vm, number) => storeCall(`reading the hardware of VM ${vm}`, () => version(vm, number)),
    compare: (vm, fromVersion, toVersion) =>
      storeCall(`comparing the hardware of VM ${vm}`, async (): Promise<HardwareComparison> => {
        const [from, to] = [await version(vm, fromVersion), await version(vm, toVersion)]
        const differences = hardwareDifferences(from.hardware, to.hardware)
        return { from: versionOf(from), to: versionOf(to), differences }
      }),
  }
}

const summary = (row: HardwareRow) => ({
  version: row.version,
  passId: row.pass_id,
  takenAt: row.taken_at.toISOString(),
})

const versionOf = ({ version, passId, takenAt }: HardwareVersionDetail) => ({ version, passId, takenAt })

const parsed = (row: HardwareRow): Hardware => JSON.parse(row.hardware) as Hardware
