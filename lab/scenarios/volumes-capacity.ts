import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { operate } from '../site/volume-operations.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft, sagasEnd } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const most = 3
const idleSeconds = 20

const vms: readonly VmSpec[] = Array.from({ length: 6 }, (_, index) => ({
  name: `vm-${index}`,
  disks: [
    {
      sizeBytes: BigInt(24 + index) * MIB,
      content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 4n * MIB }],
    },
  ],
}))

/** More replicas than the appliance may have disks: each has its place when a pass needs it. */
export const volumesCapacity: Scenario = {
  name: 'volumes-capacity',
  title: `${vms.length} replicas on an appliance with places for ${most} disks`,
  run: async ({ dir, cleanup, say, checks }) => {
    const slots = { most, idleSeconds }
    const site = await LabSite.start({ dir, cleanup, say, vms, writer: null, slots })
    let highest = 0
    const attached = (): number => {
      const disks = site.cloudstack.site.volumesOf(site.cloudstack.site.applianceVm)
      return disks.filter(({ type }) => type === 'DATADISK').length
    }
    const watch = setInterval(() => {
      highest = Math.max(highest, attached())
    }, 20)
    cleanup.add('the watch', () => {
      clearInterval(watch)
      return Promise.resolve()
    })
    const jobs = []
    for (const { name } of vms) jobs.push(await site.createJob(name))
    for (const round of ['full', 'incremental'])
      for (const job of jobs) {
        const source = site.vcenter.vm(job.vmName)
        await site.vcenter.guestWrites(source, { diskKey: source.disks[0]?.options.key ?? 0, blocks: 10 })
        const pass = await runPass(site.operator, job, say)
        await proveCommitted(site, checks, job.vmName, pass)
        checks.equal(`${job.vmName}: sync type`, pass.syncType, round)
      }
    checks.equal('so many disks were attached at most', highest, most)
    say('--- a detach of a replica and its pass are asked for at once')
    const [job] = jobs
    const volumeId = (await site.operator.job(job?.id ?? '')).disks[0]?.volumeId ?? ''
    if (job === undefined) throw new Error('there is no job')
    const detaching = operate(site.volumes, { kind: 'detach', volumeId })
    const pass = await runPass(site.operator, job, say)
    const { state, failure } = await detaching
    await proveCommitted(site, checks, job.vmName, pass)
    const refused = failure?.code === 'JOB_BUSY'
    checks.that(
      'the detach came first or was refused',
      state === 'succeeded' || refused,
      failure?.code ?? state,
    )
    say('--- nothing needs the disks')
    await until(
      'idle disks are detached',
      () => Promise.resolve(attached() === 0 ? true : undefined),
      (idleSeconds + 60) * 1000,
    )
    checks.equal('idle disks are detached', attached(), 0)
    await sagasEnd(site)
    await proveNothingLeft(site, checks)
    return { most, highest }
  },
}
