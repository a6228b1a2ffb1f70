import { type PassDetailView } from '../../agent/api/schemas.js'
import { runPass, waitForPass } from '../site/passes.js'
import { findNbdkits } from '../site/processes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { untilCopying } from './broken-pass.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const diskOf = (mib: bigint): VmSpec['disks'][number] => ({
  sizeBytes: 2n * mib * MIB,
  content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: mib * MIB }],
})
const vms: readonly VmSpec[] = [
  { name: 'web-01', disks: [diskOf(24n)] },
  { name: 'db-01', disks: [diskOf(12n), diskOf(12n), diskOf(12n), diskOf(12n)] },
]
const limits = { disks_per_datastore: 2, datastore_floor_mib: 1024 }
const limitMs = 120_000

interface Bench {
  readonly site: LabSite
  readonly checks: Checks
  readonly say: (line: string) => void
}

/** Limits that are changed while the product runs, and a datastore that fills. */
export const sourceLimits: Scenario = {
  name: 'source-limits',
  title: 'rates, disks at a time and the free space of a datastore keep their limits',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms, writer: null, limits, slowSnapshotSeconds: 3 })
    const bench = { site, checks, say }
    const readersAtMost = await readFourDisks(bench)
    const job = await site.createJob('web-01')
    const mibPerSec = await changeTheRate(bench, job.id)
    await slowDown(bench, job)
    await fillDatastore(bench, job)
    return { mibPerSec, readersAtMost }
  },
}

async function readFourDisks({ site, checks, say }: Bench): Promise<number> {
  say('--- four disks, of which two may be read at a time')
  const job = await site.createJob('db-01')
  await site.vcenter.setReaderFaults({ slowMsPerRead: 20 })
  const { id } = await site.operator.startPass(job.id)
  let most = 0
  await until(
    'the pass ends',
    async () => {
      const readers = await findNbdkits(`libdir=${site.vcenter.vddkLibraryDir}`)
      most = Math.max(most, readers.length)
      return (await site.operator.pass(id)).sagaState === 'done' ? true : undefined
    },
    limitMs,
  )
  await site.vcenter.setReaderFaults({})
  await proveCommitted(site, checks, 'db-01', await site.operator.pass(id))
  checks.that('two readers at a time, and no more', most === 2, `${most} at the most`)
  return most
}

async function changeTheRate({ site, checks, say }: Bench, jobId: string): Promise<number> {
  say('--- the rate is lowered, spoilt, and lifted while the pass runs')
  await site.product.writeLimits({ ...limits, send_mib_per_second: 2 })
  await site.product.logged('vma', 'the load limits have changed', 1)
  const { id } = await site.operator.startPass(jobId)
  await untilCopying(site, id)
  const mibPerSec = await rateOf(site, id)
  checks.that(
    'it keeps the lowered rate',
    mibPerSec > 0.5 && mibPerSec < 3,
    `${mibPerSec.toFixed(2)} MiB/s of 2`,
  )
  await site.product.writeLimits({ ...limits, send_mib_per_second: 'fast' })
  await site.product.logged('vma', 'the changed load limits cannot be used', 1)
  const spoilt = await rateOf(site, id)
  checks.that('a mistake lifts no limit', spoilt < 3, `${spoilt.toFixed(2)} MiB/s`)
  await site.product.writeLimits(limits)
  await site.product.logged('vma', 'the load limits have changed', 2)
  const before = performance.now()
  await proveCommitted(
    site,
    checks,
    'web-01',
    await waitForPass(site.operator, id, line => say(`pass ${line}`)),
  )
  const seconds = (performance.now() - before) / 1000
  checks.that(
    'the lifted rate counts for a pass that runs',
    seconds < 6,
    `${seconds.toFixed(1)} s for the rest`,
  )
  return mibPerSec
}

async function slowDown({ site, checks, say }: Bench, job: { id: string; vmName: string }): Promise<void> {
  say('--- a slow snapshot makes the next pass gentler')
  site.vcenter.faults.add({ kind: 'delay-method', method: 'RemoveSnapshot_Task', delayMs: 4000, times: 1 })
  await runPass(site.operator, job, say)
  const gentle = await runPass(site.operator, job, say)
  await proveCommitted(site, checks, 'web-01', gentle)
  const note = gentle.notes.find(text => text.startsWith('removing the snapshot of pass'))
  checks.that('the next pass says that it is gentler', note !== undefined, note ?? gentle.notes.join('; '))
}

async function fillDatastore(
  { site, checks, say }: Bench,
  job: { id: string; vmName: string },
): Promise<void> {
  say('--- the datastore is full before a pass')
  site.vcenter.admin.setFreeSpace(1000n * MIB)
  const snapshots = () => site.vcenter.calls.filter(call => /^CreateSnapshot/.test(call.method)).length
  const before = snapshots()
  proveFull(checks, 'before', await runPass(site.operator, job, say))
  checks.equal('no snapshot was taken', snapshots(), before)
  say('--- the datastore fills while a pass is paused')
  site.vcenter.admin.setFreeSpace(2000n * MIB)
  await site.vcenter.guestWrites(site.vcenter.vm('web-01'), { diskKey: 2000, blocks: 200 })
  await site.vcenter.setReaderFaults({ slowMsPerRead: 400 })
  const { id } = await site.operator.startPass(job.id)
  await untilCopying(site, id)
  await site.operator.pauseJob(job.id)
  site.vcenter.admin.setFreeSpace(900n * MIB)
  proveFull(checks, 'during', await waitForPass(site.operator, id, line => say(`pass ${line}`)))
  await site.operator.resumeJob(job.id)
  await site.vcenter.setReaderFaults({})
  await proveNothingLeft(site, checks)
  site.vcenter.admin.setFreeSpace(2000n * MIB)
  await proveCommitted(site, checks, 'web-01', await runPass(site.operator, job, say))
  await proveNothingLeft(site, checks)
}

function proveFull(checks: Checks, when: string, pass: PassDetailView): void {
  checks.equal(`${when}: the pass is undone`, [pass.state, pass.sagaState], ['failed', 'done'])
  checks.equal(`${when}: the reason`, pass.failure?.code, 'SOURCE_DATASTORE_FULL')
  const message = pass.failure?.message ?? ''
  checks.that(`${when}: says which datastore`, message.includes('datastore1'), message)
}

/** MiB in a second, over some of the bytes of a pass that copies. */
async function rateOf(site: LabSite, passId: string): Promise<number> {
  const moved = async () => BigInt((await site.operator.pass(passId)).movedBytes)
  const reaches = (bytes: bigint) =>
    until(
      'the pass goes on',
      async () => {
        const now = await moved()
        return now >= bytes ? { bytes: now, ms: performance.now() } : undefined
      },
      limitMs,
    )
  const first = await reaches((await moved()) + 1n)
  const last = await reaches(first.bytes + 4n * MIB)
  return Number(last.bytes - first.bytes) / Number(MIB) / ((last.ms - first.ms) / 1000)
}
