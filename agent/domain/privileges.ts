/** A privilege of the vCenter user, by the id vSphere knows it by. */
export interface NeededPrivilege {
  readonly id: string
  /** On which object it has to be granted. */
  readonly on: 'vm' | 'datastore'
  /** Without it no pass can succeed; otherwise only some transports or checks need it. */
  readonly isVital: boolean
}

/**
 * What reading a VM takes. Snapshots and tracking: the privileges vSphere's API reference names for CreateSnapshot_Task,
 * RemoveSnapshot_Task and ReconfigVM_Task. Reading: those virt-v2v-input-vmware(1), which reads by the same nbdkit plugin,
 * and the VDDK Programming Guide ask for; some of them only other transports use. Switching off and on: failovers.
 */
export const neededPrivileges: readonly NeededPrivilege[] = [
  { id: 'VirtualMachine.State.CreateSnapshot', on: 'vm', isVital: true },
  { id: 'VirtualMachine.State.RemoveSnapshot', on: 'vm', isVital: true },
  { id: 'VirtualMachine.Provisioning.DiskRandomRead', on: 'vm', isVital: true },
  { id: 'VirtualMachine.Config.ChangeTracking', on: 'vm', isVital: true },
  { id: 'VirtualMachine.Interact.PowerOff', on: 'vm', isVital: false },
  { id: 'VirtualMachine.Interact.PowerOn', on: 'vm', isVital: false },
  { id: 'VirtualMachine.Config.DiskLease', on: 'vm', isVital: false },
  { id: 'VirtualMachine.Provisioning.DiskRandomAccess', on: 'vm', isVital: false },
  { id: 'VirtualMachine.Provisioning.GetVmFiles', on: 'vm', isVital: false },
  { id: 'Datastore.Browse', on: 'datastore', isVital: false },
  { id: 'Datastore.FileManagement', on: 'datastore', isVital: false },
]
