import { type OperatorClient } from '../../agent/api/client.js'
import { type CloudAccount } from './cloud-admin.js'

/** Configures the product as an operator does: discovers, and chooses by names. */
export async function configureCloudstack(client: OperatorClient, cloud: CloudAccount): Promise<void> {
  const server = {
    address: cloud.url,
    allowPlainHttp: true,
    apiKey: cloud.apiKey,
    secretKey: cloud.secretKey,
  }
  const found = await client.discoverCloudstack(server)
  const zone = only('zone', found.zones, 'zone-1')
  await client.saveCloudstackConfiguration({
    ...server,
    expectedRevision: 0,
    choice: {
      zoneId: zone.id,
      diskOfferingId: only('disk offering', found.diskOfferings, 'Custom').id,
      serviceOfferingId: only('service offering', found.serviceOfferings, 'Custom').id,
      networkId: only('network', found.networks, 'production').id,
      templateId: only('template', ofZone(found.templates, zone.id), 'debian-12').id,
      // The OMA finds out which VM it is.
      applianceVmId: null,
    },
  })
  const { findings } = await client.validateCloudstack()
  const bad = findings.filter(finding => finding.severity === 'error')
  if (bad.length > 0) throw new Error(`the configuration is not valid: ${bad.map(one => one.what).join(' ')}`)
}

const ofZone = <T extends { readonly zoneId: string }>(items: readonly T[], zoneId: string): readonly T[] =>
  items.filter(item => item.zoneId === zoneId)

function only<T extends { readonly name: string }>(what: string, items: readonly T[], name: string): T {
  const [item, ...others] = items.filter(candidate => candidate.name === name)
  if (item === undefined || others.length > 0) throw new Error(`there is not exactly one ${what} ${name}`)
  return item
}
