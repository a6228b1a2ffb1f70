import { setTimeout as after } from 'node:timers/promises'
import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { SagaRunner, sagaKind } from '../../../agent/saga/runner.js'
import { type SagaDefinition } from '../../../agent/saga/step.js'
import { MemorySagaLog, silent } from '../../lib/saga-harness.js'
import { until } from '../../lib/until.js'

const pause = async (delayMs: number, signal: AbortSignal): Promise<void> => {
  await after(delayMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

interface World {
  runs: number
  readonly work: (signal: AbortSignal) => Promise<void>
  readonly undo: () => Promise<void>
}

const definition: SagaDefinition<World, null> = {
  kind: 'trial',
  commitStep: 'last',
  steps: [
    {
      name: 'work',
      title: 'work',
      run: async (world, { signal }) => {
        world.runs += 1
        await world.work(signal)
        return null
      },
      undo: world => world.undo(),
    },
    { name: 'last', title: 'last', run: () => Promise.resolve(null) },
  ],
}

function runnerOf(log: MemorySagaLog, world: World, parkedRetryMs = 60_000): SagaRunner {
  return new SagaRunner({
    log,
    logger: silent,
    pause,
    retryFirstMs: 1,
    retryMaxMs: 1,
    triesBeforeOperator: 2,
    kinds: [sagaKind(definition, world)],
    sweepMs: 20,
    parkedRetryMs,
    leaseMs: 60_000,
    now: () => performance.now(),
  })
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
  })
const fine = (): Promise<void> => Promise.resolve()

void t.test('what the database lists is run, once', async t => {
  const log = new MemorySagaLog('trial', null)
  const world: World = { runs: 0, work: fine, undo: fine }
  const runner = runnerOf(log, world)
  runner.start()
  await until('the saga is done', () => log.state === 'done')
  await runner.stop()
  t.equal(world.runs, 1)
})

void t.test('a stop leaves the work to the next start', async t => {
  const log = new MemorySagaLog('trial', null)
  const first: World = { runs: 0, work: untilAborted, undo: fine }
  const runner = runnerOf(log, first)
  runner.start()
  await until('the step runs', () => first.runs === 1)
  await runner.stop()
  t.equal(log.state, 'running')
  t.equal(log.events.at(-1)?.kind, 'started')
  const second: World = { runs: 0, work: fine, undo: fine }
  const next = runnerOf(log, second)
  next.start()
  await until('the saga is done', () => log.state === 'done')
  await next.stop()
  t.equal(second.runs, 1)
})

void t.test('a cancel ends the running step and undoes it', async t => {
  const log = new MemorySagaLog('trial', null)
  let undone = 0
  const world: World = { runs: 0, work: untilAborted, undo: async () => void (undone += 1) }
  const runner = runnerOf(log, world)
  runner.start()
  await until('the step runs', () => world.runs === 1)
  runner.cancel('saga')
  await until('the saga is done', () => log.state === 'done')
  await runner.stop()
  t.equal(undone, 1)
})

void t.test('an outage of the database leaves the saga, and the next sweep takes it up', async t => {
  const log = new MemorySagaLog('trial', null)
  let away = true
  log.beforeWrite = () => {
    if (away) throw new AppError('STORE_UNAVAILABLE', 'away')
  }
  const world: World = { runs: 0, work: fine, undo: fine }
  const runner = runnerOf(log, world)
  runner.start()
  await until('the saga was tried twice', () => log.epoch >= 2)
  t.equal(world.runs, 0)
  away = false
  await until('the saga is done', () => log.state === 'done')
  await runner.stop()
  t.equal(world.runs, 1)
})

void t.test('a saga that waits for an operator is tried again by itself', async t => {
  const log = new MemorySagaLog('trial', null)
  let broken = true
  const world: World = {
    runs: 0,
    work: () => Promise.reject(new AppError('TARGET_FULL', 'no room')),
    undo: async () => {
      if (broken) throw new AppError('VSPHERE_LOGIN_REFUSED', 'no')
    },
  }
  const runner = runnerOf(log, world, 30)
  runner.start()
  await until('it waits for an operator', () => log.state === 'needs-operator')
  broken = false
  await until('the saga is done', () => log.state === 'done')
  await runner.stop()
  t.equal(world.runs, 1, 'the failed step itself was not run again')
})
