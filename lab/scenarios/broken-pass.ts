import { type JobView, type PassDetailView } from '../../agent/api/schemas.js'
import { runPass, waitForPass } from '../site/passes.js'
import { type LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks } from './scenario.js'

/** One way to break a pass. */
export interface Breakage {
  readonly what: string
  /** What the pass may end with; null stands for a pass that got over it and was committed. */
  readonly codes: readonly (string | null)[]
  /** `before` the pass is started, or while it copies slowly. */
  readonly when: 'before' | 'copying'
  readonly cause: (site: LabSite, job: JobView) => Promise<void>
  /** What an operator does; called once the failure shows. */
  readonly repair: (site: LabSite, job: JobView) => Promise<void>
}

export interface Bench {
  readonly site: LabSite
  readonly checks: Checks
  readonly say: (line: string) => void
}

/** Long enough for a fault to hit between two reads. */
const slowMsPerRead = 40
const failureLimitMs = 120_000

/**
 * Breaks one pass and looks at everything that must hold: a named error with what to do next, change IDs and recovery point
 * as they were, nothing left behind after the repair, and a next pass that makes the volumes identical.
 */
export async function breakPass({ site, checks, say }: Bench, job: JobView, fault: Breakage): Promise<void> {
  say(`--- ${fault.what}`)
  await writeSome(site, job)
  const before = await standing(site, job)
  if (fault.when === 'before') await fault.cause(site, job)
  else await site.vcenter.setReaderFaults({ slowMsPerRead })
  const { id } = await site.operator.startPass(job.id)
  if (fault.when === 'copying') {
    await untilCopying(site, id)
    await fault.cause(site, job)
    await site.vcenter.setReaderFaults({})
  }
  await untilItShows(site, id)
  await fault.repair(site, job)
  await site.answers()
  const pass = await waitForPass(site.operator, id, line => say(`${job.vmName}: pass ${line}`))
  const code = pass.failure?.code ?? null
  checks.that(`${fault.what}: ends with a named error`, fault.codes.includes(code), code ?? 'committed')
  if (code === null) {
    await proveCommitted(site, checks, job.vmName, pass)
  } else {
    checks.that(`${fault.what}: says what to do`, pass.failure?.next !== '', pass.failure?.next ?? '')
    checks.equal(`${fault.what}: the pass is undone`, [pass.state, pass.sagaState], ['failed', 'done'])
    checks.equal(`${fault.what}: nothing moved`, await standing(site, job), before)
  }
  await proveNothingLeft(site, checks)
  const next = await runPass(site.operator, job, say)
  await proveCommitted(site, checks, job.vmName, next)
  await proveNothingLeft(site, checks)
}

async function writeSome(site: LabSite, job: JobView): Promise<void> {
  const vm = site.vcenter.vm(job.vmName)
  for (const disk of vm.disks)
    await site.vcenter.guestWrites(vm, { diskKey: disk.options.key, blocks: 60, pattern: 'mixed' })
}

/** What only a commit may move. */
async function standing(site: LabSite, job: JobView): Promise<unknown> {
  const { recoveryPointAt, disks } = await site.operator.job(job.id)
  return { recoveryPointAt, changeIds: disks.map(disk => disk.changeId) }
}

/** Resolves when bytes move; rejects when the pass ends before. */
export function untilCopying(site: LabSite, passId: string): Promise<PassDetailView> {
  return until(
    `pass ${passId} copies`,
    async () => {
      const pass = await site.operator.pass(passId)
      if (pass.failure !== null) throw new Error(`pass ${passId} ended early: ${pass.failure.message}`)
      return pass.state === 'copying' && BigInt(pass.movedBytes) > 0n ? pass : undefined
    },
    failureLimitMs,
  )
}

/** The pass shows a failure or a broken copy, or has ended, or operators get no answer at all. */
function untilItShows(site: LabSite, passId: string): Promise<true> {
  return until(
    `the failure of pass ${passId} shows`,
    async () => {
      try {
        const pass = await site.operator.pass(passId)
        const shows = pass.failure !== null || pass.brokenCopies.length > 0 || pass.sagaState === 'done'
        return shows ? true : undefined
      } catch (error) {
        if (error instanceof Error) return true
        throw error
      }
    },
    failureLimitMs,
  )
}
