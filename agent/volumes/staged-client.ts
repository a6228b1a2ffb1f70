import { type Static } from 'typebox'
import { StagedWorkReply, StagingView } from '../api/volumed.js'
import { type FenceToken } from '../domain/fence.js'
import { passId, serialOfVolume, volumeSerial, type PassId, type VolumeId } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { type UnixCaller } from '../http-client/unix-caller.js'
import { type FoundOverlay } from './overlay-places.js'
import { type StagedOrder, type StagedProgress } from './staged-work.js'

/** Staged passes as the OMA sees them; calls reject as those of VolumedLink do. */
export interface StagedLink {
  /** Begins the work or tells how far it is; rejects once with what it failed with. */
  readonly advanceStaged: (
    volume: VolumeId,
    pass: PassId,
    order: StagedOrder,
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<StagedProgress>
  /** Absent is dropped. */
  readonly dropStaged: (
    volume: VolumeId,
    pass: PassId,
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<void>
  readonly staging: (
    signal: AbortSignal,
  ) => Promise<{ readonly freeBytes: Bytes; readonly overlays: readonly FoundOverlay[] }>
}

export function stagedLink(caller: UnixCaller, timeoutMs: number): StagedLink {
  const pathOf = (volume: VolumeId, pass: PassId): string => `/v1/staged/${serialOfVolume(volume)}/${pass}`
  return {
    advanceStaged: async (volume, pass, order, fence, signal) => {
      const body = { ...order, diskBytes: order.diskBytes.toString(), fenceToken: fence.toString() }
      const reply = await caller.call({ method: 'PUT', path: pathOf(volume, pass), body, timeoutMs }, signal)
      return progressOf(caller.understood(StagedWorkReply, reply, `the staged pass of volume ${volume}`))
    },
    dropStaged: async (volume, pass, fence, signal) => {
      const path = `${pathOf(volume, pass)}?fenceToken=${fence}`
      await caller.call({ method: 'DELETE', path, timeoutMs }, signal)
    },
    staging: async signal => {
      const reply = await caller.call({ method: 'GET', path: '/v1/staged', timeoutMs }, signal)
      const { freeBytes, overlays } = caller.understood(StagingView, reply, 'the staging space')
      return {
        freeBytes: BigInt(freeBytes),
        overlays: overlays.map(one => ({
          serial: volumeSerial(one.serial),
          pass: passId(one.passId),
          storedBytes: BigInt(one.storedBytes),
        })),
      }
    },
  }
}

function progressOf(reply: Static<typeof StagedWorkReply>): StagedProgress {
  switch (reply.kind) {
    case 'running': {
      const { doneBytes, totalBytes } = reply
      return {
        kind: 'running',
        doneBytes: BigInt(doneBytes),
        totalBytes: totalBytes === null ? null : BigInt(totalBytes),
      }
    }
    case 'sealed': {
      const { dataBytes, zeroBytes, ...rest } = reply.sealed
      return {
        kind: 'sealed',
        sealed: { dataBytes: BigInt(dataBytes), zeroBytes: BigInt(zeroBytes), ...rest },
      }
    }
    case 'applied':
    case 'checked':
      return reply
  }
}
