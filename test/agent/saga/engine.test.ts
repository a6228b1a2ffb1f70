import t from 'tap'
import { AppError } from '../../../agent/errors.js'
import { runSaga, type EngineOptions } from '../../../agent/saga/engine.js'
import { type SagaDefinition, type Step } from '../../../agent/saga/step.js'
import { MemorySagaLog, silent } from '../../lib/saga-harness.js'

/** Outside things, one per step: what `run` makes and `undo` removes. */
interface World {
  readonly made: Set<string>
  readonly calls: string[]
  failing: (call: string) => Error | undefined
}

const names = ['one', 'two', 'commit', 'three']

const step = (name: string): Step<World, null, string> => ({
  name,
  title: name,
  run: async world => {
    world.calls.push(`run ${name}`)
    world.made.add(name)
    const failure = world.failing(`run ${name}`)
    if (failure !== undefined) throw failure
    return `output of ${name}`
  },
  undo: async world => {
    world.calls.push(`undo ${name}`)
    const failure = world.failing(`undo ${name}`)
    if (failure !== undefined) throw failure
    world.made.delete(name)
  },
})

const definition: SagaDefinition<World, null> = {
  kind: 'trial',
  steps: names.map(step),
  commitStep: 'commit',
}
const newWorld = (): World => ({ made: new Set(), calls: [], failing: () => undefined })
const never = new AbortController().signal

async function run(
  log: MemorySagaLog,
  world: World,
  signals: { stop?: AbortSignal; cancel?: AbortSignal } = {},
) {
  const options: EngineOptions = {
    log,
    logger: silent,
    pause: () => Promise.resolve(),
    retryFirstMs: 1,
    retryMaxMs: 1,
    triesBeforeOperator: 3,
  }
  const held = await log.claim('saga')
  if (held === undefined) throw new Error('nothing to claim')
  return runSaga(options, definition, world, held, { stop: never, cancel: never, ...signals })
}

const once = (call: string, failure: Error) => {
  let done = false
  return (asked: string) => {
    if (asked !== call || done) return undefined
    done = true
    return failure
  }
}

const refusal = new AppError('TARGET_FULL', 'no room')

void t.test('runs every step once and keeps the outputs', async t => {
  const log = new MemorySagaLog('trial', null)
  const world = newWorld()
  t.same(await run(log, world), { kind: 'succeeded' })
  t.same(
    world.calls,
    names.map(name => `run ${name}`),
  )
  t.equal(log.state, 'done')
})

void t.test('a failure at each step before the commit undoes all of them, newest first', async t => {
  for (const [index, name] of ['one', 'two', 'commit'].entries()) {
    const log = new MemorySagaLog('trial', null)
    const world = newWorld()
    world.failing = call => (call === `run ${name}` ? refusal : undefined)
    t.match(await run(log, world), { kind: 'undone', failure: { code: 'TARGET_FULL' } }, name)
    t.equal(world.made.size, 0, `nothing is left of ${name}`)
    t.same(
      world.calls.filter(call => call.startsWith('undo')),
      names
        .slice(0, index + 1)
        .reverse()
        .map(made => `undo ${made}`),
    )
  }
})

void t.test('after the commit a step is tried again, never undone', async t => {
  const log = new MemorySagaLog('trial', null)
  const world = newWorld()
  world.failing = once('run three', new AppError('VSPHERE_UNREACHABLE', 'away'))
  t.same(await run(log, world), { kind: 'succeeded' })
  t.notOk(world.calls.some(call => call.startsWith('undo')))
})

void t.test('a crash at every write of the log is survived: each step again, the same end', async t => {
  const trial = async (fails: boolean): Promise<number> => {
    for (let crashAt = 0; ; crashAt += 1) {
      const log = new MemorySagaLog('trial', null)
      const world = newWorld()
      if (fails) world.failing = call => (call === 'run two' ? refusal : undefined)
      let writes = 0
      log.beforeWrite = () => {
        if (writes++ === crashAt) throw new AppError('STORE_UNAVAILABLE', 'killed')
      }
      const first = await run(log, world)
      if (first.kind !== 'left') return crashAt
      const second = await run(log, world)
      t.equal(second.kind, fails ? 'undone' : 'succeeded', `crash at write ${crashAt}`)
      t.equal(world.made.size, fails ? 0 : names.length)
      t.equal(log.state, 'done')
    }
  }
  t.ok((await trial(false)) >= 9)
  t.ok((await trial(true)) >= 8)
})

void t.test('an undo that fails waits for an operator and is taken up again', async t => {
  const log = new MemorySagaLog('trial', null)
  const world = newWorld()
  const broken = new AppError('VSPHERE_LOGIN_REFUSED', 'no')
  world.failing = call => (call === 'run two' || call === 'undo one' ? broken : undefined)
  t.match(await run(log, world), { kind: 'needs-operator', failure: { code: 'VSPHERE_LOGIN_REFUSED' } })
  t.equal(log.state, 'needs-operator')
  t.ok(world.made.has('one'))
  world.failing = () => undefined
  t.match(await run(log, world), { kind: 'undone', failure: { code: 'VSPHERE_LOGIN_REFUSED' } })
  t.equal(world.made.size, 0)
})

void t.test('stopping leaves the log alone, cancelling unwinds', async t => {
  const stop = new AbortController()
  const stopped = new MemorySagaLog('trial', null)
  const world = newWorld()
  world.failing = call => {
    if (call !== 'run two') return undefined
    stop.abort()
    return new Error('aborted')
  }
  t.equal((await run(stopped, world, { stop: stop.signal })).kind, 'left')
  t.same(stopped.events.at(-1), { kind: 'started', step: 'two', at: new Date(0) })
  t.equal((await run(stopped, newWorld())).kind, 'succeeded')

  const cancel = new AbortController()
  cancel.abort(new AppError('PASS_CANCELLED', 'by the operator'))
  const cancelled = new MemorySagaLog('trial', null)
  t.match(await run(cancelled, newWorld(), { cancel: cancel.signal }), {
    kind: 'undone',
    failure: { code: 'PASS_CANCELLED' },
  })
})

void t.test('an agent whose claim was taken over writes nothing more', async t => {
  const log = new MemorySagaLog('trial', null)
  const world = newWorld()
  world.failing = call => {
    if (call === 'run two') log.epoch += 1
    return undefined
  }
  t.equal((await run(log, world)).kind, 'left')
  t.same(log.events.at(-1)?.step, 'two')
  t.same(log.events.at(-1)?.kind, 'started')
})
