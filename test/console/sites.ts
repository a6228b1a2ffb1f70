import { errorTable } from '../../agent/errors.js'
import {
  fakeAgent,
  jobOf,
  passOf,
  plainDetail,
  runPass,
  stepsOf,
  vmOf,
  diskOf,
  GIB,
  type FakeAgent,
  type Site,
} from './fake-agent.js'

/** The instant all scripted states are told from. */
export const siteNowMs = Date.UTC(2026, 10, 24, 2, 0, 0)

/** Six VMs, one in each state an operator meets. Instants are relative to `nowMs`. */
export function fillSite(site: Site, nowMs: number): void {
  const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString()
  const seen = { seenAt: ago(3) }
  const erp = vmOf(1, 'erp-db-02', { ...seen, jobId: 'job-1', diskCount: 2 })
  const web = vmOf(2, 'erp-web-01', {
    ...seen,
    jobId: 'job-2',
    diskCount: 1,
    capacityBytes: String(16n * GIB),
  })
  const share = vmOf(3, 'fin-share', { ...seen, jobId: 'job-3' })
  const old = vmOf(4, 'old-print', { ...seen, power: 'off', diskCount: 1, capacityBytes: String(8n * GIB) })
  const mail = vmOf(5, 'mail-01', { ...seen, jobId: 'job-4' })
  const lab = vmOf(6, 'lab-7', { ...seen, power: 'unknown' })
  site.vms.push(erp, web, share, old, mail, lab)

  const firstPass = passOf('job-1', 1, nowMs - 1_200_000, { syncType: 'full', endedAt: ago(900) })
  site.jobs.push(
    jobOf('job-1', erp, { recoveryPointAt: ago(1190), lastPass: firstPass, createdAt: ago(7200) }),
    jobOf('job-2', web, {
      recoveryPointAt: ago(252),
      lastPass: passOf('job-2', 1, nowMs - 290_000),
      createdAt: ago(7200),
    }),
    jobOf('job-3', share, {
      state: 'failed',
      recoveryPointAt: ago(47 * 60),
      createdAt: ago(7200),
      lastPass: passOf('job-3', 1, nowMs - 1_800_000, {
        state: 'failed',
        failure: {
          code: 'TARGET_FULL',
          message: 'volume 7d1f while writing disk 2000',
          next: errorTable.TARGET_FULL.next,
        },
      }),
    }),
    jobOf('job-4', mail, { state: 'needs-operator', recoveryPointAt: null, createdAt: ago(7200) }),
  )
  site.passes.push(
    {
      ...firstPass,
      ...plainDetail,
      disks: [diskOf('2000', 40n, { syncType: 'full' }), diskOf('2001', 20n, { syncType: 'full' })],
      steps: stepsOf(nowMs - 1_200_000, 7, 'waiting'),
    },
    {
      ...site.jobs[1]!.lastPass!,
      ...plainDetail,
      disks: [diskOf('2000', 40n)],
      steps: stepsOf(nowMs - 290_000, 7, 'waiting'),
    },
    {
      ...site.jobs[2]!.lastPass!,
      ...plainDetail,
      disks: [diskOf('2000', 40n)],
      steps: stepsOf(nowMs - 1_800_000, 4, 'failed'),
    },
  )
  runPass(site, 'job-1', nowMs - 21_000)
}

/** A started agent with the six VMs. */
export async function startSite(): Promise<FakeAgent> {
  const agent = fakeAgent()
  fillSite(agent.site, Date.now())
  await agent.start()
  return agent
}
