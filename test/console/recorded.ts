import { type PartReply, type Step } from '../../console/event.js'
import { wantedParts } from '../../console/polling.js'
import { initialState, type PartRequest, type State } from '../../console/state.js'
import { tiers, type Tier } from '../../console/tier.js'
import { update } from '../../console/update.js'
import { okStatus, type Site } from './fake-agent.js'
import { fillSite, siteNowMs } from './sites.js'

export const emptySite = (): Site => ({
  status: okStatus(() => siteNowMs),
  vms: [],
  jobs: [],
  passes: [],
  refuse: null,
  failReads: null,
  requests: [],
})

export function recordedSite(): Site {
  const site = emptySite()
  fillSite(site, siteNowMs)
  return site
}

/** What the agent of `site` would answer. */
function replyOf(site: Site, { name, key }: PartRequest): PartReply {
  switch (name) {
    case 'status':
      return { name, key, reading: { ok: true, value: site.status() } }
    case 'vms':
      return { name, key, reading: { ok: true, value: site.vms } }
    case 'jobs':
      return { name, key, reading: { ok: true, value: site.jobs } }
    case 'job':
      return { name, key, reading: { ok: true, value: site.jobs.find(job => job.id === key)! } }
    case 'passes':
      return { name, key, reading: { ok: true, value: site.passes.filter(pass => pass.jobId === key) } }
    case 'pass':
      return { name, key, reading: { ok: true, value: site.passes.find(pass => pass.id === key)! } }
  }
}

export const startState = (nowMs = siteNowMs, tier: Tier = 'rich'): State =>
  initialState({ cols: 80, rows: 24, tier, tiersOffered: tiers, hostName: 'oma-01', nowMs })

/** Answers the poll under way from `site`, and those that follow from it at once. */
export function answered(state: State, site: Site, nowMs = state.nowMs): State {
  let now = state
  for (let round = 0; round < 5; round += 1) {
    const number = now.polling.inFlight
    if (number === null) return now
    const parts = wantedParts(now).map(part => replyOf(site, part))
    now = update(now, { kind: 'polled', number, nowMs, parts }).state
  }
  throw new Error('the console polls without end')
}

/** A console that has read `site` once. */
export function homeOf(site: Site, tier: Tier = 'rich'): State {
  const addresses = [{ interfaceName: 'ens3', address: '192.0.2.10' }]
  const state = update(startState(siteNowMs, tier), { kind: 'addresses', addresses }).state
  return answered(update(state, { kind: 'tick', nowMs: siteNowMs }).state, site)
}

/** The same, on the list of VMs. */
export const openedOn = (site: Site, tier: Tier = 'rich'): State => pressed(homeOf(site, tier), site, '2')

/** Presses keys one after the other; polls that they start are answered from `site`. */
export function pressed(state: State, site: Site | null, ...keys: readonly string[]): State {
  return keys.reduce((now, each) => {
    const next = update(now, { kind: 'key', key: each }).state
    return site === null ? next : answered(next, site)
  }, state)
}

export const pressStep = (state: State, each: string): Step => update(state, { kind: 'key', key: each })
