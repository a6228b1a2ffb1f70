import { type JobView, type PassDetailView } from '../../agent/api/schemas.js'
import { runPass, waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { type Vm } from '../vcenter/vm.js'
import { cbtFaults, type CbtFault } from './cbt-faults.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted, type DiskEvidence } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n

const spec: VmSpec = {
  name: 'db-01',
  disks: [
    { sizeBytes: 64n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] },
    { sizeBytes: 24n * MIB + 512n, content: [{ kind: 'random', offsetBytes: MIB, lengthBytes: 8n * MIB }] },
  ],
}

/** Whatever tracking does, the volumes are what the snapshot was, nothing is copied whole again, and the reason is told. */
export const sourceCbtFaults: Scenario = {
  name: 'source-cbt-faults',
  title: 'change tracking fails in every way vSphere has: compared, told, identical',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [spec], writer: null })
    const job = await site.createJob(spec.name)
    const bench: Bench = { site, checks, say, job, vm: site.vcenter.vm(spec.name), evidence: [] }
    await prove(bench, await runPass(site.operator, job, say))
    for (const fault of cbtFaults) await meet(bench, fault)
    await proveNothingLeft(site, checks)
    return { disks: bench.evidence }
  },
}

interface Bench {
  readonly site: LabSite
  readonly checks: Checks
  readonly say: (line: string) => void
  readonly job: JobView
  readonly vm: Vm
  readonly evidence: DiskEvidence[]
}

async function meet(bench: Bench, fault: CbtFault): Promise<void> {
  const { site, vm, say, job } = bench
  say(`--- ${fault.what}`)
  await write(bench)
  if (fault.when === 'before') await fault.cause(site, vm)
  else await disturb(bench, fault)
  await write(bench)
  const pass = await runPass(site.operator, job, say)
  await prove(bench, pass, fault.twice !== true)
  proveCompared(bench, fault, pass)
  await write(bench)
  if (fault.twice === true) {
    const second = await runPass(site.operator, job, say)
    await prove(bench, second)
    proveCompared(bench, fault, second)
    await write(bench)
  }
  await fault.repair?.(site, vm)
  const next = await runPass(site.operator, job, say)
  await prove(bench, next)
  bench.checks.equal(`${fault.what}: over with the next pass`, next.syncType, 'incremental')
}

/** The pass that is disturbed moves its changes; only what comes after it is in doubt. */
async function disturb(bench: Bench, fault: CbtFault): Promise<void> {
  const { site, vm, job, checks, say } = bench
  if (fault.what.includes('reverts')) await site.vcenter.admin.takeSnapshot(vm, 'by a customer')
  await write(bench)
  await site.vcenter.setReaderFaults({ slowMsPerRead: 40 })
  const { id } = await site.operator.startPass(job.id)
  await until(
    `pass ${id} copies`,
    async () => {
      const pass = await site.operator.pass(id)
      return pass.state === 'copying' && BigInt(pass.movedBytes) > 0n ? true : undefined
    },
    60_000,
  )
  await fault.cause(site, vm)
  await site.vcenter.setReaderFaults({})
  const pass = await waitForPass(site.operator, id, line => say(`${job.vmName}: pass ${line}`))
  await prove(bench, pass)
  checks.equal(`${fault.what}: that pass moves its changes`, pass.syncType, 'incremental')
  checks.that(
    `${fault.what}: that pass notes it`,
    pass.notes.some(note => note.startsWith('the next pass compares')),
    pass.notes.join('; '),
  )
}

async function write({ site, vm }: Bench): Promise<void> {
  for (const disk of vm.disks)
    await site.vcenter.guestWrites(vm, { diskKey: disk.options.key, blocks: 30, pattern: 'mixed' })
}

async function prove(
  { site, checks, job, evidence }: Bench,
  pass: PassDetailView,
  hasChangeIds = true,
): Promise<void> {
  evidence.push(...(await proveCommitted(site, checks, job.vmName, pass, hasChangeIds)))
}

function proveCompared({ checks }: Bench, fault: CbtFault, pass: PassDetailView): void {
  for (const disk of pass.disks) {
    const why = fault.why[disk.diskKey]
    const what = `${fault.what}: ${disk.label}`
    checks.equal(
      `${what} is ${why === undefined ? 'not ' : ''}compared`,
      disk.syncType,
      why === undefined ? 'incremental' : 'compare',
    )
    if (why === undefined) continue
    const reason = disk.fallbacks.join('; ')
    checks.that(`${what} says why`, why.test(reason), reason)
    const sent = BigInt(disk.writtenBytes)
    checks.that(
      `${what} sends what differs`,
      sent < BigInt(disk.plannedBytes ?? '0'),
      `${sent} bytes sent, ${disk.plannedBytes ?? 'none'} read`,
    )
  }
}
