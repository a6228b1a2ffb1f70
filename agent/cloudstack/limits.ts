import { type CloudstackApi } from './api.js'

/** How many data disks CloudStack lets a VM on KVM have; undefined: this key may not ask, or nobody says. */
export async function dataDiskLimit(api: CloudstackApi, signal: AbortSignal): Promise<number | undefined> {
  const command = 'listHypervisorCapabilities'
  if (!(await api.mayCall(command, signal))) return undefined
  const found = await api.list(command, 'hypervisorCapabilities', { hypervisor: 'KVM' }, signal)
  const limits = found
    .map(one => one['maxdatavolumeslimit'])
    .filter((limit): limit is number => typeof limit === 'number')
  return limits.length === 0 ? undefined : Math.min(...limits)
}
