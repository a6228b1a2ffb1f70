import { setTimeout as after } from 'node:timers/promises'
import { type Test } from 'tap'
import { type SimulatorOptions } from '../../../lab/vcenter/options.js'
import { type VcenterSimulator } from '../../../lab/vcenter/simulator.js'
import { type SourceVsphere } from '../../../agent/source/deps.js'
import { AppError, type ErrorCode } from '../../../agent/errors.js'
import { openVsphere, type Vsphere, type VsphereOptions } from '../../../agent/vsphere/vsphere.js'
import { startSimulator } from '../../lab/vcenter-fixture.js'

export const { signal } = new AbortController()

/** Short times, so that a lost answer costs a test nothing. */
export const quick = {
  connectTimeoutMs: 2_000,
  requestTimeoutMs: 5_000,
  retryDelayMs: 1,
  taskPollMs: 5,
  taskWaitSeconds: 2,
  settleMs: 5,
} as const

export const pause = async (delayMs: number, stop: AbortSignal): Promise<void> => {
  await after(delayMs, undefined, { signal: stop }).catch((error: unknown) => {
    if (!stop.aborted) throw error
  })
}

export interface Recorded {
  readonly lines: string[]
  readonly logger: VsphereOptions['logger']
}

/** Keeps what would be logged, with the causes of errors. */
export function recorder(): Recorded {
  const lines: string[] = []
  const keep = (fields: object, message: string): void => {
    const text = Object.entries(fields).map(([name, value]) => `${name}=${printed(value)}`)
    lines.push(`${message} ${text.join(' ')}`)
  }
  return { lines, logger: { debug: keep, info: keep, warn: keep, error: keep, fatal: keep } }
}

/** An error with its fields, stack and causes, as far as a log could print it. */
export const printed = (value: unknown): string =>
  value instanceof Error
    ? `${value.stack ?? ''} ${JSON.stringify(value)} ${printed(value.cause)}`
    : typeof value === 'string'
      ? value
      : JSON.stringify(value)

/** A client of the simulator; the source worker's interface is what it has to be. */
export function clientOf(
  t: Test,
  simulator: VcenterSimulator,
  options: Partial<VsphereOptions> = {},
): SourceVsphere & Vsphere {
  const client = openVsphere({
    url: simulator.url,
    thumbprintSha256: simulator.thumbprintSha256,
    credentials: async () => ({ user: simulator.user, password: simulator.password }),
    logger: recorder().logger,
    pause,
    ...quick,
    ...options,
  })
  t.teardown(() => client.close())
  return client
}

export async function startSite(
  t: Test,
  options: Partial<SimulatorOptions> = {},
  client: Partial<VsphereOptions> = {},
) {
  const simulator = await startSimulator(t, options)
  return { simulator, client: clientOf(t, simulator, client) }
}

/** The error's message, once its code was compared. */
export async function refused(t: Test, code: ErrorCode, promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof AppError)) {
    t.fail(`expected ${code}, got ${printed(error)}`)
    return ''
  }
  t.equal(error.code, code, error.message)
  return error.message
}

export const callsOf = (simulator: VcenterSimulator, method: string): number =>
  simulator.calls.filter(call => call.method === method).length
