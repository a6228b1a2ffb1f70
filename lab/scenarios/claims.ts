import { setTimeout as after } from 'node:timers/promises'
import { type JobView, type PassDetailView } from '../../agent/api/schemas.js'
import { type AgentName } from '../site/product.js'
import { SeededRandom } from '../site/random.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const seed = 20_261_127
const vmCount = 18
const rounds = 3
const claimSeconds = 3
const limitMs = 600_000

const vms: readonly VmSpec[] = Array.from({ length: vmCount }, (_, n) => ({
  name: `vm-${n}`,
  folder: ['production'],
  disks: [{ sizeBytes: 64n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 24n * MIB }] }],
}))

/** Passes of many VMs, three agents that share them, and one of these killed again and again, another time frozen. */
export const claims: Scenario = {
  name: 'claims',
  title: `${vmCount * rounds} passes among three agents that are killed and frozen`,
  run: async ({ dir, cleanup, say, checks }) => {
    const writer = { bytesPerSec: 2 * 1024 * 1024 }
    const site = await LabSite.start({
      dir,
      cleanup,
      say,
      vms,
      writer,
      agents: { count: 3, claimSeconds },
      leaseSeconds: 10,
    })
    const jobs = await Promise.all(vms.map(({ name }) => answered(() => site.createJob(name))))
    const random = new SeededRandom(seed)
    const disturbances = { killed: 0, frozen: 0 }
    for (let round = 0; round < rounds; round += 1) {
      const started = await Promise.all(jobs.map(job => answered(() => site.operator.startPass(job.id))))
      const over = new AbortController()
      const disturbing = disturb(site, random, over.signal, disturbances, say)
      const passes = await Promise.all(started.map(({ id }) => ended(site, id)))
      over.abort()
      await disturbing
      await prove(site, checks, jobs, passes)
    }
    checks.that('agents were killed', disturbances.killed >= rounds, `${disturbances.killed} times`)
    checks.that('agents were frozen', disturbances.frozen >= rounds, `${disturbances.frozen} times`)
    await proveEachStepOnce(site, checks)
    await proveSeveralWorked(site, checks)
    await proveNothingLeft(site, checks)
    return { seed, ...disturbances }
  },
}

async function prove(
  site: LabSite,
  checks: Checks,
  jobs: readonly JobView[],
  passes: readonly PassDetailView[],
): Promise<void> {
  for (const [index, pass] of passes.entries())
    await proveCommitted(site, checks, jobs[index]?.vmName ?? 'unknown', pass)
}

/** Kills or freezes one agent after the other; what is killed is started again, what is frozen goes on after its lease. */
async function disturb(
  site: LabSite,
  random: SeededRandom,
  over: AbortSignal,
  count: { killed: number; frozen: number },
  say: (line: string) => void,
): Promise<void> {
  for (let turn = random.below(6); !over.aborted; turn += 1) {
    await after(500 + random.below(2500))
    const agent: AgentName | undefined = site.product.agents[turn % site.product.agents.length]
    if (agent === undefined) throw new Error('there is no agent')
    // Longer than its lease, so that another has taken over what it still believes to hold.
    const awayMs = claimSeconds * 1000 + random.below(4000)
    if (turn % 2 === 0) {
      say(`${agent} is killed`)
      await site.product.kill(agent)
      await after(awayMs)
      await site.product.start(agent)
      count.killed += 1
    } else {
      say(`${agent} is frozen`)
      process.kill(site.product.pid(agent), 'SIGSTOP')
      await after(awayMs)
      process.kill(site.product.pid(agent), 'SIGCONT')
      count.frozen += 1
    }
  }
}

/** What every agent may be too dead to answer is asked again. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  return until(
    'an agent answers',
    async () => {
      try {
        return await ask()
      } catch (error) {
        if (error instanceof Error && isLost(error)) return undefined
        throw error
      }
    },
    60_000,
  )
}

/** The last is what an agent says that was frozen while it waited for the database. */
const lostCodes = new Set(['UND_ERR_SOCKET', 'ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'STORE_UNAVAILABLE'])

const isLost = (error: Error): boolean => 'code' in error && lostCodes.has(String(error.code))

const ended = (site: LabSite, passId: string): Promise<PassDetailView> =>
  until(
    `pass ${passId} ends`,
    async () => {
      const pass = await answered(() => site.operator.pass(passId))
      return pass.sagaState === 'done' || pass.sagaState === 'needs-operator' ? pass : undefined
    },
    limitMs,
  )

/** From the step log itself: a step that was taken over may begin twice, but it ends once. */
async function proveEachStepOnce(site: LabSite, checks: Checks): Promise<void> {
  const twice = await site.mariadb.query(
    `SELECT saga_id, step, COUNT(*) FROM ossea.saga_events WHERE kind = 'succeeded' GROUP BY 1, 2 HAVING COUNT(*) > 1`,
  )
  checks.equal('no step of a saga ended twice', twice, [])
  const failed = await site.mariadb.query(`SELECT saga_id, step FROM ossea.saga_events WHERE kind = 'failed'`)
  checks.equal('no step failed', failed, [])
  const again = await site.mariadb.query(`SELECT COUNT(*) FROM ossea.sagas WHERE kind = 'pass' AND epoch > 1`)
  checks.that('sagas were taken over', Number(again[0]) > 0, `${again[0]} of ${vmCount * rounds}`)
}

async function proveSeveralWorked(site: LabSite, checks: Checks): Promise<void> {
  const holders = await site.mariadb.query('SELECT holder, COUNT(*) FROM ossea.sagas GROUP BY holder')
  checks.that('every agent ended some', holders.length === 3, holders.join(', ').replaceAll('\t', ': '))
}
