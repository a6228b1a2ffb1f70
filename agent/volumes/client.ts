import { DeviceList, ExportList, NamesReportView, OpenedExport, VolumedHealth } from '../api/volumed.js'
import { fenceToken, type FenceToken } from '../domain/fence.js'
import { serialOfVolume, volumeSerial, type PassId, type VolumeId, type VolumeSerial } from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { UnixCaller } from '../http-client/unix-caller.js'
import { type VolumeExport } from './exports.js'
import { type AttachedDevice } from './name-keeper.js'
import { stagedLink, type StagedLink } from './staged-client.js'

/** The volume daemon as the OMA sees it. Every call rejects with VOLUMED_UNREACHABLE, VOLUMED_PROTOCOL or the daemon's own code. */
export interface VolumedLink extends StagedLink {
  readonly open: (
    volume: VolumeId,
    minimumBytes: Bytes,
    fence: FenceToken,
    signal: AbortSignal,
    staged?: PassId,
  ) => Promise<VolumeExport>
  readonly close: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
  /** Volumes attached to this machine, proven at that moment, and what could not be proven. */
  readonly devices: (signal: AbortSignal) => Promise<{
    readonly items: readonly AttachedDevice[]
    readonly doubts: readonly { readonly serial: VolumeSerial; readonly why: string }[]
  }>
  readonly exports: (
    signal: AbortSignal,
  ) => Promise<
    readonly { readonly serial: VolumeSerial; readonly sizeBytes: Bytes; readonly fence: FenceToken }[]
  >
  readonly health: (signal: AbortSignal) => Promise<VolumedHealth>
  readonly mendNames: (signal: AbortSignal) => Promise<NamesReportView>
  /** Ends the connections; exports stay as they are. */
  readonly disconnect: () => Promise<void>
}

/** Long, because ending an export waits until the device has taken all it was given. */
const defaultReplyTimeoutMs = 300_000
const connections = 16

export function volumedLink(socketPath: string, timeoutMs = defaultReplyTimeoutMs): VolumedLink {
  const caller = new UnixCaller({
    socketPath,
    connections,
    unreachable: 'VOLUMED_UNREACHABLE',
    misunderstood: 'VOLUMED_PROTOCOL',
  })
  const pathOf = (volume: VolumeId): string => `/v1/exports/${encodeURIComponent(serialOfVolume(volume))}`
  const get = (path: string, signal: AbortSignal) => caller.call({ method: 'GET', path, timeoutMs }, signal)
  return {
    ...stagedLink(caller, timeoutMs),
    open: async (volume, minimumBytes, fence, signal, staged) => {
      const request = {
        minimumBytes: minimumBytes.toString(),
        fenceToken: fence.toString(),
        ...(staged === undefined ? {} : { stagedPassId: staged }),
      }
      const body = await caller.call(
        { method: 'PUT', path: pathOf(volume), body: request, timeoutMs },
        signal,
      )
      const opened = caller.understood(OpenedExport, body, `the export of volume ${volume}`)
      return { ...opened, sizeBytes: BigInt(opened.sizeBytes) }
    },
    close: async (volume, fence, signal) => {
      const path = `${pathOf(volume)}?fenceToken=${fence}`
      await caller.call({ method: 'DELETE', path, timeoutMs }, signal)
    },
    devices: async signal => {
      const list = caller.understood(DeviceList, await get('/v1/devices', signal), 'the devices')
      return {
        items: list.items.map(one => ({
          ...one,
          serial: volumeSerial(one.serial),
          sizeBytes: BigInt(one.sizeBytes),
        })),
        doubts: list.doubts.map(({ serial, why }) => ({ serial: volumeSerial(serial), why })),
      }
    },
    exports: async signal => {
      const list = caller.understood(ExportList, await get('/v1/exports', signal), 'the exports')
      return list.items.map(one => ({
        serial: volumeSerial(one.serial),
        sizeBytes: BigInt(one.sizeBytes),
        fence: fenceToken(BigInt(one.fenceToken)),
      }))
    },
    health: async signal => caller.understood(VolumedHealth, await get('/v1/health', signal), 'the health'),
    mendNames: async signal => {
      const body = await caller.call({ method: 'POST', path: '/v1/name-repairs', timeoutMs }, signal)
      return caller.understood(NamesReportView, body, 'the repair of the names')
    },
    disconnect: () => caller.close(),
  }
}
