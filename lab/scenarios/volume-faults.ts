import { setTimeout as after } from 'node:timers/promises'
import { type FaultRule } from '../cloudstack/faults.js'
import { type SeededRandom } from '../site/random.js'
import { type LabSite } from '../site/site.js'

const changes = ['createVolume', 'createTags', 'attachVolume', 'detachVolume', 'deleteVolume'] as const
const jobs = ['createVolume', 'attachVolume', 'detachVolume'] as const
const calls = [...changes, 'listVolumes', 'queryAsyncJobResult', 'listVirtualMachines'] as const

/** Every way this CloudStack can misbehave once, of a command picked by the seed. */
const makers: readonly ((random: SeededRandom) => FaultRule)[] = [
  random => ({
    kind: 'fail-call',
    command: random.pick(calls),
    errorCode: 530,
    errorText: 'Internal error executing command',
    times: 1,
  }),
  random => ({
    kind: 'fail-job',
    command: random.pick(jobs),
    errorCode: 530,
    errorText: 'Failed on the host',
    times: 1,
  }),
  random => ({ kind: 'hang-call', command: random.pick(calls), after: random.next() < 0.5, times: 1 }),
  random => ({ kind: 'cut-connection', command: random.pick(calls), after: random.next() < 0.5, times: 1 }),
  random => ({
    kind: 'proxy-answer',
    command: random.pick(calls),
    status: random.pick([429, 502, 503, 200]),
    after: random.next() < 0.5,
    times: 1,
  }),
  random => ({
    kind: 'proxy-answer',
    command: random.pick(calls),
    status: 429,
    after: false,
    retryAfterSec: 1,
    times: 1,
  }),
  random => ({ kind: 'truncated-answer', command: random.pick(calls), times: 1 }),
  random => ({ kind: 'hold-job', command: random.pick(jobs), times: 1 }),
  random => ({ kind: 'late-effect', command: random.pick(jobs), times: 1 }),
  random => ({ kind: 'duplicate-job', command: random.pick(jobs), times: 1 }),
  () => ({ kind: 'stale-list', command: 'listVolumes', times: 1 }),
]

export interface Disturbed {
  /** How often each kind was armed. */
  readonly faults: Readonly<Record<string, number>>
  readonly killed: Readonly<Record<'oma' | 'volumed', number>>
}

/** Faults of CloudStack one after the other, and now and then a process of ours killed, until `stop` aborts. */
export async function disturb(site: LabSite, random: SeededRandom, stop: AbortSignal): Promise<Disturbed> {
  const faults: Record<string, number> = {}
  const killed = { oma: 0, volumed: 0 }
  const rest = async (delayMs: number): Promise<void> => {
    await after(delayMs, undefined, { signal: stop }).catch(() => undefined)
  }
  for (let turn = 1; !stop.aborted; turn += 1) {
    const rule = random.pick(makers)(random)
    faults[rule.kind] = (faults[rule.kind] ?? 0) + 1
    const release = site.cloudstack.faults.add(rule)
    await rest(100 + random.below(900))
    release()
    if (turn % turnsToKill !== 0) continue
    const role = random.pick(['oma', 'volumed'] as const)
    killed[role] += 1
    await site.product.kill(role)
    await rest(random.below(1000))
    await site.product.start(role)
  }
  return { faults, killed }
}

const turnsToKill = 25
