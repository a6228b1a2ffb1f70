import { join } from 'node:path'
import { runPass, waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { archiveDisk } from '../vcenter/archive.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted, type DiskEvidence } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const vm: VmSpec = {
  name: 'web-01',
  disks: [
    { sizeBytes: 64n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 48n * MIB }] },
    { sizeBytes: 16n * MIB + 512n },
  ],
}

/** The last pass before a failover reads the VM while it is off: no snapshot, and never a VM that was started meanwhile. */
export const sourceFinal: Scenario = {
  name: 'source-final',
  title: 'final passes without a snapshot, of a VM that stays off and of one that does not',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null })
    const job = await site.createJob(vm.name)
    const source = site.vcenter.vm(vm.name)
    const evidence: DiskEvidence[] = []
    const final = async () => {
      const { id } = await site.operator.startPass(job.id, 'final')
      return { id, ended: () => waitForPass(site.operator, id, line => say(`final pass ${line}`)) }
    }
    const write = async () => {
      for (const disk of source.disks)
        await site.vcenter.guestWrites(source, { diskKey: disk.options.key, blocks: 20 })
    }
    await proveCommitted(site, checks, vm.name, await runPass(site.operator, job, say))
    await write()
    const early = await (await final()).ended()
    checks.equal('a VM that is on: refused', early.failure?.code, 'SOURCE_VM_NOT_OFF')
    await site.vcenter.admin.setPower(source, 'poweredOff')
    const calls = site.vcenter.calls.length
    const pass = await (await final()).ended()
    for (const disk of source.disks) await archiveDisk(disk, join(site.archiveDir, `ossea-pass-${pass.id}`))
    evidence.push(...(await proveCommitted(site, checks, vm.name, pass)))
    checks.equal('a final pass moves changes only', pass.syncType, 'incremental')
    checks.equal('a final pass is consistent', pass.consistency, 'powered-off')
    const snapshots = site.vcenter.calls.slice(calls).filter(call => /Snapshot_Task/.test(call.method))
    checks.equal('no snapshot was taken', snapshots.length, 0)
    say('--- the VM is started and stopped during a final pass')
    await write()
    await site.vcenter.setReaderFaults({ slowMsPerRead: 300 })
    const broken = await final()
    await untilCopying(site, broken.id)
    await site.vcenter.admin.setPower(source, 'poweredOn')
    await site.vcenter.admin.setPower(source, 'poweredOff')
    await site.vcenter.setReaderFaults({})
    const undone = await broken.ended()
    checks.equal('a VM that was started: nothing counts', undone.state, 'failed')
    checks.that(
      'the failure is named',
      ['SOURCE_VM_NOT_OFF', 'SOURCE_READ_FAILED'].includes(undone.failure?.code ?? ''),
      undone.failure?.code ?? 'none',
    )
    await site.vcenter.admin.setPower(source, 'poweredOn')
    await write()
    const next = await runPass(site.operator, job, say)
    evidence.push(...(await proveCommitted(site, checks, vm.name, next)))
    checks.equal('the next pass goes on from the final one', next.syncType, 'incremental')
    await proveNothingLeft(site, checks)
    return { disks: evidence }
  },
}

const untilCopying = (site: LabSite, passId: string): Promise<true> =>
  until(
    `pass ${passId} copies`,
    async () => ((await site.operator.pass(passId)).state === 'copying' ? true : undefined),
    60_000,
  )
