import { type NicMapping, type SourceNic, type TargetNetwork } from '../domain/network-mapping.js'
import { AppError } from '../errors.js'

/** With the names CloudStack gives the networks now. Rejects with REQUEST_INVALID. */
export function namedMappings(
  wanted: readonly Omit<NicMapping, 'networkName'>[],
  networks: readonly TargetNetwork[],
): readonly NicMapping[] {
  const seen = new Set<string>()
  return wanted.map(one => {
    const key = `${one.nicKey} ${one.mode}`
    if (seen.has(key))
      throw new AppError('REQUEST_INVALID', `items: card ${one.nicKey} is mapped twice for ${one.mode}`)
    seen.add(key)
    const network = networks.find(({ id }) => id === one.networkId)
    if (network === undefined)
      throw new AppError('REQUEST_INVALID', `items: CloudStack has no network ${one.networkId}`)
    return { ...one, networkName: network.name }
  })
}

/** By card: those the source has, then those that only mappings know. */
export function mappingView(nics: readonly SourceNic[], mappings: readonly NicMapping[]) {
  const keys = new Set([...nics.map(({ key }) => key), ...mappings.map(({ nicKey }) => nicKey)])
  const to = (nicKey: string, mode: NicMapping['mode']) => {
    const found = mappings.find(one => one.nicKey === nicKey && one.mode === mode)
    return found === undefined
      ? null
      : { networkId: found.networkId, networkName: found.networkName, mac: found.mac }
  }
  return {
    items: [...keys].map(nicKey => {
      const nic = nics.find(({ key }) => key === nicKey)
      return {
        nicKey,
        label: nic?.label ?? null,
        macAddress: nic?.macAddress ?? null,
        sourceNetwork: nic?.network ?? null,
        test: to(nicKey, 'test'),
        live: to(nicKey, 'live'),
      }
    }),
  }
}
