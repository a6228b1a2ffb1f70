import { open } from 'node:fs/promises'
import { runPass } from '../site/passes.js'
import {
  failoverStand,
  guestWrites,
  proveNeverBoth,
  proveNoRemains,
  settled,
  start,
} from './failover-stand.js'
import { codeOf } from './failover-test.js'
import { proveNothingLeft } from './leftovers.js'
import { proveCommitted } from './pass-evidence.js'
import { type Scenario } from './scenario.js'

/** What the target wrote is given up; the next pass finds all of it by comparing. */
export const rollbackLive: Scenario = {
  name: 'rollback-live',
  title: 'a live failover rolled back: target stopped first, source on, volumes back, next pass compares',
  run: async context => {
    const stand = await failoverStand(context)
    const { site, job, source, checks, say } = stand
    await guestWrites(stand, 20)
    const { id } = await start(stand, { kind: 'live' })
    const up = await settled(stand, id)
    checks.equal('the target is up', up.state, 'deciding')
    say('--- the target writes')
    for (const volume of [...site.cloudstack.site.volumes.values()].filter(
      one => one.vm?.id === up.targetVmId,
    )) {
      const file = await open(site.cloudstack.volumePath(volume.id), 'r+')
      await file.write(Buffer.alloc(1_000_000, 0x5a), 0, 1_000_000, 2_000_000)
      await file.close()
    }
    say('--- roll back')
    checks.equal(
      'a wrong name is refused',
      await codeOf(site.failovers.rollBack(id, 'erp-db-02')),
      'FAILOVER_NAME_MISMATCH',
    )
    await site.failovers.rollBack(id, job.vmName)
    checks.equal('a commit meanwhile is refused', await codeOf(site.failovers.commit(id)), 'FAILOVER_STATE')
    await site.product.kill('oma')
    await site.product.start('oma')
    await site.answers()
    const back = await settled(stand, id)
    checks.equal('rolled back, over a killed OMA', [back.state, back.failure], ['rolled-back', null])
    checks.equal('the source is on', source.powerState, 'poweredOn')
    proveNeverBoth(stand, up.targetVmId)
    await proveNoRemains(stand)
    await guestWrites(stand, 10)
    const pass = await runPass(site.operator, job, say)
    checks.equal('the next pass compares', pass.syncType, 'compare')
    await proveCommitted(site, checks, job.vmName, pass)
    await proveNothingLeft(site, checks)
    return { steps: back.report.steps }
  },
}
