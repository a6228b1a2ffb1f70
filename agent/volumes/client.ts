import { OpenedExport } from '../api/volumed.js'
import { type FenceToken } from '../domain/fence.js'
import { serialOfVolume, type VolumeId } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { UnixCaller } from '../http-client/unix-caller.js'
import { type VolumeExport } from './exports.js'

/** The volume daemon as the OMA sees it. Every call rejects with VOLUMED_UNREACHABLE, VOLUMED_PROTOCOL or the daemon's own code. */
export interface VolumedLink {
  readonly open: (
    volume: VolumeId,
    minimumBytes: Bytes,
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<VolumeExport>
  readonly close: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
  /** Ends the connections; exports stay as they are. */
  readonly disconnect: () => Promise<void>
}

/** Long, because ending an export waits until the device has taken all it was given. */
const defaultReplyTimeoutMs = 300_000
const connections = 16

export function volumedLink(socketPath: string, replyTimeoutMs = defaultReplyTimeoutMs): VolumedLink {
  const caller = new UnixCaller({
    socketPath,
    connections,
    unreachable: 'VOLUMED_UNREACHABLE',
    misunderstood: 'VOLUMED_PROTOCOL',
  })
  const pathOf = (volume: VolumeId): string => `/v1/exports/${encodeURIComponent(serialOfVolume(volume))}`
  return {
    open: async (volume, minimumBytes, fence, signal) => {
      const request = { minimumBytes: minimumBytes.toString(), fenceToken: fence.toString() }
      const body = await caller.call(
        { method: 'PUT', path: pathOf(volume), body: request, timeoutMs: replyTimeoutMs },
        signal,
      )
      const opened = caller.understood(OpenedExport, body, `the export of volume ${volume}`)
      return { ...opened, sizeBytes: BigInt(opened.sizeBytes) }
    },
    close: async (volume, fence, signal) => {
      const path = `${pathOf(volume)}?fenceToken=${fence}`
      await caller.call({ method: 'DELETE', path, timeoutMs: replyTimeoutMs }, signal)
    },
    disconnect: () => caller.close(),
  }
}
