import { type PassDetailView } from '../../agent/api/schemas.js'
import { waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const kills = 10
/** What a killed worker may cost per disk. */
const mostSentAgain = 64n * MIB

const vm: VmSpec = {
  name: 'files-01',
  disks: [
    {
      sizeBytes: 1280n * MIB,
      content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 640n * MIB }],
    },
    {
      sizeBytes: 320n * MIB + 512n,
      content: [{ kind: 'random', offsetBytes: 64n * MIB, lengthBytes: 256n * MIB }],
    },
  ],
}

/** A worker may die at any moment of a long copy: the pass goes on, and little of it is sent again. */
export const sourceResume: Scenario = {
  name: 'source-resume',
  title: 'one full pass whose VMA is killed ten times, and whose OMA and volume daemon are killed once',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, leaseSeconds: 4 })
    const job = await site.createJob(vm.name)
    await site.vcenter.setReaderFaults({ slowMsPerRead: 12 })
    const { id } = await site.operator.startPass(job.id)
    const broken: { readonly movedMib: number; readonly tries: number }[] = []
    let moved = 0n
    for (let kill = 1; kill <= kills; kill += 1) {
      moved = BigInt((await untilMoved(site, id, moved + 40n * MIB)).movedBytes)
      say(`--- kill ${kill} at ${moved / MIB} MiB`)
      await site.product.kill('vma')
      await site.product.start('vma')
      const pass = await untilBroken(site, id, kill)
      broken.push({ movedMib: Number(moved / MIB), tries: pass.brokenCopies.length })
    }
    for (const role of ['oma', 'volumed'] as const) {
      moved = BigInt((await untilMoved(site, id, moved + 40n * MIB)).movedBytes)
      say(`--- the ${role} is killed at ${moved / MIB} MiB`)
      await site.product.kill(role)
      await site.product.start(role)
      await site.answers()
    }
    await site.vcenter.setReaderFaults({})
    const pass = await waitForPass(site.operator, id, line => say(`${vm.name}: pass ${line}`))
    const evidence = await proveCommitted(site, checks, vm.name, pass)
    checks.equal('it is still the first pass', [pass.number, pass.syncType], [1, 'full'])
    checks.that(
      'every kill broke the copy',
      pass.brokenCopies.length >= kills,
      `${pass.brokenCopies.length}x`,
    )
    checks.equal(
      'each for a reason that is kept',
      [...new Set(pass.brokenCopies.map(copy => copy.failure.code))].filter(
        code => !['WORKER_LOST', 'NBD_UNREACHABLE'].includes(code),
      ),
      [],
    )
    const snapshots = site.vcenter.calls.filter(call => call.method === 'CreateSnapshot_Task').length
    checks.equal('one snapshot was taken', snapshots, 1)
    const sentAgain = pass.disks.map(disk => BigInt(disk.sentAgainBytes))
    const most = mostSentAgain * BigInt(pass.brokenCopies.length)
    for (const [index, bytes] of sentAgain.entries())
      checks.that(
        `disk ${index + 1}: no kill cost more than 64 MiB`,
        bytes <= most,
        `${bytes / MIB} MiB in all`,
      )
    const total = sentAgain.reduce((sum, bytes) => sum + bytes, 0n)
    const twice = (await site.vcenter.readBytes()) - planned(pass)
    checks.that(
      'what the readers counted themselves is no more either',
      twice <= most * BigInt(pass.disks.length),
      `${twice / MIB} MiB read twice, ${total / MIB} MiB reported`,
    )
    await proveNothingLeft(site, checks)
    return { disks: evidence, broken, sentAgainBytes: Number(total), readTwiceBytes: Number(twice) }
  },
}

const planned = (pass: PassDetailView): bigint =>
  pass.disks.reduce((sum, disk) => sum + BigInt(disk.plannedBytes ?? '0'), 0n)

const untilMoved = (site: LabSite, passId: string, bytes: bigint): Promise<PassDetailView> =>
  until(
    `pass ${passId} gets to ${bytes / MIB} MiB`,
    async () => {
      const pass = await site.operator.pass(passId)
      if (pass.endedAt !== null || pass.sagaState !== 'running')
        throw new Error(`pass ${passId} is ${pass.state}: ${pass.failure?.message ?? 'too early'}`)
      return pass.state === 'copying' && BigInt(pass.movedBytes) >= bytes ? pass : undefined
    },
    60_000,
  )

const untilBroken = (site: LabSite, passId: string, times: number): Promise<PassDetailView> =>
  until(
    `the copy broke ${times} times`,
    async () => {
      const pass = await site.operator.pass(passId)
      return pass.brokenCopies.length >= times ? pass : undefined
    },
    60_000,
  )
