import { runPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const vm: VmSpec = {
  name: 'web-01',
  changeTracking: false,
  disks: [{ sizeBytes: 16n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 4n * MIB }] }],
}

/** These begin a session, so there is none to drop; a logout ends one on purpose. */
const withoutSession = new Set(['Login', 'RetrieveServiceContent', 'Logout'])

/** vCenter forgets its session at each method a clean pass calls, once for each; the pass must not notice. */
export const sourceSession: Scenario = {
  name: 'source-session',
  title: 'vCenter drops the session at every method of a pass',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, inventorySeconds: 3600 })
    const job = await site.createJob(vm.name)
    const source = site.vcenter.vm(vm.name)
    const methodsOf = async (syncType: string): Promise<readonly string[]> => {
      const from = site.vcenter.calls.length
      const pass = await runPass(site.operator, job, say)
      await proveCommitted(site, checks, vm.name, pass)
      checks.equal(`pass ${pass.number}: sync type`, pass.syncType, syncType)
      return site.vcenter.calls.slice(from).map(call => call.method)
    }
    const seen = [...(await methodsOf('full')), ...(await methodsOf('incremental'))]
    const methods = [...new Set(seen)].filter(method => !withoutSession.has(method)).sort()
    checks.that('a pass calls methods to drop the session at', methods.length >= 5, methods.join(', '))
    for (const method of methods) {
      say(`--- the session is dropped at ${method}`)
      if (method === 'ReconfigVM_Task') source.changeTrackingEnabled = false
      await site.vcenter.guestWrites(source, { diskKey: 2000, blocks: 5 })
      const logins = () => site.vcenter.calls.filter(call => call.method === 'Login').length
      const before = logins()
      site.vcenter.faults.add({ kind: 'drop-session', method, times: 1 })
      const pass = await runPass(site.operator, job, say)
      site.vcenter.faults.clear()
      await proveCommitted(site, checks, vm.name, pass)
      checks.that(`${method}: logged in again`, logins() > before, `${logins() - before} logins`)
    }
    await proveNothingLeft(site, checks)
    return { methods }
  },
}
