import { runPass, waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const vm: VmSpec = {
  name: 'web-01',
  disks: [
    { sizeBytes: 32n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 16n * MIB }] },
    { sizeBytes: 16n * MIB + 512n },
  ],
}

/** A VMA that is pointed at one ESXi host instead of a vCenter. */
export const sourceEsxi: Scenario = {
  name: 'source-esxi',
  title: 'full, incremental and final passes of a VM on a single ESXi host',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, apiType: 'HostAgent' })
    const job = await site.createJob(vm.name)
    const source = site.vcenter.vm(vm.name)
    const { findings } = await site.operator.runPreflight(job.sourceVmId)
    const blockers = findings.filter(finding => finding.severity === 'blocker')
    checks.equal('the preflight finds nothing in the way', blockers, [])
    for (const syncType of ['full', 'incremental']) {
      const pass = await runPass(site.operator, job, say)
      await proveCommitted(site, checks, vm.name, pass)
      checks.equal(`pass ${pass.number}: sync type`, pass.syncType, syncType)
      for (const disk of source.disks)
        await site.vcenter.guestWrites(source, { diskKey: disk.options.key, blocks: 20 })
    }
    await site.vcenter.admin.setPower(source, 'poweredOff')
    const { id } = await site.operator.startPass(job.id, 'final')
    const final = await waitForPass(site.operator, id, line => say(`final pass ${line}`))
    checks.equal('the final pass', [final.state, final.syncType], ['applied', 'incremental'])
    await proveNothingLeft(site, checks)
    return {}
  },
}
