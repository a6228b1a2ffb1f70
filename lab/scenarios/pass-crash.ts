import { join } from 'node:path'
import { type JobDetailView, type JobView, type PassDetailView } from '../../agent/api/schemas.js'
import { compareImages } from '../site/compare.js'
import { runPass, waitForPass } from '../site/passes.js'
import { findServers, type FoundProcess } from '../site/processes.js'
import { SagaHold } from '../site/saga-hold.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { crashPoints, type CrashPoint, type Victim } from './crash-points.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n

const vm: VmSpec = {
  name: 'ledger',
  disks: [
    { sizeBytes: 48n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] },
    { sizeBytes: 8n * MIB + 512n, content: [{ kind: 'random', offsetBytes: MIB, lengthBytes: 4n * MIB }] },
  ],
}

interface Bench {
  readonly site: LabSite
  readonly checks: Checks
  readonly job: JobView
}

/** What one crash came to. */
interface Recovery extends CrashPoint {
  readonly committed: boolean
  /** From the crash until the volumes were proved to be the committed point, source away. */
  readonly seconds: number
}

/**
 * Kills each process at every step of a staged pass, in every phase. After each the source is gone; the volumes have to
 * become the last committed point without it, and after its return the next pass has to be right.
 */
export const passCrash: Scenario = {
  name: 'pass-crash',
  title:
    'every process killed at every step of a pass, the source lost with it: always exactly one committed point',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, leaseSeconds: 2 })
    const job = await site.createJob(vm.name)
    const bench = { site, checks, job }
    await proveCommitted(site, checks, vm.name, await runPass(site.operator, job, say))
    await change(site)
    const model = await runPass(site.operator, job, say)
    await proveCommitted(site, checks, vm.name, model)
    checks.equal('a later pass is staged', model.staging.way, 'staged')
    const recoveries: Recovery[] = []
    let servers = 0
    for (const point of crashPoints(model)) {
      // The crash before this one was of the same step and phase, and counted them.
      if (point.victim === 'nbd-servers' && servers === 0) continue
      const { servers: seen, ...recovery } = await crash(bench, point)
      servers = seen
      recoveries.push(recovery)
      say(`${recoveries.length}: ${nameOf(point)}: ${recovery.committed ? 'the new' : 'the old'} point`)
    }
    await proveNothingLeft(site, checks)
    await change(site)
    await proveCommitted(site, checks, vm.name, await runPass(site.operator, job, say))
    for (const phase of ['before', 'after'] as const) {
      const hit = new Set(recoveries.filter(one => one.phase === phase).map(one => one.step))
      const missed = model.steps.map(step => step.name).filter(step => !hit.has(step))
      checks.equal(`no step was left out ${phase} it`, missed, [])
    }
    // A hold that did not hold would crash every pass at its beginning and prove nothing.
    const commitAt = model.steps.findIndex(step => step.name === 'commit')
    const late = recoveries.filter(
      one => model.steps.findIndex(step => step.name === one.step) > commitAt && !one.committed,
    )
    checks.equal('after the commit it is always the new point', late.map(nameOf), [])
    const served = recoveries.filter(one => one.victim === 'nbd-servers').length
    checks.that('NBD servers were killed as well', served > 0, `${served}x`)
    const slowest = Math.max(...recoveries.map(one => one.seconds))
    return { crashes: recoveries.length, slowestRecoverySeconds: slowest, recoveries }
  },
}

const nameOf = ({ step, phase, victim }: CrashPoint): string => `${victim} killed ${phase} ${step}`

async function crash(bench: Bench, point: CrashPoint): Promise<Recovery & { readonly servers: number }> {
  const { site, checks, job } = bench
  const what = nameOf(point)
  await change(site)
  const hold = await SagaHold.arm(
    site.mariadb,
    { step: point.step, kind: point.phase === 'after' ? 'succeeded' : 'started' },
    join(site.dir, 'hold.log'),
  )
  const { id } = await site.operator.startPass(job.id)
  await hold.reached()
  if (point.phase === 'during') await hold.release()
  const servers = await findServers(join(site.dir, 'product/exports'))
  await kill(site, point.victim, servers)
  const crashedMs = performance.now()
  await site.product.kill('vma')
  if (point.victim === 'mariadb') await site.mariadb.start()
  await hold.disarm()
  if (point.victim === 'oma' || point.victim === 'volumed') await site.product.start(point.victim)
  await answersAgain(site)
  const detail = await recovered(site, job.id)
  const seconds = (performance.now() - crashedMs) / 1000
  const pointPass = await site.mariadb.query(
    `SELECT recovery_point_pass_id FROM ossea.replication_jobs WHERE id = '${job.id}'`,
  )
  await proveIsPoint(bench, detail, pointPass[0] ?? 'none', what)
  await site.product.start('vma')
  const ended = await waitForPass(site.operator, id, () => undefined)
  const committed = pointPass[0] === id
  checks.equal(
    `${what}: the pass is what the point says`,
    [ended.state, ended.sagaState],
    [committed ? 'applied' : 'failed', 'done'],
  )
  await proveIsPoint(bench, detail, pointPass[0] ?? 'none', `${what}, afterwards`)
  return { ...point, committed, seconds: Math.round(seconds * 10) / 10, servers: servers.length }
}

async function change(site: LabSite): Promise<void> {
  const machine = site.vcenter.vm(vm.name)
  for (const disk of machine.disks)
    await site.vcenter.guestWrites(machine, { diskKey: disk.options.key, blocks: 40, pattern: 'mixed' })
}

async function kill(site: LabSite, victim: Victim, servers: readonly FoundProcess[]): Promise<void> {
  switch (victim) {
    case 'oma':
    case 'volumed':
    case 'vma':
      return site.product.kill(victim)
    case 'mariadb':
      return site.mariadb.kill()
    case 'nbd-servers':
      for (const { pid } of servers) endIfThere(pid)
  }
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** The VMA is away, so this does not ask whether everything runs. */
const answersAgain = (site: LabSite): Promise<true> =>
  until(
    'the OMA answers',
    async () => {
      try {
        await site.operator.status()
        return true
      } catch (error) {
        if (error instanceof Error) return undefined
        throw error
      }
    },
    60_000,
  )

/** Asks for the last committed point until the volumes are said to be it. */
async function recovered(site: LabSite, jobId: string): Promise<JobDetailView> {
  await site.operator.goBack(jobId)
  return until(
    'the volumes are the committed point',
    async () => {
      const job = await site.operator.job(jobId)
      if (job.replica.state === 'no-point') throw new Error(`no point: ${job.replica.why ?? ''}`)
      return job.replica.state === 'at-point' ? job : undefined
    },
    60_000,
  )
}

async function proveIsPoint(
  { site, checks }: Bench,
  job: JobDetailView,
  passId: PassDetailView['id'],
  what: string,
): Promise<void> {
  const found: string[] = []
  for (const disk of job.disks) {
    const image = join(site.archiveDir, `ossea-pass-${passId}`, `${disk.diskKey}.img`)
    const volume = site.cloudstack.volumePath(disk.volumeId ?? 'none')
    const { identical, found: said } = await compareImages(image, volume, BigInt(disk.capacityBytes))
    if (!identical) found.push(`${disk.label}: ${said}`)
  }
  checks.equal(`${what}: the volumes are the committed point`, found, [])
}
