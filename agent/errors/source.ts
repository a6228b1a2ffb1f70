import { row } from './row.js'

/** What vCenter, its VMs and VDDK can do wrong. */
export const sourceErrors = {
  VSPHERE_UNREACHABLE: row(
    502,
    'after-delay',
    'vCenter does not answer.',
    'Check the address of vCenter and the network between it and the VMA.',
  ),
  VSPHERE_CERTIFICATE_MISMATCH: row(
    502,
    'after-operator',
    'The certificate of vCenter is not the one that was confirmed.',
    'Find out why it changed; confirm the new thumbprint only when you know.',
  ),
  VSPHERE_LOGIN_REFUSED: row(
    502,
    'after-operator',
    'vCenter refused the user name or password.',
    'Store the right vCenter credentials on the VMA; the old ones are not tried more than twice.',
  ),
  VSPHERE_PERMISSION_MISSING: row(
    502,
    'after-operator',
    'The vCenter user lacks a privilege.',
    'Give the user the privilege named in the message.',
  ),
  VSPHERE_FAULT: row(
    502,
    'after-delay',
    'vCenter reported a fault.',
    'Read the fault in the message; look at the task in vCenter.',
  ),
  VSPHERE_PROTOCOL: row(
    502,
    'never',
    'vCenter sent an answer that could not be understood.',
    'Send the log lines of this pass to support.',
  ),
  SOURCE_VM_UNKNOWN: row(
    404,
    'after-operator',
    'vCenter has no VM with this id.',
    'Check that the VM was not removed, and that the vCenter user can see it.',
  ),
  SOURCE_DISK_UNSUPPORTED: row(
    409,
    'after-operator',
    'A disk of the VM cannot be replicated with snapshots.',
    'Change the disk named in the message (independent and raw mapped disks have no snapshots).',
  ),
  SOURCE_SNAPSHOT_GONE: row(
    409,
    'after-delay',
    'The snapshot of the pass is no longer in vCenter.',
    'Find out who removes snapshots of this VM; then start the next pass.',
  ),
  SOURCE_SNAPSHOTS_FULL: row(
    409,
    'after-operator',
    'The VM has too many snapshots above each other, so no pass can take one.',
    'Remove snapshots of the VM that nobody needs.',
  ),
  SOURCE_DATASTORE_FULL: row(
    409,
    'after-operator',
    'A datastore of the VM is too full for a snapshot.',
    'Free space on the datastore named in the message; a snapshot could fill it and stop its VMs.',
  ),
  VDDK_ARCHIVE_REFUSED: row(
    400,
    'after-operator',
    'The VDDK archive cannot be used; the library of before stays.',
    'Download the archive for Linux anew from the vendor, and give it as it came.',
  ),
  VDDK_MISSING: row(
    409,
    'after-operator',
    'Without the VDDK library only VMs that are off can be read.',
    'Install VDDK on the VMA; or shut the VM down and start a final pass, which reads all its disks whole.',
  ),
  VDDK_UNSUITABLE: row(
    409,
    'after-operator',
    'The VDDK library does not suit this vSphere.',
    'Install the VDDK version the message asks for on the VMA.',
  ),
  SOURCE_QUIESCE_FAILED: row(
    409,
    'after-operator',
    'The guest could not be quiesced, and the job requires it.',
    'Look at VMware Tools and the VSS writers of the guest, or let the job prefer quiescing instead of requiring it.',
  ),
  SOURCE_VM_NOT_OFF: row(
    409,
    'after-operator',
    'The VM was not powered off for the whole of a final pass.',
    'Shut the guest down and start the final pass again; nothing of the broken one counts.',
  ),
  CBT_UNAVAILABLE: row(
    502,
    'after-operator',
    'Changed-block tracking of a disk could not be used.',
    'Read the reason in the message; switch changed-block tracking on for the VM and start the next pass.',
  ),
  CBT_ANSWER_INVALID: row(
    502,
    'after-delay',
    'vCenter described the changed areas in a way that cannot be trusted.',
    'Start the next pass; if it repeats, reset changed-block tracking of the VM.',
  ),
} as const
