/** Why a VM waits in the queue. */
export type WaitReason =
  | 'new'
  | 'already-running'
  | 'verifying'
  | 'job-paused'
  | 'blackout'
  | 'worker-lost'
  | 'back-off'
  | 'group-cap'
  | 'schedule-cap'
  | 'appliance-cap'

/** Why a VM was left out of a round. */
export type SkipReason =
  | 'schedule-disabled'
  | 'member-disabled'
  | 'job-gone'
  | 'job-stopped'
  | 'failed-over'
  | 'clean-up-required'
  | 'vm-off'
  | 'already-running'
  | 'already-queued'
  | 'withdrawn'

/** Why a VM failed in a round and is not tried again in it. */
export type EndReason = 'not-retried' | 'tries-used' | 'clean-up-required' | 'replaced'

/** Why slots of a schedule did not fire. */
export type MissReason = 'coalesced' | 'misfire-skipped'

export type Reason = WaitReason | SkipReason | EndReason | MissReason

/** In the words of an operator; a detail (ids, times) may follow. */
export const reasonText: Readonly<Record<Reason, string>> = {
  new: 'has just been queued',
  'already-running': 'a pass of the VM runs already',
  verifying: 'a verification of the VM runs',
  'job-paused': 'the job is paused',
  blackout: 'no pass of the group may start now',
  'worker-lost': 'no VMA is connected',
  'back-off': 'its last try failed; it is tried again later',
  'group-cap': 'as many passes of the group run as it allows',
  'schedule-cap': 'as many passes of the schedule run as it allows',
  'appliance-cap': 'as many scheduled passes run as this appliance allows',
  'schedule-disabled': 'the schedule was disabled',
  'member-disabled': 'the VM is disabled in its group, or left it',
  'job-gone': 'the job was deleted',
  'job-stopped': 'the job is stopped',
  'failed-over': 'the VM is failed over: a pass would overwrite what runs in CloudStack',
  'clean-up-required': 'what an earlier pass left could not be undone and needs an operator',
  'vm-off': 'the VM is off, and its group leaves such VMs out',
  'already-queued': 'the VM waits in an earlier round already',
  withdrawn: 'an operator took it out of the queue',
  'not-retried': 'what failed does not get better by itself',
  'tries-used': 'it failed as often as it may be tried',
  replaced: 'it failed, and the VM waits in a newer round',
  coalesced: 'the OMA did not run, or the clock was put forward; a later slot ran instead',
  'misfire-skipped': 'the OMA did not run, or the clock was put forward; the schedule skips late slots',
}
