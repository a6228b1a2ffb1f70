import { OpenedReader, PointWorkReply, ReaderList, UndoList } from '../api/volumed-points.js'
import { type FenceToken } from '../domain/fence.js'
import {
  layerId,
  pointId,
  serialOfVolume,
  volumeSerial,
  type LayerId,
  type PassId,
  type PointId,
  type VolumeId,
  type VolumeSerial,
} from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { type UnixCaller } from '../http-client/unix-caller.js'
import { type PointPlace } from './point-volumes.js'
import { type LayerName } from './undo-layers.js'

export type PointWorkState = { readonly kind: 'running' } | { readonly kind: 'done'; readonly bytes: Bytes }

interface WritingName {
  readonly seq: number
  readonly id: LayerId
}

/** Undo and points as the OMA sees them; calls reject as those of VolumedLink do. */
export interface PointLink {
  readonly save: (
    volume: VolumeId,
    writing: WritingName,
    what: { readonly kind: 'pass'; readonly pass: PassId } | ({ readonly kind: 'point' } & PointPlace),
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<PointWorkState>
  readonly restore: (
    volume: VolumeId,
    writing: WritingName,
    place: PointPlace & { readonly kept: boolean },
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<PointWorkState>
  readonly forget: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
  readonly remove: (serial: VolumeSerial, layer: WritingName, signal: AbortSignal) => Promise<void>
  readonly undo: (signal: AbortSignal) => Promise<{
    readonly freeBytes: Bytes
    readonly layers: readonly (LayerName & { readonly volumeSerial: VolumeSerial; readonly bytes: Bytes })[]
  }>
  readonly open: (
    volume: VolumeId,
    order: PointPlace & {
      readonly exportId: string
      readonly pointId: PointId
      readonly leaseSeconds: number
    },
    signal: AbortSignal,
  ) => Promise<{ readonly socket: string; readonly exportName: string; readonly leaseUntil: Date }>
  readonly close: (serial: VolumeSerial, exportId: string, signal: AbortSignal) => Promise<void>
  readonly exports: (signal: AbortSignal) => Promise<
    readonly {
      readonly exportId: string
      readonly pointId: PointId
      readonly volumeSerial: VolumeSerial
      readonly leaseUntil: Date
    }[]
  >
}

export function pointLink(caller: UnixCaller, timeoutMs: number): PointLink {
  const call = (
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    signal: AbortSignal,
    body?: Readonly<Record<string, unknown>>,
  ) => caller.call({ method, path, timeoutMs, ...(body === undefined ? {} : { body }) }, signal)
  const work = async (path: string, body: Readonly<Record<string, unknown>>, signal: AbortSignal) => {
    const reply = caller.understood(PointWorkReply, await call('PUT', path, signal, body), 'work on a point')
    return reply.kind === 'running' ? reply : ({ kind: 'done', bytes: BigInt(reply.bytes) } as const)
  }
  const of = (volume: VolumeId): string => `/v1/volumes/${serialOfVolume(volume)}`
  return {
    save: (volume, { id, seq }, what, fence, signal) => {
      const overwritten = what.kind === 'pass' ? what : { kind: what.kind, ...textOf(what) }
      const body = { seq, fenceToken: fence.toString(), what: overwritten }
      return work(`${of(volume)}/undo/${id}`, body, signal)
    },
    restore: (volume, { id, seq }, { kept, ...place }, fence, signal) => {
      const body = { seq, fenceToken: fence.toString(), kept, ...textOf(place) }
      return work(`${of(volume)}/restores/${id}`, body, signal)
    },
    forget: async (volume, fence, signal) => {
      await call('DELETE', `${of(volume)}/undo?fenceToken=${fence}`, signal)
    },
    remove: async (serial, { id, seq }, signal) => {
      await call('DELETE', `/v1/volumes/${serial}/undo/${id}?seq=${seq}`, signal)
    },
    undo: async signal => {
      const list = caller.understood(UndoList, await call('GET', '/v1/undo', signal), 'the undo')
      return {
        freeBytes: BigInt(list.freeBytes),
        layers: list.layers.map(({ serial, seq, layer, bytes }) => ({
          volumeSerial: volumeSerial(serial),
          seq,
          layer: layerId(layer),
          bytes: BigInt(bytes),
        })),
      }
    },
    open: async (volume, { exportId, pointId: point, leaseSeconds, ...place }, signal) => {
      const path = `/v1/point-exports/${exportId}/${serialOfVolume(volume)}`
      const reply = await call('PUT', path, signal, { point, leaseSeconds, ...textOf(place) })
      const opened = caller.understood(OpenedReader, reply, `a point of volume ${volume}`)
      return { ...opened, leaseUntil: new Date(opened.leaseUntil) }
    },
    close: async (serial, exportId, signal) => {
      await call('DELETE', `/v1/point-exports/${exportId}/${serial}`, signal)
    },
    exports: async signal => {
      const list = caller.understood(
        ReaderList,
        await call('GET', '/v1/point-exports', signal),
        'open points',
      )
      return list.items.map(({ exportId, point, serial, leaseUntil }) => ({
        exportId,
        pointId: pointId(point),
        volumeSerial: volumeSerial(serial),
        leaseUntil: new Date(leaseUntil),
      }))
    },
  }
}

const textOf = ({ position, expected, sizeBytes }: PointPlace) => ({
  position,
  expected,
  sizeBytes: sizeBytes.toString(),
})
