import { Type } from 'typebox'
import { ErrorReply } from '../../api/schemas.js'
import {
  CloseExportQuery,
  DeviceList,
  ExportList,
  NamesReportView,
  OpenedExport,
  OpenExportRequest,
  SerialParam,
  VolumedHealth,
} from '../../api/volumed.js'
import { fenceToken } from '../../domain/fence.js'
import { passId, volumeSerial } from '../../domain/ids.js'
import { apiServer } from '../../http-server/server.js'
import { type Logger } from '../../log/logger.js'
import { type VolumeExports } from '../exports.js'
import { type NameKeeper } from '../name-keeper.js'
import { type StagedVolumes } from '../staged-work.js'
import { type PointService } from '../point-service.js'
import { pointRoutes } from './point-routes.js'
import { stagedRoutes } from './staged-routes.js'

const bodyLimitBytes = 16_384

export interface VolumedParts {
  readonly exports: VolumeExports
  readonly staged: StagedVolumes
  readonly points: PointService
  readonly names: NameKeeper
}

/** What the OMA asks of the volume daemon. Who may connect is decided by the socket's access rights. Not yet listening. */
export function volumedApi({ exports, staged, points, names }: VolumedParts, logger: Logger) {
  const api = apiServer(logger, bodyLimitBytes)
  stagedRoutes(api, staged)
  pointRoutes(api, points)
  api.put(
    '/v1/exports/:serial',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'openExport',
        params: SerialParam,
        body: OpenExportRequest,
        response: { 200: OpenedExport, default: ErrorReply },
      },
    },
    async request => {
      const { minimumBytes, fenceToken: token, stagedPassId } = request.body
      const opened = await exports.open(
        volumeSerial(request.params.serial),
        BigInt(minimumBytes),
        fenceToken(BigInt(token)),
        stagedPassId === undefined ? undefined : passId(stagedPassId),
      )
      return { ...opened, sizeBytes: opened.sizeBytes.toString() }
    },
  )
  api.delete(
    '/v1/exports/:serial',
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'closeExport',
        params: SerialParam,
        querystring: CloseExportQuery,
        response: { 204: Type.Null(), default: ErrorReply },
      },
    },
    async (request, reply) => {
      await exports.close(volumeSerial(request.params.serial), fenceToken(BigInt(request.query.fenceToken)))
      return reply.status(204).send(null)
    },
  )
  api.get(
    '/v1/exports',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'listExports', response: { 200: ExportList, default: ErrorReply } },
    },
    () => ({
      items: exports.list().map(({ serial, sizeBytes, fence }) => ({
        serial,
        sizeBytes: sizeBytes.toString(),
        fenceToken: fence.toString(),
      })),
    }),
  )
  api.get(
    '/v1/health',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'health', response: { 200: VolumedHealth, default: ErrorReply } },
    },
    () => ({ openExports: exports.list().length, ...exports.counts }),
  )
  api.get(
    '/v1/devices',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'listDevices', response: { 200: DeviceList, default: ErrorReply } },
    },
    async () => {
      const { devices, doubts } = await names.devices()
      return {
        items: devices.map(device => ({ ...device, sizeBytes: device.sizeBytes.toString() })),
        doubts: [...doubts],
      }
    },
  )
  api.post(
    '/v1/name-repairs',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'mendNames', response: { 200: NamesReportView, default: ErrorReply } },
    },
    async () => {
      const { made, repaired, dropped, doubts } = await names.mend()
      return { made: [...made], repaired: [...repaired], dropped: [...dropped], doubts: [...doubts] }
    },
  )
  return api
}
