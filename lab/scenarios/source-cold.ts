import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type PassDetailView } from '../../agent/api/schemas.js'
import { runPass, waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { archiveDisk } from '../vcenter/archive.js'
import { type VmSpec } from '../vcenter/options.js'
import { untilCopying } from './broken-pass.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const run = promisify(execFile)
const MIB = 1024n * 1024n
const vm: VmSpec = {
  name: 'web-01',
  disks: [
    { sizeBytes: 48n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] },
    { sizeBytes: 16n * MIB + 512n },
  ],
}

/** Without VDDK a VM is copied while it is off, over the datastore, and everybody is told what that cannot do. */
export const sourceCold: Scenario = {
  name: 'source-cold',
  title: 'no VDDK: a VM that is off is copied over the datastore; then VDDK is installed',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({
      dir,
      cleanup,
      say,
      vms: [vm],
      writer: null,
      vddk: false,
      leaseSeconds: 4,
    })
    const job = await site.createJob(vm.name)
    const source = site.vcenter.vm(vm.name)
    const final = async (): Promise<PassDetailView> => {
      const { id } = await site.operator.startPass(job.id, 'final')
      for (const disk of source.disks) await archiveDisk(disk, join(site.archiveDir, `ossea-pass-${id}`))
      return waitForPass(site.operator, id, line => say(`final pass ${line}`))
    }
    const { findings } = await site.operator.runPreflight(job.sourceVmId)
    const missing = findings.find(finding => finding.code === 'vddk-missing')
    checks.that(
      'the preflight says what is missing',
      missing?.severity === 'blocker',
      missing?.what ?? 'nothing',
    )
    const refused = await runPass(site.operator, job, say)
    checks.equal('a VM that runs is refused', refused.failure?.code, 'VDDK_MISSING')
    const taken = site.vcenter.calls.filter(call => /^CreateSnapshot/.test(call.method))
    checks.equal('no snapshot was taken', taken, [])
    await site.vcenter.admin.setPower(source, 'poweredOff')
    for (const round of [1, 2]) {
      const pass = await final()
      await proveCommitted(site, checks, vm.name, pass)
      const note = pass.notes.find(text => text.includes('no VDDK library'))
      checks.that(`final pass ${round} says what it could not do`, note !== undefined, note ?? 'nothing')
      await site.vcenter.admin.setPower(source, 'poweredOn')
      await site.vcenter.guestWrites(source, { diskKey: 2001, blocks: 20 })
      await site.vcenter.admin.setPower(source, 'poweredOff')
    }
    say('--- the VM is started while it is copied')
    await site.product.writeLimits({ read_mib_per_second: 4 })
    await site.product.logged('vma', 'the load limits have changed', 1)
    const { id } = await site.operator.startPass(job.id, 'final')
    await untilCopying(site, id)
    await site.vcenter.admin.setPower(source, 'poweredOn')
    await site.product.writeLimits({})
    const broken = await waitForPass(site.operator, id, line => say(`final pass ${line}`))
    const end = [broken.state, broken.failure?.code]
    checks.equal('nothing of it counts', end, ['failed', 'SOURCE_VM_NOT_OFF'])
    const message = broken.failure?.message ?? ''
    checks.that('it says why', message.endsWith('is on'), message)
    await site.vcenter.admin.setPower(source, 'poweredOff')
    await proveCommitted(site, checks, vm.name, await final())
    say('--- VDDK is installed while the VMA runs')
    const archive = join(dir, 'vddk.tar.gz')
    const parts = ['lib64', 'sites']
    await run('/usr/bin/tar', ['-czhf', archive, '-C', site.vcenter.vddkLibraryDir, ...parts])
    const told = await site.product.installVddk(archive)
    checks.that('the program says what it installed', /^VDDK 8 /.test(told), told)
    await site.vcenter.admin.setPower(source, 'poweredOn')
    const next = await runPass(site.operator, job, say)
    await proveCommitted(site, checks, vm.name, next)
    checks.equal('it is a pass of a VM that runs', [next.mode, next.syncType], ['snapshot', 'compare'])
    await proveNothingLeft(site, checks)
    return {}
  },
}
