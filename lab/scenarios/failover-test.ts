import { join } from 'node:path'
import { runPass } from '../site/passes.js'
import { until } from '../site/until.js'
import { proveCommitted } from './pass-evidence.js'
import {
  changingCalls,
  failoverStand,
  guestWrites,
  proveDisks,
  proveNoRemains,
  settled,
  start,
  type FailoverStand,
} from './failover-stand.js'
import { proveNothingLeft } from './leftovers.js'
import { type Scenario } from './scenario.js'

/** A test boots clones of the newest point beside a replication that goes on, and leaves nothing. */
export const failoverTest: Scenario = {
  name: 'failover-test',
  title: 'test failover of a VM with three disks on clones, while replication goes on',
  run: async context => {
    const stand = await failoverStand(context)
    const { site, job, checks, say } = stand
    await guestWrites(stand, 20)
    const pass = await runPass(site.operator, job, say)
    const point = (key: number) => join(site.archiveDir, `ossea-pass-${pass.id}`, `${key}.img`)
    await sharedNetworkIsRefused(stand)
    const explained = await site.failovers.explain(job.sourceVmId, { kind: 'test' })
    checks.equal(
      'nothing blocks the test',
      explained.findings.filter(({ severity }) => severity === 'blocker'),
      [],
    )
    await guestWrites(stand, 20)
    const from = site.cloudstack.calls.length
    const begun = await start(stand, { kind: 'test', keepMinutes: 60 })
    const again = await site.failovers.start(job.sourceVmId, { kind: 'test' })
    checks.equal('a second press is the same failover', again.id, begun.id)
    checks.equal(
      'an opposite one is refused',
      await codeOf(site.failovers.start(job.sourceVmId, { kind: 'live' })),
      'FAILOVER_BUSY',
    )
    const up = await settled(stand, begun.id)
    checks.equal('the test VM is up', [up.state, up.sagaState, up.failure], ['running', 'done', null])
    const planned = explained.plan?.steps.flatMap(({ calls }) => calls.map(({ command }) => command)) ?? []
    checks.equal('CloudStack got the calls that were explained', changingCalls(stand, from), planned)
    const target = up.targetVmId === null ? undefined : site.cloudstack.site.vms.get(up.targetVmId)
    checks.equal(
      'it is on the test network only',
      target?.nics.map(({ network }) => network.name),
      ['isolated'],
    )
    checks.equal(
      'it keeps the MAC address',
      target?.nics[0].macAddress,
      stand.source.identity.macAddress.toLowerCase(),
    )
    checks.equal(
      'it is as large as the source',
      [target?.deployment?.cpuNumber, target?.deployment?.memoryMib],
      [2, 1024],
    )
    await proveDisks(stand, 'the test VM', up.targetVmId, point)
    say('--- replication goes on beside the test')
    await proveCommitted(site, checks, job.vmName, await runPass(site.operator, job, say))
    await proveDisks(stand, 'after that pass', up.targetVmId, point)
    say('--- clean-up')
    await site.failovers.cleanUp(begun.id)
    const ended = await settled(stand, begun.id)
    checks.equal('cleaned up', [ended.state, ended.failure], ['cleaned-up', null])
    checks.that(
      'the report has the time to a running VM',
      (ended.report.secondsToUp ?? 0) > 0,
      String(ended.report.secondsToUp),
    )
    await proveNoRemains(stand)
    await testThatExpires(stand)
    await guestWrites(stand, 10)
    const last = await runPass(site.operator, job, say)
    checks.equal('the next pass is incremental', last.syncType, 'incremental')
    await proveCommitted(site, checks, job.vmName, last)
    await proveNothingLeft(site, checks)
    return { secondsToUp: ended.report.secondsToUp, steps: ended.report.steps }
  },
}

export const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'accepted',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
  )

/** Tests never get a network that anything uses live. */
async function sharedNetworkIsRefused({ site, job, checks }: FailoverStand): Promise<void> {
  const { network, isolatedNetwork } = site.cloudstack.ids
  const shared = site.failovers.mapNetworks(job.sourceVmId, [
    { nicKey: '4000', mode: 'test', networkId: network, mac: 'keep' },
    { nicKey: '4000', mode: 'live', networkId: network, mac: 'keep' },
  ])
  checks.equal('one network for test and live is refused', await codeOf(shared), 'FAILOVER_NETWORK_SHARED')
  const { items } = await site.failovers.networks(job.sourceVmId)
  checks.equal('the mapping is as it was', items[0]?.test?.networkId, isolatedNetwork)
}

/** Kept for a set time, then cleaned up without being asked. */
async function testThatExpires(stand: FailoverStand): Promise<void> {
  const { site, checks, say } = stand
  say('--- a test whose time is up')
  const { id } = await start(stand, { kind: 'test', keepMinutes: 1 })
  await settled(stand, id)
  await site.mariadb.query(`UPDATE ossea.failovers SET expires_at = '2020-01-01' WHERE id = '${id}'`)
  const ended = await until(
    'the test is cleaned up by itself',
    async () => {
      const seen = await site.failovers.failover(id)
      return seen.state === 'cleaned-up' ? seen : undefined
    },
    120_000,
  )
  checks.equal('a test whose time is up is cleaned up', ended.state, 'cleaned-up')
  await proveNoRemains(stand)
}
