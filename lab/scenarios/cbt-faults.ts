import { type LabSite } from '../site/site.js'
import { type Vm } from '../vcenter/vm.js'

const MIB = 1024n * 1024n

/** One way in which change tracking lets a pass down. */
export interface CbtFault {
  readonly what: string
  /** While nothing runs, before the pass that meets it; or while that pass copies, so that the next one meets it. */
  readonly when: 'before' | 'copying'
  readonly cause: (site: LabSite, vm: Vm) => Promise<void>
  /** Once the passes are over. */
  readonly repair?: (site: LabSite, vm: Vm) => Promise<void>
  /** What the disks that have to be compared say, by disk key; the others move their changes. */
  readonly why: Readonly<Record<string, RegExp>>
  /** The pass behind the one that met it compares as well: there is no change ID to start from. */
  readonly twice?: true
}

const both = (why: RegExp): CbtFault['why'] => ({ '2000': why, '2001': why })

/** The fault of the next question about each of the two disks. */
const refusal = (fault: string): CbtFault => ({
  what: `vCenter answers ${fault}`,
  when: 'before',
  cause: site => {
    const fields = fault === 'FileFault' ? { file: '/vmfs/volumes/lab/db-01/db-01.vmdk' } : {}
    site.vcenter.faults.add({ kind: 'fail-method', method: 'QueryChangedDiskAreas', fault, fields, times: 2 })
    return Promise.resolve()
  },
  why: both(new RegExp(fault)),
})

type Nonsense = 'zero-length-page' | 'overlapping' | 'unsorted' | 'beyond-capacity' | 'not-advancing'

const nonsense = (how: Nonsense, why: RegExp): CbtFault => ({
  what: `vCenter describes changes in a page that is ${how}`,
  when: 'before',
  cause: site => {
    site.vcenter.faults.add({ kind: 'bad-changed-areas', how, times: 2 })
    return Promise.resolve()
  },
  why: both(why),
})

const foreign = 'by a customer'

export const cbtFaults: readonly CbtFault[] = [
  {
    what: 'tracking begins a new epoch',
    when: 'before',
    cause: (site, vm) => site.vcenter.resetChangeTracking(vm),
    why: both(/tracking was reset/),
  },
  {
    what: 'the host crashes and the VM starts on another one',
    when: 'before',
    cause: (site, vm) => site.vcenter.admin.crashHost(vm),
    why: both(/tracking was reset/),
  },
  {
    what: 'somebody switches tracking off',
    when: 'before',
    cause: (site, vm) => site.vcenter.admin.switchTrackingOff(vm),
    why: both(/tracking was reset/),
  },
  {
    what: 'a snapshot tells no change IDs',
    when: 'before',
    cause: site => {
      site.vcenter.faults.add({ kind: 'no-change-id', times: 2 })
      return Promise.resolve()
    },
    why: both(/no change ID/),
    twice: true,
  },
  refusal('FileFault'),
  refusal('NotFound'),
  refusal('InvalidArgument'),
  nonsense('zero-length-page', /has the length 0/),
  nonsense('overlapping', /begins before/),
  nonsense('unsorted', /begins before/),
  nonsense('beyond-capacity', /behind its page/),
  nonsense('not-advancing', /has the length 0/),
  {
    what: 'the VM is reverted to a snapshot of somebody else between two passes',
    when: 'before',
    cause: async (site, vm) => {
      await site.vcenter.admin.takeSnapshot(vm, foreign)
      for (const disk of vm.disks)
        await site.vcenter.guestWrites(vm, { diskKey: disk.options.key, blocks: 20, pattern: 'mixed' })
      await site.vcenter.admin.revert(vm, foreign)
      await site.vcenter.admin.setPower(vm, 'poweredOn')
    },
    repair: (site, vm) => site.vcenter.admin.removeSnapshot(vm, foreign),
    why: both(/tracking was reset/),
  },
  {
    what: 'a disk grows inside its volume',
    when: 'before',
    cause: (site, vm) => site.vcenter.admin.growDisk(vm, 2001, 40n * MIB + 1024n),
    why: { '2001': /grew from/ },
  },
  {
    what: 'a disk grows beyond its volume',
    when: 'before',
    cause: async (site, vm) => {
      await site.vcenter.admin.growDisk(vm, 2000, 1088n * MIB)
      await site.vcenter.guestWrite(vm, 2000, 1080n * MIB, new Uint8Array(Number(MIB)).fill(7))
    },
    why: { '2000': /grew from/ },
  },
  {
    what: 'somebody takes a snapshot while a pass copies',
    when: 'copying',
    cause: async (site, vm) => {
      await site.vcenter.admin.takeSnapshot(vm, foreign)
    },
    repair: (site, vm) => site.vcenter.admin.removeSnapshot(vm, foreign),
    why: both(/by a customer became the current one/),
  },
  {
    what: 'somebody reverts the VM while a pass copies',
    when: 'copying',
    cause: async (site, vm) => {
      await site.vcenter.admin.revert(vm, foreign)
      await site.vcenter.admin.setPower(vm, 'poweredOn')
    },
    repair: (site, vm) => site.vcenter.admin.removeSnapshot(vm, foreign),
    why: both(/by a customer became the current one/),
  },
]
