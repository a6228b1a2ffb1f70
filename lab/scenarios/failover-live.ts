import { join } from 'node:path'
import { runPass } from '../site/passes.js'
import { until } from '../site/until.js'
import { archiveDisk } from '../vcenter/archive.js'
import {
  changingCalls,
  failoverStand,
  guestWrites,
  proveDisks,
  proveNeverBoth,
  proveNoRemains,
  settled,
  start,
  type FailoverStand,
} from './failover-stand.js'
import { codeOf } from './failover-test.js'
import { type Scenario } from './scenario.js'

/** The source goes down only when the target is prepared, and comes back whatever goes wrong before the window opens. */
export const failoverLive: Scenario = {
  name: 'failover-live',
  title:
    'live failover of a VM with three disks: a guest that hangs, a cloud that fails, and one that succeeds',
  run: async context => {
    const stand = await failoverStand(context)
    await hangingGuest(stand)
    await failingCloud(stand)
    await cancelled(stand)
    const report = await succeeds(stand)
    return { downtimeSeconds: report.downtimeSeconds, secondsToUp: report.secondsToUp, steps: report.steps }
  },
}

/** A guest that goes down after it was given up is switched on again. */
async function hangingGuest(stand: FailoverStand): Promise<void> {
  const { site, source, checks, say } = stand
  say('--- a guest that does not shut down in time')
  const release = site.vcenter.faults.add({
    kind: 'hold-task',
    descriptionId: 'VirtualMachine.shutdownGuest',
  })
  const { id } = await start(stand, { kind: 'live', shutdownSeconds: 2 })
  await until(
    'the failover gives up',
    async () => ((await site.failovers.failover(id)).sagaState === 'unwinding' ? true : undefined),
    120_000,
  )
  release()
  const ended = await settled(stand, id)
  checks.equal(
    'a guest that hangs ends the failover',
    [ended.state, ended.failure?.code],
    ['failed', 'SOURCE_SHUTDOWN_HANGS'],
  )
  checks.equal('the source is on', source.powerState, 'poweredOn')
  await proveNoRemains(stand)
}

/** CloudStack fails after the source went down. */
async function failingCloud(stand: FailoverStand): Promise<void> {
  const { site, job, source, checks, say } = stand
  say('--- CloudStack cannot start the target')
  await guestWrites(stand, 10)
  site.cloudstack.faults.add({
    kind: 'fail-job',
    command: 'startVirtualMachine',
    errorCode: 533,
    errorText: 'Unable to create a deployment for VM',
    times: 1,
  })
  const { id } = await start(stand, { kind: 'live' })
  const ended = await settled(stand, id)
  checks.equal(
    'a target that does not start ends the failover',
    [ended.state, ended.sagaState, ended.failure?.code],
    ['failed', 'done', 'CLOUDSTACK_NO_CAPACITY'],
  )
  checks.equal('the source is on again', source.powerState, 'poweredOn')
  proveNeverBoth(stand, ended.targetVmId)
  await proveNoRemains(stand)
  const pass = await runPass(site.operator, job, say)
  checks.equal(
    'the next pass compares, copies nothing whole',
    [pass.state, pass.syncType],
    ['applied', 'compare'],
  )
}

async function cancelled(stand: FailoverStand): Promise<void> {
  const { site, source, checks, say } = stand
  say('--- cancelled while the source is off')
  const release = site.cloudstack.faults.add({ kind: 'hold-job', command: 'attachVolume', times: 1 })
  const { id } = await start(stand, { kind: 'live' })
  await until(
    'the source is off',
    () => Promise.resolve(source.powerState === 'poweredOff' || undefined),
    120_000,
  )
  await site.failovers.cancel(id)
  release()
  const ended = await settled(stand, id)
  checks.equal(
    'a cancelled failover is undone',
    [ended.state, ended.failure?.code],
    ['failed', 'PASS_CANCELLED'],
  )
  checks.equal('the source is on', source.powerState, 'poweredOn')
  await proveNoRemains(stand)
}

async function succeeds(stand: FailoverStand) {
  const { site, job, source, checks, say } = stand
  say('--- a live failover that succeeds')
  await guestWrites(stand, 40)
  const explained = await site.failovers.explain(job.sourceVmId, { kind: 'live' })
  checks.that(
    'the downtime is told before',
    (explained.plan?.downtimeSeconds ?? 0) > 0,
    String(explained.plan?.downtimeSeconds),
  )
  const from = site.cloudstack.calls.length
  const { id } = await start(stand, { kind: 'live' })
  const up = await settled(stand, id)
  checks.equal('the target is up and waits', [up.state, up.actions], ['deciding', ['commit', 'roll-back']])
  const planned = explained.plan?.steps
    .flatMap(({ calls }) => calls)
    .filter(({ system }) => system === 'cloudstack')
  checks.equal(
    'CloudStack got the calls that were explained',
    changingCalls(stand, from),
    planned?.map(({ command }) => command),
  )
  checks.equal('the source is off', source.powerState, 'poweredOff')
  proveNeverBoth(stand, up.targetVmId)
  const images = join(site.dir, 'last')
  for (const disk of source.disks) await archiveDisk(disk, images)
  await proveDisks(stand, 'the target', up.targetVmId, key => join(images, `${key}.img`))
  checks.equal('no pass runs meanwhile', await codeOf(site.operator.startPass(job.id)), 'JOB_BUSY')
  say('--- commit')
  await site.vcenter.admin.setPower(source, 'poweredOn')
  await site.failovers.commit(id)
  const refused = await settled(stand, id)
  checks.equal(
    'with both on nothing is committed',
    [refused.state, refused.failure?.code],
    ['deciding', 'FAILOVER_SPLIT_BRAIN'],
  )
  await site.vcenter.admin.setPower(source, 'poweredOff')
  await site.failovers.commit(id)
  const done = await settled(stand, id)
  checks.equal('committed', [done.state, done.failure, done.actions], ['committed', null, []])
  const target = up.targetVmId === null ? undefined : site.cloudstack.site.vms.get(up.targetVmId)
  checks.equal(
    'the target has the name of the source and runs',
    [target?.displayName, target?.state],
    [job.vmName, 'Running'],
  )
  checks.equal(
    'it is on the live network',
    target?.nics.map(({ network }) => network.name),
    ['production'],
  )
  checks.equal(
    'no pass writes to it any more',
    await codeOf(site.operator.startPass(job.id)),
    'FAILOVER_COMMITTED',
  )
  checks.equal('nothing takes it for an orphan', (await site.volumes.sync()).findings, [])
  return done.report
}
