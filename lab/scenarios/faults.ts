import { join } from 'node:path'
import { type JobView } from '../../agent/api/schemas.js'
import { type LocalDevicesChoice } from '../cloudstack/options.js'
import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { type VmSpec } from '../vcenter/options.js'
import { adminOf, breakages, nothing, volumeOf } from './breakages.js'
import { breakPass, type Bench } from './broken-pass.js'
import { codeOf } from './code-of.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario, type ScenarioContext } from './scenario.js'

const MIB = 1024n * 1024n

const erp: VmSpec = {
  name: 'erp',
  disks: [
    { sizeBytes: 64n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 12n * MIB }] },
    { sizeBytes: 24n * MIB + 512n, content: [{ kind: 'random', offsetBytes: MIB, lengthBytes: 4n * MIB }] },
  ],
}
/** CloudStack makes volumes in whole GiB, so this one does not fit the smallest. */
const wide: VmSpec = {
  name: 'wide',
  disks: [
    {
      sizeBytes: 1088n * MIB,
      content: [{ kind: 'random', offsetBytes: 1056n * MIB, lengthBytes: 2n * MIB }],
    },
  ],
}
const archive: VmSpec = {
  name: 'archive',
  disks: [{ sizeBytes: 64n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] }],
}

/** Each fault an operator can meet in a pass, with real processes; after each the next pass has to be identical. */
export const faults: Scenario = {
  name: 'faults',
  title: 'passes broken in every way an operator meets, then repaired',
  run: async context => {
    const { say, checks } = context
    const site = await startSite(context, 'auto')
    const bench = { site, checks, say }
    checks.equal(
      'an unknown VM is refused',
      await codeOf(site.operator.createJob({ sourceVmId: 'no-such-vm' })),
      'SOURCE_VM_UNKNOWN',
    )
    const job = await site.createJob('erp')
    await breakFirstPass(bench, job)
    for (const breakage of breakages) await breakPass(bench, job, breakage)
    await breakPass(bench, await jobOn(site, 'wide', await newVolume(site)), {
      what: 'the target volume is smaller than its disk',
      codes: ['TARGET_VOLUME_TOO_SMALL'],
      when: 'before',
      cause: nothing,
      repair: async (site, job) => adminOf(site).resizeVolume(await volumeOf(site, job), 2),
    })
    await fillStorage(bench, ['TARGET_FLUSH_FAILED'])
    say('--- a second site, whose volumes are files: there a write itself meets the full storage')
    const onFiles = await startSite({ ...context, dir: join(context.dir, 'files') }, 'file')
    await fillStorage({ site: onFiles, checks, say }, ['TARGET_FULL'])
    return {}
  },
}

const startSite = ({ dir, cleanup, say }: ScenarioContext, devices: LocalDevicesChoice): Promise<LabSite> =>
  LabSite.start({ dir, cleanup, say, vms: [erp, wide, archive], writer: null, devices, leaseSeconds: 4 })

/** Before there is a recovery point the volumes of a broken pass go as well. */
async function breakFirstPass({ site, checks, say }: Bench, job: JobView): Promise<void> {
  say('--- the first pass breaks')
  await site.vcenter.setReaderFaults({ failFromOffsetBytes: 8n * MIB })
  const broken = await runPass(site.operator, job, say)
  checks.equal('the first pass ends with a named error', broken.failure?.code, 'SOURCE_READ_FAILED')
  await site.vcenter.setReaderFaults({})
  await proveNothingLeft(site, checks)
  await proveCommitted(site, checks, job.vmName, await runPass(site.operator, job, say))
}

/** The storage of a chosen volume is full when the pass comes, and has room again afterwards. */
async function fillStorage(bench: Bench, codes: readonly string[]): Promise<void> {
  const { cloudstack } = bench.site
  const volume = await newVolume(bench.site)
  await cloudstack.limitVolume(volume, Number(80n * MIB))
  await breakPass(bench, await jobOn(bench.site, 'archive', volume), {
    what: 'the storage of the target volume is full',
    codes,
    when: 'before',
    cause: () => cloudstack.fillStorage(volume),
    repair: () => cloudstack.freeStorage(volume),
  })
}

const newVolume = (site: LabSite): Promise<string> =>
  adminOf(site).createVolume({
    name: 'chosen-by-an-operator',
    sizeGib: 1,
    zoneId: site.cloudstack.ids.zone,
    diskOfferingId: site.cloudstack.ids.customDiskOffering,
  })

/** A job that writes to a volume an operator chose. */
async function jobOn(site: LabSite, vmName: string, volumeId: string): Promise<JobView> {
  const { id } = await site.sourceVm(vmName)
  return site.operator.createJob({ sourceVmId: id, volumes: [{ diskKey: '2000', volumeId }] })
}
