import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type JobView } from '../../agent/api/schemas.js'
import { runPass, waitForPass } from '../site/passes.js'
import { smallFilesystem } from '../site/small-filesystem.js'
import { LabSite } from '../site/site.js'
import { type VmSpec } from '../vcenter/options.js'
import { untilCopying } from './broken-pass.js'
import { compareImages } from '../site/compare.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
/** Room for a small pass, and for a large one's first half. */
const stagingBytes = 112n * MIB
const largeMib = 160

const vm: VmSpec = {
  name: 'warehouse',
  disks: [{ sizeBytes: 256n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 64n * MIB }] }],
}

/** The staging space is too small: the volumes are never harmed unless the operator said so, and then it shows. */
export const passEnospc: Scenario = {
  name: 'pass-enospc',
  title: 'the staging space runs full in mid-pass: wait, or write directly, as the job says',
  run: async ({ dir, cleanup, say, checks }) => {
    await smallFilesystem(
      join(dir, 'product/staging'),
      join(dir, 'staging.img'),
      Number(stagingBytes),
      cleanup,
    )
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, leaseSeconds: 4 })
    const job = await site.createJob(vm.name)
    const first = await runPass(site.operator, job, say)
    await proveCommitted(site, checks, vm.name, first)
    await write(site, 4)
    const small = await runPass(site.operator, job, say)
    await proveCommitted(site, checks, vm.name, small)
    checks.equal('a small pass is staged', small.staging.way, 'staged')

    say('--- more changes than the staging space holds; the job waits')
    await write(site, largeMib)
    const full = await runPass(site.operator, job, say)
    checks.equal(
      'it fails by name',
      [full.failure?.code, full.state, full.sagaState],
      ['STAGING_FULL', 'failed', 'done'],
    )
    await proveStillPoint(site, checks, job, small.id, 'after the pass that did not fit')
    await proveNothingLeft(site, checks)
    const again = await runPass(site.operator, job, say)
    checks.equal(
      'the next one is not begun in vain',
      [again.failure?.code, again.movedBytes],
      ['STAGING_FULL', '0'],
    )
    await proveStillPoint(site, checks, job, small.id, 'after the pass that was not begun')

    say('--- the operator lets the job write directly')
    await site.operator.changeJob(job.id, { stagingPolicy: 'apply-directly' })
    await site.vcenter.setReaderFaults({ slowMsPerRead: 40 })
    const { id } = await site.operator.startPass(job.id)
    await untilCopying(site, id)
    const during = await site.operator.job(job.id)
    checks.equal('meanwhile there is no recovery point', during.replica.state, 'no-point')
    checks.that('and it says why', (during.replica.why ?? '').includes('directly'), during.replica.why ?? '')
    await site.vcenter.setReaderFaults({})
    const direct = await waitForPass(site.operator, id, line => say(line))
    await proveCommitted(site, checks, vm.name, direct)
    checks.equal('it wrote directly', direct.staging.way, 'direct')
    const after = await site.operator.job(job.id)
    checks.equal('the point is there again', [after.replica.state, after.state], ['at-point', 'protected'])

    say('--- with room again passes are staged')
    await write(site, 4)
    const last = await runPass(site.operator, job, say)
    await proveCommitted(site, checks, vm.name, last)
    checks.equal('the last pass is staged', last.staging.way, 'staged')
    await proveNothingLeft(site, checks)
    return { stagingBytes: Number(stagingBytes), largeMib }
  },
}

async function write(site: LabSite, mib: number): Promise<void> {
  const machine = site.vcenter.vm(vm.name)
  const [disk] = machine.disks
  if (disk === undefined) throw new Error('the VM has no disk')
  for (let at = 0; at < mib; at += 1)
    await site.vcenter.guestWrite(machine, disk.options.key, BigInt(at + 40) * MIB, randomBytes(Number(MIB)))
}

async function proveStillPoint(
  site: LabSite,
  checks: Checks,
  { id }: JobView,
  passId: string,
  when: string,
): Promise<void> {
  const job = await site.operator.job(id)
  checks.equal(`${when}: the point is usable`, job.replica.state, 'at-point')
  for (const disk of job.disks) {
    const image = join(site.archiveDir, `ossea-pass-${passId}`, `${disk.diskKey}.img`)
    const volume = site.cloudstack.volumePath(disk.volumeId ?? 'none')
    const { identical, found } = await compareImages(image, volume, BigInt(disk.capacityBytes))
    checks.that(`${when}: the volume is the point`, identical, identical ? 'identical' : found)
  }
}
