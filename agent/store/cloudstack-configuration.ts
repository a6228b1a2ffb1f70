import { type ConfigurationStore } from '../cloudstack/deps.js'
import { storeCall, type Database } from './database.js'

interface ConfigurationRow {
  readonly id: number
  readonly revision: number
  readonly url: string
  readonly thumbprint_sha256: string | null
  readonly signature_version: number
  readonly credentials_ref: string
  readonly zone_id: string
  readonly disk_offering_id: string
  readonly appliance_vm_id: string
  readonly network_id: string | null
  readonly template_id: string | null
  readonly service_offering_id: string | null
  readonly updated_at: Date
}

/** One row; a change names the revision it replaces. */
export function cloudstackConfiguration(db: Database, now: () => Date): ConfigurationStore {
  return {
    read: () =>
      storeCall('reading the CloudStack configuration', async () => {
        const row = await db<ConfigurationRow>('cloudstack_configuration').where({ id: 1 }).first()
        if (row === undefined) return undefined
        return {
          revision: row.revision,
          url: row.url,
          thumbprintSha256: row.thumbprint_sha256,
          signatureVersion: row.signature_version === 1 ? 1 : 3,
          credentialsRef: row.credentials_ref,
          choice: {
            zoneId: row.zone_id,
            diskOfferingId: row.disk_offering_id,
            applianceVmId: row.appliance_vm_id,
            networkId: row.network_id,
            templateId: row.template_id,
            serviceOfferingId: row.service_offering_id,
          },
          updatedAt: row.updated_at,
        }
      }),
    replace: (expected, { choice, ...rest }) =>
      storeCall('saving the CloudStack configuration', async () => {
        const row: Omit<ConfigurationRow, 'id'> = {
          revision: expected + 1,
          url: rest.url,
          thumbprint_sha256: rest.thumbprintSha256,
          signature_version: rest.signatureVersion,
          credentials_ref: rest.credentialsRef,
          zone_id: choice.zoneId,
          disk_offering_id: choice.diskOfferingId,
          appliance_vm_id: choice.applianceVmId,
          network_id: choice.networkId,
          template_id: choice.templateId,
          service_offering_id: choice.serviceOfferingId,
          updated_at: now(),
        }
        if (expected === 0) return insertFirst(db, row)
        const changed = await db<ConfigurationRow>('cloudstack_configuration')
          .where({ id: 1, revision: expected })
          .update(row)
        return changed === 1
      }),
  }
}

async function insertFirst(db: Database, row: Omit<ConfigurationRow, 'id'>): Promise<boolean> {
  try {
    await db<ConfigurationRow>('cloudstack_configuration').insert({ id: 1, ...row })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ER_DUP_ENTRY') return false
    throw error
  }
}
