import type { Action, Step } from './event.js'
import type { Part } from './part.js'
import { shownJob, shownPassId, type PartName, type PartRequest, type State } from './state.js'

export const busyIntervalMs = 1000
export const idleIntervalMs = 5000
/** The inventory changes slowly and can be thousands of VMs long: read each 5 s it would cost 2 % of a processor. */
const inventoryIntervalMs = 30_000
/** Ticks are this far apart: a poll may come so much early. */
const tickMs = 1000
const missedPollsUntilStale = 3
const longestRetryMs = 10_000

const running = (state: State): boolean =>
  state.deed !== null || (state.data.jobs.value?.some(job => job.currentPass !== null) ?? false)

export const pollIntervalMs = (state: State): number => (running(state) ? busyIntervalMs : idleIntervalMs)

/** What the screen needs, newest knowledge of ids used. */
export function wantedParts(state: State): readonly PartRequest[] {
  const wanted: PartRequest[] = [
    { name: 'status', key: '' },
    { name: 'jobs', key: '' },
  ]
  const { okMs, failure } = state.data.vms
  const { inventoryWanted } = state.polling
  if (
    inventoryWanted ||
    okMs === null ||
    failure !== null ||
    state.nowMs - okMs >= inventoryIntervalMs - tickMs
  ) {
    wanted.push({ name: 'vms', key: '' })
  }
  const jobId = state.screen.kind === 'job' ? state.screen.jobId : shownJob(state)?.id
  if (jobId !== undefined) wanted.push({ name: 'job', key: jobId })
  if (state.screen.kind === 'job') wanted.push({ name: 'passes', key: state.screen.jobId })
  const passId = shownPassId(state)
  if (passId !== null) wanted.push({ name: 'pass', key: passId })
  return wanted
}

const answered = (part: Part<unknown>, key: string): boolean =>
  part.key === key && (part.okMs !== null || part.failure !== null)

/** True while something the screen is about has never been asked for: then the next poll starts at once. */
export const lacksSomething = (state: State): boolean =>
  wantedParts(state).some(({ name, key }) => !answered(state.data[name], key))

/** Starts a poll when one is due and none is under way; a silent agent cannot pile them up. */
export function pollWhenDue(state: State): Step {
  const due = state.polling.nextAtMs <= state.nowMs
  if (!due || state.polling.inFlight !== null) return { state, actions: [] }
  const number = state.polling.lastNumber + 1
  const poll: Action = { kind: 'poll', number, parts: wantedParts(state) }
  return {
    state: {
      ...state,
      polling: { ...state.polling, inFlight: number, lastNumber: number, inventoryWanted: false },
    },
    actions: [poll],
  }
}

/** Makes the next poll due now; while the agent is away it also ends the waiting. */
export const pollSoon = (state: State): State => ({
  ...state,
  polling: { ...state.polling, nextAtMs: state.nowMs },
})

/** How long to wait after the `attempts`-th failure in a row: 1, 2, 4, 8, then 10 s. */
export const retryDelayMs = (attempts: number): number =>
  Math.min(longestRetryMs, busyIntervalMs * 2 ** Math.max(0, attempts - 1))

/** How old a part is once it missed three polls; null while it is fresh, or was never there. */
export function staleSeconds(state: State, name: PartName): number | null {
  const { okMs } = state.data[name]
  if (okMs === null) return null
  const interval = name === 'vms' ? inventoryIntervalMs + pollIntervalMs(state) : pollIntervalMs(state)
  const age = state.nowMs - okMs
  return age > missedPollsUntilStale * interval ? Math.floor(age / 1000) : null
}

/** The worst of what the screen shows. */
export function screenStaleSeconds(state: State): number | null {
  const names: PartName[] = ['status', 'jobs', 'vms']
  const ages = names.map(name => staleSeconds(state, name)).filter(age => age !== null)
  return ages.length === 0 ? null : Math.max(...ages)
}
