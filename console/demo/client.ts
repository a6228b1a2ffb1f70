import type { ConsoleClient } from '../console-client.js'
import type { JobView, PassView } from '../../agent/api/schemas.js'
import { AppError, errorTable } from '../../agent/errors.js'
import type { PageClient } from '../page.js'
import { attempt, found } from './calls.js'
import { pageCalls } from './page-calls.js'
import { recording, runningPass, statusAt, type Recording } from './recording.js'

/**
 * The operator API on recorded data: what is asked for happens to the record and to nothing else. The pass that runs
 * moves on with the clock.
 */
export function demoClient(nowMs: () => number): ConsoleClient & PageClient {
  const site: Recording = recording(nowMs())
  const jobOf = (id: string) =>
    found(
      site.jobs.find(job => job.id === id),
      `replication job ${id}`,
    )
  const passOf = (id: string) =>
    found(
      site.passes.find(pass => pass.id === id),
      `pass ${id}`,
    )

  /** Brings running passes up to the present. */
  const advance = (): void => {
    for (const job of site.jobs) {
      const { currentPass } = job
      if (currentPass === null || job.pausedAt !== null) continue
      const startMs = Date.parse(currentPass.startedAt)
      const now = runningPass(job.id, currentPass.number, startMs, nowMs())
      site.passes.splice(site.passes.indexOf(passOf(currentPass.id)), 1, now)
      job.currentPass = passView(now)
    }
  }

  const start = (jobId: string): PassView => {
    const job = jobOf(jobId)
    if (job.currentPass !== null) throw new AppError('JOB_BUSY', `job ${jobId}`)
    const number = site.passes.filter(pass => pass.jobId === jobId).length + 1
    const pass = runningPass(jobId, number, nowMs(), nowMs())
    site.passes.push(pass)
    job.state = 'replicating'
    job.currentPass = passView(pass)
    return job.currentPass
  }

  const hold = (jobId: string, change: Partial<Pick<JobView, 'pausedAt' | 'stoppedAt'>>) => {
    const job = jobOf(jobId)
    Object.assign(job, change)
    const moves = job.currentPass !== null
    const rest = job.recoveryPointAt === null ? 'new' : 'protected'
    if (job.currentPass !== null) job.currentPass.held = job.pausedAt !== null
    if (job.pausedAt !== null) job.state = 'paused'
    else if (job.stoppedAt !== null) job.state = moves ? 'stopping' : 'stopped'
    else job.state = moves ? 'replicating' : rest
    return job
  }

  return {
    status: () => Promise.resolve(statusAt(nowMs())),
    sourceVms: () => Promise.resolve({ items: site.vms, next: null }),
    jobs: () => {
      advance()
      return Promise.resolve(site.jobs.map(jobView))
    },
    job: id => attempt(() => jobOf(id)),
    passes: id => attempt(() => site.passes.filter(pass => pass.jobId === id).map(passView)),
    pass: id => attempt(() => passOf(id)),
    createJob: ({ sourceVmId }) =>
      attempt(() => {
        const vm = found(
          site.vms.find(each => each.id === sourceVmId),
          `VM ${sourceVmId}`,
        )
        if (vm.jobId !== null) throw new AppError('JOB_EXISTS', `VM ${vm.name}`)
        const [template] = site.jobs
        const id = `j${site.vms.indexOf(vm) + 1}`
        const disks = (template?.disks ?? []).map(disk => ({ ...disk, volumeId: null, changeId: null }))
        const job = {
          id,
          sourceVmId,
          vmName: vm.name,
          state: 'new' as const,
          quiesce: 'preferred' as const,
          stagingPolicy: 'wait' as const,
          replica: { state: 'none' as const, why: null },
          lastVerification: null,
          createdAt: new Date(nowMs()).toISOString(),
        }
        const notHeld = { pausedAt: null, stoppedAt: null }
        const created = {
          ...job,
          ...notHeld,
          recoveryPointAt: null,
          currentPass: null,
          lastPass: null,
          disks,
        }
        vm.jobId = id
        site.jobs.push(created)
        return created
      }),
    startPass: jobId => attempt(() => start(jobId)),
    ...pageCalls(site, nowMs),
    pauseJob: id => attempt(() => hold(id, { pausedAt: new Date(nowMs()).toISOString() })),
    resumeJob: id => attempt(() => hold(id, { pausedAt: null })),
    stopJob: id => attempt(() => hold(id, { stoppedAt: new Date(nowMs()).toISOString() })),
    goBack: id =>
      attempt(() => Object.assign(jobOf(id), { replica: { state: 'at-point' as const, why: null } })),
    allowPasses: id => attempt(() => hold(id, { stoppedAt: null })),
    cancelPass: id =>
      attempt(() => {
        const pass = passOf(id)
        const job = jobOf(pass.jobId)
        const ended = {
          ...pass,
          state: 'failed' as const,
          sagaState: 'done' as const,
          endedAt: new Date(nowMs()).toISOString(),
          rateBytesPerSec: null,
          etaSeconds: null,
          failure: {
            code: 'PASS_CANCELLED' as const,
            message: `pass ${pass.number}`,
            next: errorTable.PASS_CANCELLED.next,
          },
        }
        site.passes.splice(site.passes.indexOf(pass), 1, ended)
        job.state = 'failed'
        job.currentPass = null
        job.lastPass = passView(ended)
        return job.lastPass
      }),
  }
}

const jobView = ({ disks: _disks, ...job }: Recording['jobs'][number]): JobView => job
const passView = ({ disks: _disks, steps: _steps, ...pass }: Recording['passes'][number]): PassView => pass
