import { Type } from 'typebox'
import { ErrorReply, Id } from '../api/schemas.js'
import {
  CloudVolumeList,
  CloudVolumeView,
  DeviceNameParam,
  FindingParam,
  LocalDeviceView,
  LocalExportList,
  RequestVolumeOperation,
  VolumeFindingList,
  VolumeHealthView,
  VolumeMetricsView,
  VolumeOperationList,
  VolumeOperationQuery,
  VolumeOperationView,
  VolumeParam,
  VolumeStatusView,
  VolumeSyncView,
} from '../api/volumes.js'
import { targetVmId, volumeId } from '../domain/ids.js'
import { type apiServer } from '../http-server/server.js'
import { type VolumeRequest } from '../volume-controller/operation.js'
import { hangUp } from './hang-up.js'
import { type VolumeControl } from './volume-deps.js'

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** Operations on volumes, and volumes as they are. A caller that hangs up ends a look, never an operation. */
export function volumeRoutes(
  api: ReturnType<typeof apiServer>,
  { admin, views, looks, orphans }: VolumeControl,
  onWork: () => void,
): void {
  api.post(
    '/v1/volume-operations',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'requestVolumeOperation',
        body: RequestVolumeOperation,
        response: replies(202, VolumeOperationView),
      },
    },
    async (request, reply) => {
      const { id } = await admin.request(request.body.idempotencyKey, requestFrom(request.body))
      onWork()
      return reply.status(202).send(await views.operation(id))
    },
  )
  api.get(
    '/v1/volume-operations',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'listVolumeOperations',
        querystring: VolumeOperationQuery,
        response: replies(200, VolumeOperationList),
      },
    },
    async request => ({ items: await views.operations(request.query) }),
  )
  api.get(
    '/v1/volume-operations/:id',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'readVolumeOperation',
        params: IdParam,
        response: replies(200, VolumeOperationView),
      },
    },
    request => views.operation(request.params.id),
  )
  api.get(
    '/v1/volumes/:id',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readVolume', params: VolumeParam, response: replies(200, VolumeStatusView) },
    },
    (request, reply) => looks.status(request.params.id, hangUp(reply.raw)),
  )
  api.get(
    '/v1/volumes/:id/device',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'readVolumeDevice',
        params: VolumeParam,
        response: replies(200, LocalDeviceView),
      },
    },
    (request, reply) => looks.device(request.params.id, hangUp(reply.raw)),
  )
  api.get(
    '/v1/devices/:name/volume',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'readDeviceVolume',
        params: DeviceNameParam,
        response: replies(200, CloudVolumeView),
      },
    },
    (request, reply) => looks.ofDevice(request.params.name, hangUp(reply.raw)),
  )
  api.get(
    '/v1/target-vms/:id/volumes',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'listTargetVmVolumes',
        params: VolumeParam,
        response: replies(200, CloudVolumeList),
      },
    },
    async (request, reply) => ({ items: await looks.ofVm(request.params.id, hangUp(reply.raw)) }),
  )
  api.get(
    '/v1/exports',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listVolumeExports', response: replies(200, LocalExportList) },
    },
    async (_request, reply) => ({ items: await looks.exports(hangUp(reply.raw)) }),
  )
  api.get(
    '/v1/volume-findings',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listVolumeFindings', response: replies(200, VolumeFindingList) },
    },
    async () => ({ items: await orphans.findings() }),
  )
  api.post(
    '/v1/volume-findings/:kind/:subject/removal',
    {
      config: { caller: 'admin' },
      schema: {
        operationId: 'removeVolumeFinding',
        params: FindingParam,
        response: replies(202, VolumeOperationView),
      },
    },
    async (request, reply) => {
      const { id } = await orphans.remove(request.params.kind, request.params.subject, hangUp(reply.raw))
      onWork()
      return reply.status(202).send(await views.operation(id))
    },
  )
  api.post(
    '/v1/volume-sync',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'syncVolumes', response: replies(200, VolumeSyncView) },
    },
    (_request, reply) => orphans.sync(hangUp(reply.raw)),
  )
  api.get(
    '/v1/volume-health',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readVolumeHealth', response: replies(200, VolumeHealthView) },
    },
    (_request, reply) => looks.health(hangUp(reply.raw)),
  )
  api.get(
    '/v1/volume-metrics',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readVolumeMetrics', response: replies(200, VolumeMetricsView) },
    },
    () => views.metrics(),
  )
}

function requestFrom(body: RequestVolumeOperation): VolumeRequest {
  switch (body.kind) {
    case 'create':
      return { kind: 'create', label: body.label ?? null, sizeBytes: BigInt(body.sizeBytes) }
    case 'attach':
    case 'detach': {
      const vm = body.vmId === undefined || body.vmId === null ? null : targetVmId(body.vmId)
      return { kind: body.kind, volumeId: volumeId(body.volumeId), vmId: vm }
    }
    case 'attach-root':
    case 'clean-up':
      return { kind: body.kind, volumeId: volumeId(body.volumeId), vmId: targetVmId(body.vmId) }
    case 'delete':
    case 'revoke':
      return { kind: body.kind, volumeId: volumeId(body.volumeId) }
  }
}
