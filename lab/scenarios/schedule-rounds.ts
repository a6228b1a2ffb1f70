import { type RoundDetailView } from '../../agent/api/rounds.js'
import { operatorLink } from '../site/operator.js'
import { LabSite } from '../site/site.js'
import { until } from '../site/until.js'
import { type VmSpec } from '../vcenter/options.js'
import { type Scenario } from './scenario.js'

const MIB = 1024n * 1024n
const limitMs = 240_000

const vms: readonly VmSpec[] = ['web', 'db', 'mail'].map(name => ({
  name,
  disks: [{ sizeBytes: 32n * MIB, content: [{ kind: 'random', offsetBytes: 0n, lengthBytes: 4n * MIB }] }],
}))

/** Schedules through the processes of the product: slots on its own clock, real passes, the OMA killed in between. */
export const scheduleRounds: Scenario = {
  name: 'schedule-rounds',
  title: 'a schedule fires a group of three VMs, two at a time, and goes on after the OMA was killed',
  run: async ({ dir, cleanup, say, checks }) => {
    const site = await LabSite.start({ dir, cleanup, say, vms, writer: null })
    const { schedules, close } = operatorLink(site.product.operatorSocket)
    cleanup.add('the operator of schedules', close)
    const group = await schedules.createGroup({ name: 'shop', maxConcurrent: 2 })
    for (const vm of vms) await schedules.putMember(group.id, (await site.createJob(vm.name)).id)
    const schedule = await schedules.createSchedule({
      name: 'often',
      groupId: group.id,
      cron: '*/20 * * * * *',
      timeZone: 'Europe/Berlin',
    })
    const ended = (scheduleId: string, count: number): Promise<readonly RoundDetailView[]> =>
      until(
        `${count} rounds end`,
        async () => {
          const { items } = await schedules.rounds({ scheduleId, limit: 200 })
          const done = items.filter(round => round.kind === 'fired' && isOver(round))
          return done.length < count ? undefined : Promise.all(done.map(round => schedules.round(round.id)))
        },
        limitMs,
      )
    await ended(schedule.id, 2)
    say('--- the OMA is killed')
    await site.product.kill('oma')
    await site.product.start('oma')
    await site.answers()
    const rounds = await ended(schedule.id, 4)
    await schedules.changeSchedule(schedule.id, { enabled: false })
    checks.equal('each slot fired once', new Set(rounds.map(round => round.slotAt)).size, rounds.length)
    const outcomes = new Set(rounds.flatMap(round => round.entries.map(outcomeOf)))
    const wanted = new Set(['committed', 'skipped already-running', 'skipped already-queued'])
    checks.that(
      'every VM of every round has its outcome',
      outcomes.has('committed') && [...outcomes].every(outcome => wanted.has(outcome)),
      [...outcomes].join(', '),
    )
    for (const job of await site.operator.jobs())
      checks.that(
        `${job.vmName} has a recovery point`,
        job.recoveryPointAt !== null,
        `${job.recoveryPointAt}`,
      )
    const scheduler = await schedules.scheduler()
    checks.that('the scheduler says when it looked', scheduler.lastTurnAt !== null, `${scheduler.lastTurnAt}`)
    return { rounds: rounds.length, outcomes: [...outcomes] }
  },
}

const isOver = ({ counts }: Pick<RoundDetailView, 'counts'>): boolean => counts.queued + counts.running === 0

const outcomeOf = ({ state, reason }: RoundDetailView['entries'][number]): string =>
  reason === null ? state : `${state} ${reason.code}`
