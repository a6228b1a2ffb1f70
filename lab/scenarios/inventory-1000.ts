import { readFile } from 'node:fs/promises'
import { runPass } from '../site/passes.js'
import { type RoleName } from '../site/product.js'
import { LabSite } from '../site/site.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const limitMib = 150
const vmCount = 1000

/** What the three processes need once they know a thousand VMs and have moved one of them. */
export const inventory1000: Scenario = {
  name: 'inventory-1000',
  title: 'memory of the agents with 1,000 VMs in the inventory',
  run: async ({ dir, cleanup, say, checks }) => {
    const vms = [
      {
        name: 'web-01',
        disks: [
          {
            sizeBytes: 512n * MIB,
            content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 128n * MIB }],
          },
        ],
      },
    ] as const
    const site = await LabSite.start({ dir, cleanup, say, vms, generatedVms: vmCount - 1, writer: null })
    const job = await site.createJob('web-01')
    await proveCommitted(site, checks, 'web-01', await runPass(site.operator, job, say))
    const { items } = await site.operator.sourceVms()
    checks.equal('VMs in the inventory', items.length, vmCount)
    const peakMib: Record<string, number> = {}
    for (const role of ['volumed', 'oma', 'vma'] as const satisfies RoleName[]) {
      const mib = await peakResidentMib(site.product.pid(role))
      peakMib[role] = mib
      checks.that(`${role} peaks under ${limitMib} MB`, mib < limitMib, `${mib} MiB`)
    }
    return { vms: items.length, peakMib }
  },
}

/** The most memory the process ever had resident (proc(5), VmHWM). */
async function peakResidentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  if (kib === undefined) throw new Error(`process ${pid} shows no VmHWM`)
  return Math.round(Number(kib) / 1024)
}
