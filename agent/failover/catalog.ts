import { type FailoverKind } from '../domain/failover.js'
import { type Blueprint } from './blueprint.js'

/** One call that a step sends; `on` is what it acts on. Calls that only look are left out. */
export interface PlannedCall {
  readonly system: 'cloudstack' | 'vsphere'
  readonly command: string
  readonly on: string
}

export interface StepText {
  /** In the words of an operator; the step log shows the same. */
  readonly title: string
  /** What it can break, in words. */
  readonly risk: string
  readonly calls: (plan: PlanFacts) => readonly PlannedCall[]
  /** Where no earlier run was measured. */
  readonly assumedSeconds: (plan: PlanFacts) => number
}

export interface PlanFacts {
  readonly kind: FailoverKind
  readonly vmName: string
  readonly blueprint: Blueprint
  /** The source is on, so that it gets a last pass and is shut down. */
  readonly sourceIsOn: boolean
}

const none = 'Nothing: it only looks.'
const seconds = (count: number) => (): number => count
const perDisk = (count: number) => (plan: PlanFacts) => count * plan.blueprint.disks.length
const noCalls = (): readonly PlannedCall[] => []

const cloud = (command: string, on: string): PlannedCall => ({ system: 'cloudstack', command, on })
const eachDisk =
  (command: string, what = 'disk') =>
  (plan: PlanFacts): readonly PlannedCall[] =>
    plan.blueprint.disks.map(disk => cloud(command, `${what} ${disk.label}`))
const tagged = (plan: PlanFacts): readonly PlannedCall[] =>
  plan.blueprint.disks.flatMap(disk => [
    cloud('createVolume', `clone of ${disk.label}`),
    cloud('createTags', `clone of ${disk.label}`),
  ])
const onTarget =
  (...commands: readonly string[]) =>
  (plan: PlanFacts): readonly PlannedCall[] =>
    commands.map(command => cloud(command, plan.blueprint.hostName))
const onSource =
  (...commands: readonly string[]) =>
  (plan: PlanFacts): readonly PlannedCall[] =>
    plan.sourceIsOn ? commands.map(command => ({ system: 'vsphere', command, on: plan.vmName })) : []

/**
 * Every step of every failover: the title its log shows and what it will do. Steps the original had too carry the names it
 * gave them.
 */
export const stepTexts = {
  'failover-job-retrieval': {
    title: 'Record the intent',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(1),
  },
  'take-turn': {
    title: 'Wait for other work on the volumes, and let none begin',
    risk: 'Replication waits from here on.',
    calls: noCalls,
    assumedSeconds: seconds(5),
  },
  validation: {
    title: 'Resolve networks, offering, template, limits and disks',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(5),
  },
  'last-pass': {
    title: 'Copy what changed while the source is still on',
    risk: 'The source runs on a snapshot for as long as the pass takes.',
    calls: onSource('CreateSnapshot_Task', 'RemoveSnapshot_Task'),
    assumedSeconds: seconds(60),
  },
  'choose-point': {
    title: 'Prove that the volumes hold the newest recovery point',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(1),
  },
  'multi-volume-snapshot-creation': {
    title: 'Take a snapshot of every volume',
    risk: 'Replication waits meanwhile; the volumes are only read.',
    calls: eachDisk('createSnapshot'),
    assumedSeconds: perDisk(20),
  },
  'replication-release': {
    title: 'Let replication go on',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(1),
  },
  'volume-cloning': {
    title: 'Make a volume of every snapshot',
    risk: 'Takes as much primary storage as the disks have.',
    calls: tagged,
    assumedSeconds: perDisk(60),
  },
  'vm-creation': {
    title: 'Make the target VM, switched off',
    risk: 'Takes the name and the addresses of the VM in CloudStack.',
    calls: onTarget('deployVirtualMachine', 'createTags'),
    assumedSeconds: seconds(20),
  },
  'template-root-removal': {
    title: "Remove the template's disk from the target VM",
    risk: 'Deletes the disk CloudStack just made from the template, and no other.',
    calls: onTarget('detachVolume', 'deleteVolume'),
    assumedSeconds: seconds(10),
  },
  'network-check': {
    title: 'See that the target VM is on the mapped networks only',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(1),
  },
  'source-power-off': {
    title: 'Shut down the guest of the source and see it off',
    risk: 'The service is down from here on. A failure later switches the source on again.',
    calls: onSource('ShutdownGuest'),
    assumedSeconds: seconds(60),
  },
  'final-sync': {
    title: 'Copy what changed last, from the source at rest',
    risk: 'Part of the downtime.',
    calls: noCalls,
    assumedSeconds: seconds(30),
  },
  'volume-release': {
    title: 'Take the volumes from this appliance',
    risk: 'Part of the downtime.',
    calls: eachDisk('detachVolume'),
    assumedSeconds: perDisk(8),
  },
  'volume-attachment': {
    title: 'Attach the volumes to the target VM, the root as disk 0',
    risk: 'Part of the downtime of a live failover.',
    calls: eachDisk('attachVolume'),
    assumedSeconds: perDisk(8),
  },
  'vm-startup': {
    title: 'See that the source is off, and start the target VM',
    risk: 'From here on the target writes to the volumes: going back loses what it writes.',
    calls: onTarget('startVirtualMachine'),
    assumedSeconds: seconds(30),
  },
  'vm-validation': {
    title: 'See that the target VM runs and keeps running',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(60),
  },
  'window-opening': {
    title: 'Hand the running VM to the operator',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(1),
  },

  'source-guard': {
    title: 'See that the source is off',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(5),
  },
  commit: {
    title: 'Commit: the VM belongs to the target',
    risk: 'The point of no return: the source is not switched on again, and its job copies nothing any more.',
    calls: noCalls,
    assumedSeconds: seconds(1),
  },
  'vm-naming': {
    title: 'Give the target VM its name',
    risk: none,
    calls: onTarget('updateVirtualMachine'),
    assumedSeconds: seconds(3),
  },

  'test-vm-shutdown': {
    title: 'Stop the target VM and see it stopped',
    risk: 'What the target VM wrote is given up.',
    calls: onTarget('stopVirtualMachine'),
    assumedSeconds: seconds(20),
  },
  'source-power-on': {
    title: 'Switch the source on again',
    risk: 'The source serves as it was when it was shut down.',
    calls: onSource('PowerOnVM_Task'),
    assumedSeconds: seconds(15),
  },
  'volume-detachment': {
    title: 'Take the volumes from the target VM',
    risk: none,
    calls: eachDisk('detachVolume'),
    assumedSeconds: perDisk(8),
  },
  'volume-reattachment-to-oma': {
    title: 'Attach the volumes to this appliance again',
    risk: none,
    calls: eachDisk('attachVolume'),
    assumedSeconds: perDisk(8),
  },
  'test-vm-deletion': {
    title: 'Delete the target VM, which has no disk any more',
    risk: 'Deletes the VM this failover made, and no other.',
    calls: onTarget('destroyVirtualMachine'),
    assumedSeconds: seconds(15),
  },
  'clone-deletion': {
    title: 'Delete the clones',
    risk: 'Deletes the volumes this test made, and no others.',
    calls: eachDisk('deleteVolume', 'clone of'),
    assumedSeconds: perDisk(8),
  },
  'cloudstack-snapshot-deletion': {
    title: 'Delete the snapshots',
    risk: 'Deletes the snapshots this test took, and no others.',
    calls: eachDisk('deleteSnapshot', 'snapshot of'),
    assumedSeconds: perDisk(10),
  },
  'failover-job-status-update': {
    title: 'Keep the report and close the failover',
    risk: none,
    calls: noCalls,
    assumedSeconds: seconds(1),
  },
} as const satisfies Record<string, StepText>

export type StepName = keyof typeof stepTexts
