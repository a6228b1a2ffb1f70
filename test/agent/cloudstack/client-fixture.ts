import { setTimeout as after } from 'node:timers/promises'
import { CloudstackApi, type CloudstackOptions } from '../../../agent/cloudstack/api.js'
import { Changes } from '../../../agent/cloudstack/changes.js'
import { type Timing } from '../../../agent/cloudstack/connection.js'
import { type ChangeEnd, type ChangeJournal, type JournalEntry } from '../../../agent/cloudstack/deps.js'
import { CloudstackVolumes } from '../../../agent/cloudstack/volumes.js'
import { Secret } from '../../../agent/log/secret.js'

/** Impatient: nothing here takes longer than a test may. */
export const quick: Timing = {
  timeoutMs: 1000,
  jobPollMs: 2,
  jobLimitMs: 400,
  readTries: 3,
  retryFirstMs: 1,
  settleMs: 20,
  lookMs: 5,
  breaker: { failuresToOpen: 20, openMs: 50, maxOpenMs: 100, refusedMs: 0 },
}

export const pause = async (delayMs: number, signal: AbortSignal): Promise<void> => {
  await after(delayMs, undefined, { signal }).catch(() => undefined)
}

export class MemoryJournal implements ChangeJournal {
  readonly entries = new Map<string, JournalEntry>()
  readonly ends: (readonly [string, ChangeEnd])[] = []
  /** Called before each write; a throw is a crash or an outage. */
  beforeWrite: (what: 'intend' | 'jobStarted' | 'ended', operation: string) => void = () => undefined

  unfinished = (operation: string) => Promise.resolve(this.entries.get(operation))
  intend = async (operation: string): Promise<void> => {
    this.beforeWrite('intend', operation)
    this.entries.set(operation, { state: 'intended' })
  }
  jobStarted = async (operation: string, jobId: string): Promise<void> => {
    this.beforeWrite('jobStarted', operation)
    this.entries.set(operation, { state: 'waiting', jobId })
  }
  ended = async (operation: string, end: ChangeEnd): Promise<void> => {
    this.beforeWrite('ended', operation)
    this.entries.delete(operation)
    this.ends.push([operation, end])
  }
}

export interface ServerFacts {
  readonly url: string
  readonly apiKey: string
  readonly secretKey: string
}

export const clientOf = (server: ServerFacts, more: Partial<CloudstackOptions> = {}): CloudstackApi =>
  new CloudstackApi({
    ...quick,
    endpoint: { url: server.url, thumbprintSha256: null },
    key: { apiKey: server.apiKey, secretKey: new Secret(server.secretKey) },
    signatureVersion: 3,
    now: () => new Date(),
    pause,
    ...more,
  })

export const installationId = '6d1f0d5e-0000-4000-8000-00000000000a'

export interface Place {
  readonly zoneId: string
  readonly applianceVmId: string
  readonly diskOfferingId: string
}

/** As one run of the agent has them; the journal outlives it. */
export function agentOf(api: CloudstackApi, place: Place, journal: ChangeJournal = new MemoryJournal()) {
  const changes = new Changes({ ...quick, api, journal, pause })
  return { changes, volumes: new CloudstackVolumes(api, changes, { ...place, installationId }) }
}
