import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { AppError } from '../../../agent/errors.js'
import { pause } from '../../../agent/roles/clock.js'
import { SagaClaimLost, type SagaLog } from '../../../agent/saga/log.js'
import { SagaRunner, sagaKind } from '../../../agent/saga/runner.js'
import { type SagaDefinition } from '../../../agent/saga/step.js'
import { migrate, type Database } from '../../../agent/store/database.js'
import { sagaLog } from '../../../agent/store/saga-log.js'
import { startMariadb } from '../../lib/mariadb.js'
import { silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

/** Agents whose clocks are years apart. */
const clocks = [() => new Date('2001-01-01T00:00:00Z'), () => new Date('2040-01-01T00:00:00Z')] as const

/** The only unfinished one. */
async function newSaga(db: Database): Promise<string> {
  await db('sagas').update({ state: 'done' })
  const id = randomUUID()
  const created = { created_at: new Date(), epoch: 0, next_seq: 0, cancel_requested: false }
  await db('sagas').insert({ id, kind: 'trial', input: '{}', state: 'running', ...created })
  return id
}

const agentsOf = (db: Database, leaseMs: number) => ({
  first: sagaLog(db, clocks[0], { agent: 'first', leaseMs }),
  second: sagaLog(db, clocks[1], { agent: 'second', leaseMs }),
})

interface World {
  /** Steps that run at this moment, and the most that ever did. */
  running: number
  most: number
  ended: number
  readonly work: (signal: AbortSignal) => Promise<void>
}

const trial: SagaDefinition<World, null> = {
  kind: 'trial',
  commitStep: 'work',
  steps: [
    {
      name: 'work',
      title: 'work',
      run: async (world, { signal }) => {
        world.running += 1
        world.most = Math.max(world.most, world.running)
        try {
          await world.work(signal)
          world.ended += 1
          return null
        } finally {
          world.running -= 1
        }
      },
    },
  ],
}

function startRunner(t: Test, log: SagaLog, world: World, leaseMs: number): SagaRunner {
  const runner = new SagaRunner({
    log,
    logger: silent,
    pause,
    retryFirstMs: 1,
    retryMaxMs: 1,
    triesBeforeOperator: 2,
    kinds: [sagaKind(trial, world)],
    sweepMs: 20,
    parkedRetryMs: 60_000,
    leaseMs,
    now: () => performance.now(),
  })
  t.teardown(() => runner.stop())
  runner.start()
  return runner
}

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const abort = (): void => reject(new Error('aborted'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
  })

void t.test('claims', async t => {
  const { db } = await startMariadb(t)
  await migrate(db)
  const stateOf = async (id: string): Promise<unknown> =>
    (await db<{ id: string; state: string }>('sagas').where({ id }).first())?.state

  await t.test('a lease keeps others away until it lapses, and then its holder', async t => {
    const { first, second } = agentsOf(db, 300)
    const id = await newSaga(db)
    const held = await first.claim(id)
    t.equal(await second.claim(id), undefined)
    t.notOk((await second.unfinished()).some(saga => saga.id === id))
    t.ok((await first.unfinished()).some(saga => saga.id === id))
    await until('the lease lapses', async () => (await second.unfinished()).some(saga => saga.id === id))
    const taken = await second.claim(id)
    t.equal(taken?.claim.epoch, held!.claim.epoch + 1)
    await t.rejects(first.append(held!.claim, { kind: 'started', step: 'work' }, 'running'), SagaClaimLost)
    await t.rejects(first.setState(held!.claim, 'done'), SagaClaimLost)
    await t.rejects(first.renew(held!.claim), SagaClaimLost)
    await first.release(held!.claim, 0)
    t.equal(await first.claim(id), undefined, 'what is lost is not released')
  })

  await t.test('a lease that is renewed does not lapse', async t => {
    const { first, second } = agentsOf(db, 300)
    const id = await newSaga(db)
    const held = await first.claim(id)
    const end = performance.now() + 700
    await until('its first time is over twice', async () => {
      await first.renew(held!.claim)
      t.equal(await second.claim(id), undefined)
      return performance.now() > end
    })
  })

  await t.test(
    'what is released can be claimed at once, or after its delay, or when it is freed',
    async t => {
      const { first, second } = agentsOf(db, 60_000)
      const id = await newSaga(db)
      const held = await first.claim(id)
      await first.release(held!.claim, 0)
      const taken = await second.claim(id)
      t.ok(taken)
      await second.setState(taken!.claim, 'needs-operator')
      await second.release(taken!.claim, 60_000)
      t.equal(await first.claim(id), undefined)
      await first.free(id)
      t.ok(await first.claim(id))
      await second.free(await newSaga(db))
    },
  )

  await t.test('of many at once one gets it', async t => {
    const id = await newSaga(db)
    const claimers = Array.from({ length: 50 }, (_, n) =>
      sagaLog(db, clocks[n % 2 === 0 ? 0 : 1], { agent: `agent-${n}`, leaseMs: 60_000 }),
    )
    const got = await Promise.all(claimers.map(log => log.claim(id)))
    t.equal(got.filter(held => held !== undefined).length, 1)
  })

  await t.test('one that cannot renew stops its step before another begins it', async t => {
    const leaseMs = 400
    const { first, second } = agentsOf(db, leaseMs)
    const id = await newSaga(db)
    let isAway = false
    const away: SagaLog = {
      ...first,
      renew: claim =>
        isAway ? Promise.reject(new AppError('STORE_UNAVAILABLE', 'away')) : first.renew(claim),
      claim: saga => (isAway ? Promise.reject(new AppError('STORE_UNAVAILABLE', 'away')) : first.claim(saga)),
    }
    let isStuck = true
    const world: World = {
      running: 0,
      most: 0,
      ended: 0,
      work: signal => (isStuck ? untilAborted(signal) : Promise.resolve()),
    }
    startRunner(t, away, world, leaseMs)
    await until('the first runs it', () => world.running === 1)
    startRunner(t, second, world, leaseMs)
    isAway = true
    await until('the first has stopped', () => world.running === 0)
    isStuck = false
    await until('the second has ended it', async () => (await stateOf(id)) === 'done')
    t.same([world.most, world.ended], [1, 1])
  })

  await t.test('a renewal that hangs counts as none', async t => {
    const leaseMs = 300
    const { first } = agentsOf(db, leaseMs)
    await newSaga(db)
    const hanging: SagaLog = { ...first, renew: () => new Promise(() => undefined) }
    const world: World = { running: 0, most: 0, ended: 0, work: untilAborted }
    const runner = startRunner(t, hanging, world, leaseMs)
    await until('it runs', () => world.running === 1)
    await until('it is stopped', () => world.running === 0)
    await runner.stop()
  })

  await t.test('a stop hands over at once, and a cancel reaches whoever runs it', async t => {
    const { first, second } = agentsOf(db, 60_000)
    const id = await newSaga(db)
    const world: World = { running: 0, most: 0, ended: 0, work: untilAborted }
    const runner = startRunner(t, first, world, 60_000)
    await until('the first runs it', () => world.running === 1)
    await runner.stop()
    startRunner(t, second, world, 300)
    await until('the second runs it', () => world.running === 1)
    await db('sagas').where({ id }).update({ cancel_requested: true })
    await until('it was cancelled', async () => (await stateOf(id)) === 'done')
    t.equal(world.ended, 0)
  })
})
