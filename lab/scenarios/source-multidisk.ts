import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted, type DiskEvidence } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const diskCount = 8
const controllers = [1000, 1001, 1002]

/** Every disk holds something else, and no two have one size: a mix-up cannot go unnoticed. */
const vm: VmSpec = {
  name: 'db-08',
  folder: ['production'],
  disks: Array.from({ length: diskCount }, (_, index) => ({
    sizeBytes: BigInt(24 + index) * MIB + BigInt(index) * 512n,
    key: 2000 + 16 * (index % 3) + index,
    controllerKey: controllers[index % 3] ?? 1000,
    unitNumber: Math.floor(index / 3),
    content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: BigInt(2 + index) * MIB }],
  })),
}

/** Disks are known by their keys: whatever else of them changes between two passes must not mix them up. */
export const sourceMultidisk: Scenario = {
  name: 'source-multidisk',
  title: '8 disks on 3 controllers, re-ordered, relabelled and moved between passes',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null })
    const job = await site.createJob(vm.name)
    const source = site.vcenter.vm(vm.name)
    const evidence: DiskEvidence[] = []
    const pass = async (syncType: string): Promise<void> => {
      for (const disk of source.disks)
        await site.vcenter.guestWrites(source, { diskKey: disk.options.key, blocks: 10 })
      const done = await runPass(site.operator, job, say)
      evidence.push(...(await proveCommitted(site, checks, vm.name, done)))
      checks.equal(
        `pass ${done.number}: sync types`,
        [...new Set(done.disks.map(disk => disk.syncType))],
        [syncType],
      )
      checks.equal(`pass ${done.number}: disks`, done.disks.length, diskCount)
    }
    await pass('full')
    await pass('incremental')
    say('--- disks change controllers, units, labels and their order')
    const rest = source.disks.map(disk => disk.options)
    await site.vcenter.admin.rewire(
      source,
      [...rest].reverse().map((options, index) => ({
        key: options.key,
        label: `Hard disk ${index + 1}`,
        controllerKey: controllers[(index + 1) % 3] ?? 1000,
        unitNumber: Math.floor(index / 3),
      })),
    )
    await pass('incremental')
    say('--- the files move to another directory')
    await site.vcenter.admin.moveFiles(source, 'db-08-moved')
    await pass('incremental')
    const versions = await site.operator.hardwareVersions(job.sourceVmId)
    checks.equal(
      'the hardware has two versions',
      versions.map(one => one.version),
      [2, 1],
    )
    const { differences } = await site.operator.compareHardware(job.sourceVmId, 1, 2)
    const fields = new Set(differences.map(one => one.field.replace(/^disks\[\d+\]\./, '')))
    checks.equal('only places and labels differ', [...fields].sort(), [
      'controllerKey',
      'label',
      'unitNumber',
    ])
    await proveNothingLeft(site, checks)
    return { disks: evidence, differences }
  },
}
