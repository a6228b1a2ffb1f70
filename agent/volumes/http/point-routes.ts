import { type Static, Type } from 'typebox'
import { ErrorReply } from '../../api/schemas.js'
import {
  FenceQuery,
  LayerParams,
  OpenedReader,
  OpenReaderRequest,
  PointWorkReply,
  ReaderList,
  ReaderParams,
  RestoreRequest,
  SaveUndoRequest,
  SeqQuery,
  SerialOnly,
  UndoList,
} from '../../api/volumed-points.js'
import { fenceToken } from '../../domain/fence.js'
import { layerId, passId, pointId, volumeSerial, type VolumeSerial } from '../../domain/ids.js'
import { type apiServer } from '../../http-server/server.js'
import { type PointProgress } from '../point-work.js'
import { type PointService } from '../point-service.js'

const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** Undo and points of volumes: long work is asked for again until it has ended. */
export function pointRoutes(api: ReturnType<typeof apiServer>, service: PointService): void {
  api.put(
    '/v1/volumes/:serial/undo/:layer',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'saveUndo',
        params: LayerParams,
        body: SaveUndoRequest,
        response: replies(200, PointWorkReply),
      },
    },
    request => {
      const { what, seq, fenceToken: token } = request.body
      const overwritten =
        what.kind === 'pass'
          ? ({ kind: 'pass', pass: passId(what.pass) } as const)
          : ({ kind: 'point', ...placeOf(what) } as const)
      const { serial, layer } = request.params
      const name = { seq, layer: layerId(layer) }
      return viewOf(service.save(volumeSerial(serial), name, overwritten, fenceToken(BigInt(token))))
    },
  )
  api.put(
    '/v1/volumes/:serial/restores/:layer',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'restoreVolume',
        params: LayerParams,
        body: RestoreRequest,
        response: replies(200, PointWorkReply),
      },
    },
    request => {
      const { seq, kept, fenceToken: token, ...place } = request.body
      const { serial, layer } = request.params
      const name = { seq, layer: layerId(layer) }
      return viewOf(
        service.restore(volumeSerial(serial), name, placeOf(place), kept, fenceToken(BigInt(token))),
      )
    },
  )
  api.delete(
    '/v1/volumes/:serial/undo',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'forgetUndo',
        params: SerialOnly,
        querystring: FenceQuery,
        response: replies(204, Type.Null()),
      },
    },
    async (request, reply) => {
      await service.forget(serialOf(request.params), fenceToken(BigInt(request.query.fenceToken)))
      return reply.status(204).send(null)
    },
  )
  api.delete(
    '/v1/volumes/:serial/undo/:layer',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'removeUndo',
        params: LayerParams,
        querystring: SeqQuery,
        response: replies(204, Type.Null()),
      },
    },
    async (request, reply) => {
      const name = { seq: request.query.seq, layer: layerId(request.params.layer) }
      await service.volumes.remove(serialOf(request.params), name)
      return reply.status(204).send(null)
    },
  )
  api.get(
    '/v1/undo',
    { config: { caller: 'oma' }, schema: { operationId: 'listUndo', response: replies(200, UndoList) } },
    async () => {
      const { freeBytes, sealed } = await service.undo()
      return {
        freeBytes: freeBytes.toString(),
        layers: sealed.map(one => ({ ...one, bytes: one.bytes.toString() })),
      }
    },
  )
  readerRoutes(api, service)
}

function readerRoutes(api: ReturnType<typeof apiServer>, service: PointService): void {
  api.put(
    '/v1/point-exports/:exportId/:serial',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'openPoint',
        params: ReaderParams,
        body: OpenReaderRequest,
        response: replies(200, OpenedReader),
      },
    },
    async request => {
      const { point, leaseSeconds, ...place } = request.body
      const opened = await service.volumes.openReader(serialOf(request.params), {
        exportId: request.params.exportId,
        point: pointId(point),
        leaseMs: leaseSeconds * 1000,
        ...placeOf(place),
      })
      return { ...opened, leaseUntil: opened.leaseUntil.toISOString() }
    },
  )
  api.delete(
    '/v1/point-exports/:exportId/:serial',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'closePoint', params: ReaderParams, response: replies(204, Type.Null()) },
    },
    async (request, reply) => {
      await service.readers.close(request.params.exportId, serialOf(request.params))
      return reply.status(204).send(null)
    },
  )
  api.get(
    '/v1/point-exports',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'listPointExports', response: replies(200, ReaderList) },
    },
    () => ({
      items: service.readers.list().map(({ exportId, point, serial, leaseUntil }) => ({
        exportId,
        point,
        serial,
        leaseUntil: leaseUntil.toISOString(),
      })),
    }),
  )
}

const serialOf = ({ serial }: { readonly serial: string }): VolumeSerial => volumeSerial(serial)

const placeOf = (place: Pick<Static<typeof OpenReaderRequest>, 'position' | 'expected' | 'sizeBytes'>) => ({
  position: place.position,
  expected: place.expected.map(layerId),
  sizeBytes: BigInt(place.sizeBytes),
})

const viewOf = (progress: PointProgress): Static<typeof PointWorkReply> =>
  progress.kind === 'running' ? progress : { kind: 'done', bytes: progress.bytes.toString() }
