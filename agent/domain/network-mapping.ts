import { type NetworkMode } from './failover.js'

/** Where one network card of the source goes in one mode. */
export interface NicMapping {
  readonly nicKey: string
  readonly mode: NetworkMode
  readonly networkId: string
  /** As CloudStack called it when it was chosen. */
  readonly networkName: string
  readonly mac: 'keep' | 'new'
}

export interface SourceNic {
  readonly key: string
  readonly label: string
  readonly macAddress: string
  readonly network: string
}

export interface TargetNetwork {
  readonly id: string
  readonly name: string
  readonly zoneId: string
}

export type FailoverFindingCode =
  | 'nic-unmapped'
  | 'nic-unknown'
  | 'network-gone'
  | 'network-other-zone'
  | 'network-twice'
  | 'network-renamed'
  | 'test-network-live'
  | 'no-nics'
  | 'hardware-unknown'
  | 'hardware-size'
  | 'point-missing'
  | 'point-unusable'
  | 'job-paused'
  | 'disks-too-many'
  | 'disk-volume'
  | 'root-disk'
  | 'offering'
  | 'template'
  | 'firmware'
  | 'limits'
  | 'permissions'
  | 'appliance-snapshots'
  | 'name-taken'
  | 'source-power'
  | 'source-tools'
  | 'guest-drivers'
  | 'not-checked'

/** `blocker`: the failover does not start. */
export interface FailoverFinding {
  readonly code: FailoverFindingCode
  readonly severity: 'blocker' | 'warning' | 'info'
  readonly what: string
  readonly remedy: string
}

/** One NIC of the target VM. A MAC address of null is CloudStack's to choose. */
export interface TargetNic {
  readonly nicKey: string
  readonly label: string
  readonly sourceNetwork: string
  readonly networkId: string
  readonly networkName: string
  readonly macAddress: string | null
}

export interface MappingFacts {
  readonly mode: NetworkMode
  readonly nics: readonly SourceNic[]
  /** Of this VM, of either mode. */
  readonly mappings: readonly NicMapping[]
  /** Networks that some VM is mapped to in live mode, by id, with the names of those VMs. */
  readonly liveNetworks: ReadonlyMap<string, readonly string[]>
  /** Of CloudStack, as they are now. */
  readonly networks: readonly TargetNetwork[]
  readonly zoneId: string
}

const blocker = (code: FailoverFindingCode, what: string, remedy: string): FailoverFinding => ({
  code,
  severity: 'blocker',
  what,
  remedy,
})

/** The NICs of the target in the source's order, and what speaks against them. With a blocker they are not to be used. */
export function resolveNics(facts: MappingFacts): {
  readonly nics: readonly TargetNic[]
  readonly findings: readonly FailoverFinding[]
} {
  const findings: FailoverFinding[] = []
  const nics: TargetNic[] = []
  const chosen = facts.mappings.filter(mapping => mapping.mode === facts.mode)
  if (facts.nics.length === 0)
    findings.push({
      code: 'no-nics',
      severity: 'warning',
      what: 'The source has no network card, and CloudStack gives every VM one.',
      remedy: 'Expect the VM in the network CloudStack chooses, or add a card to the source and map it.',
    })
  for (const nic of facts.nics) {
    const mapping = chosen.find(candidate => candidate.nicKey === nic.key)
    if (mapping === undefined) {
      const what = `${nic.label} (network ${nic.network}) is not mapped for ${facts.mode} failovers.`
      findings.push(blocker('nic-unmapped', what, 'Map it to a network of CloudStack.'))
      continue
    }
    findings.push(...networkFindings(facts, nic, mapping))
    nics.push({
      nicKey: nic.key,
      label: nic.label,
      sourceNetwork: nic.network,
      networkId: mapping.networkId,
      networkName: facts.networks.find(({ id }) => id === mapping.networkId)?.name ?? mapping.networkName,
      macAddress: mapping.mac === 'keep' ? nic.macAddress.toLowerCase() : null,
    })
  }
  for (const [index, nic] of nics.entries())
    if (nics.findIndex(other => other.networkId === nic.networkId) < index) {
      const what = `${nic.label} is mapped to ${nic.networkName}, which another card of this VM has already.`
      findings.push(
        blocker('network-twice', what, 'CloudStack gives a VM one card per network: choose another.'),
      )
    }
  for (const { nicKey } of chosen)
    if (!facts.nics.some(nic => nic.key === nicKey))
      findings.push({
        code: 'nic-unknown',
        severity: 'info',
        what: `Card ${nicKey} is mapped, and the VM has none of that key.`,
        remedy: 'Nothing to do; remove the mapping when the card does not come back.',
      })
  return { nics, findings }
}

function* networkFindings(
  { mode, liveNetworks, networks, zoneId }: MappingFacts,
  nic: SourceNic,
  mapping: NicMapping,
): Generator<FailoverFinding> {
  const network = networks.find(({ id }) => id === mapping.networkId)
  if (network === undefined) {
    const what = `${nic.label} is mapped to ${mapping.networkName}, which CloudStack does not show any more.`
    yield blocker('network-gone', what, 'Map it to a network the account may use.')
    return
  }
  if (network.zoneId !== zoneId) {
    const what = `${nic.label} is mapped to ${network.name}, which is in another zone.`
    yield blocker('network-other-zone', what, 'Map it to a network of the zone of the appliance.')
  }
  if (network.name !== mapping.networkName)
    yield {
      code: 'network-renamed',
      severity: 'info',
      what: `${mapping.networkName} is called ${network.name} now; the id is the same.`,
      remedy: 'Nothing to do when it is still the right network.',
    }
  const live = mode === 'test' ? liveNetworks.get(mapping.networkId) : undefined
  if (live !== undefined) {
    const what = `${nic.label} is mapped to ${network.name} for tests, where ${live.join(', ')} go live.`
    yield blocker('test-network-live', what, 'Give tests networks of their own, which no VM uses live.')
  }
}

/**
 * The networks that one change of mappings would give to tests and to live failovers alike; empty: it may be stored.
 * `others` are the mappings of all other VMs.
 */
export function sharedNetworks(
  wanted: readonly NicMapping[],
  others: readonly Pick<NicMapping, 'mode' | 'networkId'>[],
): readonly string[] {
  const all = [...wanted, ...others]
  const idsOf = (mode: NetworkMode) => new Set(all.filter(one => one.mode === mode).map(one => one.networkId))
  const [test, live] = [idsOf('test'), idsOf('live')]
  return [...test].filter(id => live.has(id))
}

/** Networks a VM is on and should not be, or should be on and is not; empty: as wanted. */
export function networkDifferences(wanted: readonly string[], found: readonly string[]): readonly string[] {
  return [
    ...found.filter(id => !wanted.includes(id)).map(id => `is on network ${id}`),
    ...wanted.filter(id => !found.includes(id)).map(id => `is not on network ${id}`),
  ]
}
