import { join } from 'node:path'
import { runPass } from '../site/passes.js'
import { failoverStand, guestWrites, proveDisks, settled, start } from './failover-stand.js'
import { codeOf } from './failover-test.js'
import { type Scenario } from './scenario.js'

/** Nobody can ask the source: the newest committed point is what there is. */
export const failoverUnplanned: Scenario = {
  name: 'failover-unplanned',
  title: 'failover of a VM with three disks whose source nobody can reach',
  run: async context => {
    const stand = await failoverStand(context)
    const { site, job, source, checks, say } = stand
    await guestWrites(stand, 20)
    const pass = await runPass(site.operator, job, say)
    await guestWrites(stand, 20)
    checks.equal(
      'it needs the name of the VM',
      await codeOf(start(stand, { kind: 'unplanned' })),
      'FAILOVER_NAME_MISMATCH',
    )
    const early = await start(stand, { kind: 'unplanned', vmName: job.vmName })
    const refused = await settled(stand, early.id)
    checks.equal(
      'a source that answers and is on stops it',
      [refused.state, refused.failure?.code],
      ['failed', 'FAILOVER_BLOCKED'],
    )
    say('--- the source site is gone')
    await site.vcenter.admin.setPower(source, 'poweredOff')
    await site.product.kill('vma')
    checks.equal(
      'a live failover is refused',
      await blockedBy(site.failovers.explain(job.sourceVmId, { kind: 'live' })),
      ['source-power'],
    )
    const { id } = await start(stand, { kind: 'unplanned', vmName: job.vmName })
    const up = await settled(stand, id)
    checks.equal('the target is up', [up.state, up.failure], ['deciding', null])
    checks.equal('it is made of the newest point', up.report.pointPassId, pass.id)
    await proveDisks(stand, 'the target', up.targetVmId, key =>
      join(site.archiveDir, `ossea-pass-${pass.id}`, `${key}.img`),
    )
    await site.failovers.commit(id)
    const done = await settled(stand, id)
    checks.equal('committed without the source', [done.state, done.failure], ['committed', null])
    await site.product.start('vma')
    return { secondsToUp: done.report.secondsToUp, steps: done.report.steps }
  },
}

const blockedBy = async (
  explained: Promise<{ readonly findings: readonly { readonly severity: string; readonly code: string }[] }>,
) => (await explained).findings.filter(({ severity }) => severity === 'blocker').map(({ code }) => code)
