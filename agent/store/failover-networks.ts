import { sharedNetworks, type NicMapping } from '../domain/network-mapping.js'
import { AppError } from '../errors.js'
import { type FailoverStore } from '../failover/deps.js'
import { type NetworkMappings } from '../http/failover-deps.js'
import { storeCall, type Database } from './database.js'

interface NetworkRow {
  readonly source_vm_id: string
  readonly nic_key: string
  readonly mode: NicMapping['mode']
  readonly network_id: string
  readonly network_name: string
  readonly mac: NicMapping['mac']
}

const mappingFrom = (row: NetworkRow): NicMapping => ({
  nicKey: row.nic_key,
  mode: row.mode,
  networkId: row.network_id,
  networkName: row.network_name,
  mac: row.mac,
})

export async function failoverNetworks(
  db: Database,
  vm: string,
): Promise<Awaited<ReturnType<FailoverStore['networks']>>> {
  const rows = await db<NetworkRow>('failover_networks')
    .where('source_vm_id', vm)
    .orderByRaw('LENGTH(nic_key), nic_key, mode')
  const live = await db('failover_networks as n')
    .leftJoin('source_vms as v', 'v.id', 'n.source_vm_id')
    .where('n.mode', 'live')
    .distinct<{ network_id: string; name: string | null; source_vm_id: string }[]>(
      'n.network_id',
      'v.name',
      'n.source_vm_id',
    )
  const liveNetworks = new Map<string, string[]>()
  for (const { network_id: id, name, source_vm_id: other } of live)
    liveNetworks.set(id, [...(liveNetworks.get(id) ?? []), name ?? other])
  return { mappings: rows.map(mappingFrom), liveNetworks }
}

/** One change at a time passes the gate, so that no two give one network to tests and to live failovers. */
export const networkMappings = (db: Database, now: () => Date): NetworkMappings => ({
  of: vm =>
    storeCall(`reading the networks of VM ${vm}`, async () => (await failoverNetworks(db, vm)).mappings),
  replace: (vm, mappings) =>
    storeCall(`mapping the networks of VM ${vm}`, () =>
      db.transaction(async tx => {
        await tx('work_gate').where({ id: 1 }).forUpdate().first()
        const others = await tx<NetworkRow>('failover_networks').whereNot('source_vm_id', vm)
        const [shared] = sharedNetworks(mappings, others.map(mappingFrom))
        if (shared !== undefined) {
          const name = mappings.find(({ networkId }) => networkId === shared)?.networkName ?? shared
          throw new AppError('FAILOVER_NETWORK_SHARED', `network ${name} (${shared})`)
        }
        await tx('failover_networks').where('source_vm_id', vm).delete()
        for (const mapping of mappings)
          await tx('failover_networks').insert({
            source_vm_id: vm,
            nic_key: mapping.nicKey,
            mode: mapping.mode,
            network_id: mapping.networkId,
            network_name: mapping.networkName,
            mac: mapping.mac,
            updated_at: now(),
          })
      }),
    ),
})
