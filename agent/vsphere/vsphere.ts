import { AppError } from '../errors.js'
import { type SourceVsphere } from '../source/deps.js'
import { changedAreas } from './changed-areas.js'
import { datastoreFile } from './datastore-file.js'
import { datastoresOf, freeSpace } from './datastores.js'
import { readHardware } from './hardware.js'
import { listVms } from './inventory.js'
import { describeVm, enableChangeTracking } from './machines.js'
import { powerOf, setPower, shutDownGuest } from './power.js'
import { preflightFacts } from './preflight-facts.js'
import { readObject } from './properties.js'
import { VimSession, type SessionOptions } from './session.js'
import { Snapshots } from './snapshots.js'
import { Tasks } from './tasks.js'

export type VsphereOptions = Pick<
  SessionOptions,
  'url' | 'thumbprintSha256' | 'credentials' | 'logger' | 'pause'
> &
  Partial<VsphereTimes>

export interface VsphereTimes {
  readonly connectTimeoutMs: number
  /** From the first byte of a request to the last of its answer. */
  readonly requestTimeoutMs: number
  /** Before a call that changes nothing is made again on a new connection. */
  readonly retryDelayMs: number
  readonly taskPollMs: number
  /** How long vCenter may hold an answer back while a task goes on. */
  readonly taskWaitSeconds: number
  /** How long a call whose answer was lost may take to show its effect. */
  readonly settleMs: number
}

const usualTimes: VsphereTimes = {
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  retryDelayMs: 500,
  taskPollMs: 1_000,
  taskWaitSeconds: 20,
  settleMs: 3_000,
}

/** How many tasks of others one of ours gives way to; each is waited for to its end. */
const maxBusyRounds = 20

/** One vCenter or ESXi host, as the VMA uses it. */
export interface Vsphere extends SourceVsphere {
  /** Logs out. Call it last. */
  readonly close: () => Promise<void>
}

/** Connects and logs in when it is first needed. Throws CONFIG_INVALID for an address or thumbprint of another form. */
export function openVsphere(options: VsphereOptions): Vsphere {
  const times = { ...usualTimes, ...options }
  const { logger, pause } = options
  const session = new VimSession(times)
  const tasks = new Tasks(session, {
    pause,
    pollMs: times.taskPollMs,
    waitSeconds: times.taskWaitSeconds,
    maxBusyRounds,
  })
  const snapshots = new Snapshots({ session, tasks, logger, pause, settleMs: times.settleMs })
  return {
    checkConnection: async signal => {
      const { rootFolder } = await session.content(signal)
      await readObject(session, rootFolder, ['name'], signal)
    },
    thumbprintSha1: async signal => {
      if (session.thumbprintSha1 === undefined) await session.content(signal)
      const thumbprint = session.thumbprintSha1
      if (thumbprint === undefined) throw new AppError('INTERNAL_BUG', 'a session without a certificate')
      return thumbprint
    },
    listVms: signal => listVms(session, logger, signal),
    describeVm: (vm, signal) => describeVm(session, vm, signal),
    enableChangeTracking: (moref, signal) => enableChangeTracking(session, tasks, moref, signal),
    createSnapshot: (request, signal) => snapshots.create(request, signal),
    findSnapshot: (moref, name, signal) => snapshots.find(moref, name, signal),
    disturbance: (moref, name, signal) => snapshots.disturbance(moref, name, signal),
    removeSnapshot: (request, signal) => snapshots.remove(request, signal),
    freeSpace: async (vm, signal) => {
      const { disks } = await describeVm(session, vm, signal)
      return Promise.all(datastoresOf(disks).map(one => freeSpace(session, one, signal)))
    },
    datastoreFile: (moref, fileName, signal) => datastoreFile(session, moref, fileName, signal),
    power: (vm, signal) => powerOf(session, vm, signal),
    shutDownGuest: (moref, signal) => shutDownGuest(session, moref, signal),
    powerOff: (moref, signal) => setPower(session, tasks, moref, 'off', signal),
    powerOn: (moref, signal) => setPower(session, tasks, moref, 'on', signal),
    readHardware: (moref, snapshotMoref, signal) => readHardware(session, moref, snapshotMoref, signal),
    preflightFacts: (vm, signal) => preflightFacts(session, vm, signal),
    changedAreas: (query, signal) => changedAreas(session, query, signal),
    close: () => session.close(),
  }
}
