import { isFields, type Fields } from './api.js'
import { type MachineIdentity } from './deps.js'

/** Which VM of CloudStack this machine is. Names do not count: anybody can give them. */
export type OwnVm =
  | {
      readonly kind: 'found'
      readonly id: string
      readonly name: string
      readonly by: 'uuid' | 'mac' | 'both'
    }
  | { readonly kind: 'not-found' }
  /** Firmware and network cards name different VMs, or the cards several: a copied machine, for one. */
  | { readonly kind: 'contradiction'; readonly ids: string[] }

/** On KVM the UUID the firmware shows is the VM's id in CloudStack. */
export function ownVm(machine: MachineIdentity, vms: readonly Fields[]): OwnVm {
  const macs = new Set(machine.macAddresses.map(mac => mac.toLowerCase()))
  const byUuid = vms.filter(vm => vm['id'] === machine.systemUuid?.toLowerCase())
  const byMac = vms.filter(vm => macsOf(vm).some(mac => macs.has(mac)))
  const all = new Set([...byUuid, ...byMac].map(vm => String(vm['id'])))
  if (all.size > 1) return { kind: 'contradiction', ids: [...all] }
  const vm = byUuid[0] ?? byMac[0]
  if (vm === undefined) return { kind: 'not-found' }
  const by = byUuid.length === 0 ? 'mac' : byMac.length === 0 ? 'uuid' : 'both'
  return { kind: 'found', id: String(vm['id']), name: String(vm['name']), by }
}

const macsOf = ({ nic }: Fields): readonly string[] =>
  Array.isArray(nic) ? nic.filter(isFields).map(one => String(one['macaddress']).toLowerCase()) : []
