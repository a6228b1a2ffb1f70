import type { ConsoleClient } from './console-client.js'
import { AppError } from '../agent/errors.js'
import type { Action, DeedOutcome, Event } from './event.js'
import { awayReason, failureFromError, silent } from './failure.js'
import type { PageClient, Read } from './page.js'
import type { Deed, PartRequest, State } from './state.js'
import { update } from './update.js'

export interface RunnerDeps {
  readonly client: ConsoleClient
  /** For pages: their looks take longer than a poll may. */
  readonly pageClient: PageClient
  readonly nowMs: () => number
  /** Draws the newest state; called once for a burst of events. */
  readonly draw: (state: State, wipe: boolean) => void
  readonly quit: () => void
  /** An error that is nobody's fault but ours. The console ends. */
  readonly crash: (error: unknown) => void
}

export interface Runner {
  dispatch(event: Event): void
  /** Gives up all requests under way. */
  stop(): void
}

/** Feeds events to `update` one after the other, carries out its actions, and draws what came of them. */
export function startRunner(deps: RunnerDeps, start: State): Runner {
  let state = start
  let drawing = false
  let wipe = false
  const stopping = new AbortController()

  const dispatch = (event: Event): void => {
    if (stopping.signal.aborted) return
    const step = update(state, event)
    state = step.state
    for (const action of step.actions) perform(action)
    scheduleDraw()
  }

  const scheduleDraw = (): void => {
    if (drawing) return
    drawing = true
    setImmediate(() => {
      drawing = false
      if (stopping.signal.aborted) return
      const all = wipe
      wipe = false
      deps.draw(state, all)
    })
  }

  const perform = (action: Action): void => {
    switch (action.kind) {
      case 'poll':
        settle(poll(deps, action.number, action.parts, stopping.signal))
        return
      case 'ask':
        settle(ask(deps, action.read, stopping.signal))
        return
      case 'do':
        settle(carryOut(deps, action.deed))
        return
      case 'redraw':
        wipe = true
        return
      case 'quit':
        deps.quit()
    }
  }

  const settle = (work: Promise<Event>): void => {
    work.then(dispatch).catch((error: unknown) => {
      if (!stopping.signal.aborted) deps.crash(error)
    })
  }

  scheduleDraw()
  settle(loadFeatures())
  return { dispatch, stop: () => stopping.abort() }
}

async function poll(
  deps: RunnerDeps,
  number: number,
  parts: readonly PartRequest[],
  signal: AbortSignal,
): Promise<Event> {
  // The contract is ten times as long to load as the first screen: that is drawn first.
  const { readPart } = await import('./reading.js')
  try {
    const replies = await Promise.all(parts.map(part => readPart(deps.client, part, signal)))
    return { kind: 'polled', number, nowMs: deps.nowMs(), parts: replies }
  } catch (error) {
    const reason = awayReason(error)
    if (reason === null) throw error
    return { kind: 'agent-away', number, nowMs: deps.nowMs(), reason }
  }
}

/** All pages, loaded while the first screen is looked at. */
async function loadFeatures(): Promise<Event> {
  const { features } = await import('./pages/registry.js')
  return { kind: 'features', features }
}

/** One reading of a page. Silence is a failure of this reading alone. */
async function ask(deps: RunnerDeps, read: Read, signal: AbortSignal): Promise<Event> {
  const { readChecked } = await import('./reading.js')
  const { key } = read
  try {
    const reading = await readChecked(read.what, read.schema, () => read.ask(deps.pageClient, signal))
    return { kind: 'asked', key, nowMs: deps.nowMs(), reading }
  } catch (error) {
    const reason = awayReason(error)
    if (reason === null) throw error
    return {
      kind: 'asked',
      key,
      nowMs: deps.nowMs(),
      reading: { ok: false, failure: silent(read.what, reason) },
    }
  }
}

async function carryOut(deps: RunnerDeps, deed: Deed): Promise<Event> {
  const outcome = await outcomeOf(deps, deed)
  return { kind: 'deed-ended', nowMs: deps.nowMs(), deed, outcome }
}

async function outcomeOf({ client, pageClient }: RunnerDeps, deed: Deed): Promise<DeedOutcome> {
  try {
    switch (deed.kind) {
      case 'task':
        return { kind: 'next', next: await deed.task.run(pageClient) }
      case 'start-replication':
        return { kind: 'job-created', jobId: (await client.createJob({ sourceVmId: deed.vmId })).id }
      case 'start-pass':
        await client.startPass(deed.jobId)
        return { kind: 'done' }
      case 'cancel-pass':
        await client.cancelPass(deed.passId)
        return { kind: 'done' }
      case 'hold-back':
        await holdBack(client, deed)
        return { kind: 'done' }
    }
  } catch (error) {
    if (error instanceof AppError) return { kind: 'refused', failure: failureFromError(error) }
    const reason = awayReason(error)
    if (reason === null) throw error
    return { kind: 'unknown', reason }
  }
}

async function holdBack(
  client: ConsoleClient,
  { jobId, what, isOn }: Extract<Deed, { kind: 'hold-back' }>,
): Promise<void> {
  if (what === 'pause') await (isOn ? client.pauseJob(jobId) : client.resumeJob(jobId))
  else await (isOn ? client.stopJob(jobId) : client.allowPasses(jobId))
}
