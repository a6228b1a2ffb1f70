import { type JobDetailView, type JobView, type PassDetailView } from '../../agent/api/schemas.js'
import { waitForPass } from '../site/passes.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { untilCopying } from './broken-pass.js'
import { codeOf } from './code-of.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Checks, type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const vm: VmSpec = {
  name: 'web-01',
  disks: [
    { sizeBytes: 96n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 64n * MIB }] },
    { sizeBytes: 16n * MIB + 512n, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 8n * MIB }] },
  ],
}
const limitMs = 60_000

interface Bench {
  readonly site: LabSite
  readonly checks: Checks
  readonly say: (line: string) => void
  readonly job: JobView
}

/** Pause, cancel, stop and delete, each by itself, and a paused pass whose OMA or VMA is started again. */
export const sourcePause: Scenario = {
  name: 'source-pause',
  title: 'passes that are paused through restarts, cancelled, stopped; a job that is deleted',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms: [vm], writer: null, leaseSeconds: 12 })
    const job = await site.createJob(vm.name)
    const bench = { site, checks, say, job }
    await pauseThroughRestart(bench)
    await pauseAndLoseVma(bench)
    await pauseAndCancel(bench)
    await stopAndDelete(bench)
    return {}
  },
}

async function pauseThroughRestart(bench: Bench): Promise<void> {
  const { site, checks, say, job } = bench
  say('--- a full pass is paused, the OMA is started again, the pass goes on')
  const pass = await slowPass(bench)
  await site.operator.pauseJob(job.id)
  const again = await site.operator.pauseJob(job.id)
  checks.equal('a second pause changes nothing', again.pausedAt, (await untilState(bench, 'paused')).pausedAt)
  const movedBytes = await standsStill(bench, pass.id)
  await site.product.kill('oma')
  await site.product.start('oma')
  await site.answers()
  await untilState(bench, 'paused')
  checks.equal('after the restart nothing moved', await standsStill(bench, pass.id), movedBytes)
  await site.vcenter.setReaderFaults({})
  await site.operator.resumeJob(job.id)
  await proveCommitted(site, checks, vm.name, await ended(bench, pass.id))
}

/** A pass whose VMA went is taken up by the next one, which holds it as well. */
async function pauseAndLoseVma(bench: Bench): Promise<void> {
  const { site, checks, say, job } = bench
  say('--- a paused pass loses its VMA')
  const pass = await slowPass(bench)
  await site.operator.pauseJob(job.id)
  await untilState(bench, 'paused')
  const { pausedAt } = await site.operator.job(job.id)
  await site.product.kill('vma')
  await until(
    'its lease has lapsed',
    async () => ((await site.operator.pass(pass.id)).held ? undefined : true),
    limitMs,
  )
  await site.product.start('vma')
  const held = await untilState(bench, 'paused')
  checks.equal('the job is still paused', held.pausedAt, pausedAt)
  await standsStill(bench, pass.id)
  await site.vcenter.setReaderFaults({})
  await site.operator.resumeJob(job.id)
  await proveCommitted(site, checks, vm.name, await ended(bench, pass.id))
  await site.operator.pauseJob(job.id)
  checks.equal('a paused job starts no pass', await codeOf(site.operator.startPass(job.id)), 'JOB_PAUSED')
  await site.operator.resumeJob(job.id)
  await proveNothingLeft(site, checks)
}

async function pauseAndCancel(bench: Bench): Promise<void> {
  const { site, checks, say, job } = bench
  say('--- a paused pass is cancelled')
  const pass = await slowPass(bench)
  await site.operator.pauseJob(job.id)
  await untilState(bench, 'paused')
  await site.operator.cancelPass(pass.id)
  const cancelled = await ended(bench, pass.id)
  checks.equal('cancelled', [cancelled.state, cancelled.failure?.code], ['failed', 'PASS_CANCELLED'])
  await site.operator.resumeJob(job.id)
  await site.vcenter.setReaderFaults({})
  await proveNothingLeft(site, checks)
}

async function stopAndDelete(bench: Bench): Promise<void> {
  const { site, checks, say, job } = bench
  say('--- the job is stopped in the middle of a pass, and deleted')
  checks.equal(
    'only a stopped job is deleted',
    await codeOf(site.operator.deleteJob(job.id)),
    'JOB_NOT_STOPPED',
  )
  const pass = await slowPass(bench)
  checks.equal('it is stopping', (await site.operator.stopJob(job.id)).state, 'stopping')
  checks.equal('not while its pass runs', await codeOf(site.operator.deleteJob(job.id)), 'JOB_BUSY')
  await site.vcenter.setReaderFaults({})
  const last = await ended(bench, pass.id)
  await proveCommitted(site, checks, vm.name, last)
  checks.equal('it is stopped', (await site.operator.job(job.id)).state, 'stopped')
  checks.equal('a stopped job starts no pass', await codeOf(site.operator.startPass(job.id)), 'JOB_STOPPED')
  checks.equal('passes may be allowed again', (await site.operator.allowPasses(job.id)).state, 'protected')
  await site.operator.stopJob(job.id)
  await proveNothingLeft(site, checks)
  await until(
    'vCenter was seen without the snapshot',
    async () => {
      const left = await site.mariadb.query(`SELECT id FROM ossea.source_vms WHERE pass_snapshots <> '[]'`)
      return left.length === 0 ? true : undefined
    },
    limitMs,
  )
  const { volumes } = await site.operator.deleteJob(job.id)
  checks.equal(
    'the volumes are named',
    volumes.map(volume => volume.volumeId).toSorted(),
    last.disks.map(disk => disk.volumeId).toSorted(),
  )
  checks.equal('the job is gone', await site.operator.jobs(), [])
  checks.equal('a second delete finds none', await codeOf(site.operator.deleteJob(job.id)), 'NOT_FOUND')
  checks.equal('nothing of it is kept', await site.mariadb.query('SELECT id FROM ossea.sagas'), [])
  const standing = volumes.every(volume => site.cloudstack.site.volumes.has(volume.volumeId))
  checks.that('the volumes are still there', standing, `${volumes.length} volumes`)
}

/** A pass whose reading takes long enough to be met in the middle. */
async function slowPass({ site, job }: Bench): Promise<PassDetailView> {
  const source = site.vcenter.vm(vm.name)
  for (const disk of source.disks)
    await site.vcenter.guestWrites(source, { diskKey: disk.options.key, blocks: 120 })
  await site.vcenter.setReaderFaults({ slowMsPerRead: 150 })
  const { id } = await site.operator.startPass(job.id)
  return untilCopying(site, id)
}

const untilState = ({ site, job }: Bench, state: string): Promise<JobDetailView> =>
  until(
    `the job is ${state}`,
    async () => {
      const view = await site.operator.job(job.id)
      return view.state === state ? view : undefined
    },
    limitMs,
  )

/** Looks again after the VMA has reported three times; gives what was moved by then. */
async function standsStill(bench: Bench, passId: string): Promise<string> {
  const { site, checks } = bench
  await heartbeats(site, 1)
  const before = await site.operator.pass(passId)
  await heartbeats(site, 3)
  const after = await site.operator.pass(passId)
  checks.that(
    'nothing moves while it is paused',
    after.movedBytes === before.movedBytes && after.rateBytesPerSec === '0' && after.held,
    `${before.movedBytes}, then ${after.movedBytes} of ${after.plannedBytes ?? 'unknown'} bytes`,
  )
  checks.that('it is in the middle', after.movedBytes !== after.plannedBytes, after.movedBytes)
  return after.movedBytes
}

async function heartbeats(site: LabSite, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const lease = async () =>
      JSON.stringify(
        await site.mariadb.query(`SELECT lease_until FROM ossea.worker_tasks WHERE state = 'leased'`),
      )
    const before = await lease()
    await until('the VMA reports', async () => ((await lease()) === before ? undefined : true), limitMs)
  }
}

const ended = ({ site, say }: Bench, passId: string): Promise<PassDetailView> =>
  waitForPass(site.operator, passId, line => say(`pass ${line}`))
