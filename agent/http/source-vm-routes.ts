import { Type } from 'typebox'
import {
  ComparisonQuery,
  HardwareComparison,
  HardwareVersionDetail,
  HardwareVersionList,
  VersionParam,
} from '../api/hardware.js'
import { PreflightView } from '../api/preflight.js'
import { ErrorReply, Id, SourceVmList } from '../api/schemas.js'
import {
  AddManagedVm,
  AddManagedVms,
  AddOutcomes,
  ManagedVmList,
  ManagedVmView,
  VmQuery,
} from '../api/source-vms.js'
import { type apiServer } from '../http-server/server.js'
import { RemovalPlan, RemovedVm, RemoveVm } from '../api/vm-removal.js'
import { type HardwareHistory, type ManagedVms, type Preflights, type Views, type VmRemoval } from './deps.js'

export interface SourceVmRoutesDeps {
  readonly views: Views
  readonly managed: ManagedVms
  readonly hardware: HardwareHistory
  readonly preflights: Preflights
  readonly removal: VmRemoval
  readonly onWork: () => void
}

const IdParam = Type.Object({ id: Id })
const replies = <T>(status: number, schema: T) => ({ [status]: schema, default: ErrorReply })

/** The inventory, and the VMs chosen from it. */
export function sourceVmRoutes(
  api: ReturnType<typeof apiServer>,
  { views, managed, hardware, preflights, removal, onWork }: SourceVmRoutesDeps,
) {
  api.get(
    '/v1/source-vms',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listSourceVms', querystring: VmQuery, response: replies(200, SourceVmList) },
    },
    request => views.sourceVms(request.query),
  )
  api.get(
    '/v1/managed-vms',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'listManagedVms', querystring: VmQuery, response: replies(200, ManagedVmList) },
    },
    request => views.managedVms(request.query),
  )
  api.post(
    '/v1/managed-vms',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'addManagedVm', body: AddManagedVm, response: replies(201, ManagedVmView) },
    },
    async (request, reply) => {
      const { sourceVmId } = request.body
      await managed.add(sourceVmId)
      return reply.status(201).send(await views.managedVm(sourceVmId))
    },
  )
  api.post(
    '/v1/managed-vms/bulk',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'addManagedVms', body: AddManagedVms, response: replies(200, AddOutcomes) },
    },
    async request => ({ items: await managed.addAll(request.body.sourceVmIds) }),
  )
  api.delete(
    '/v1/managed-vms/:id',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'removeManagedVm', params: IdParam, response: replies(204, Type.Null()) },
    },
    async (request, reply) => {
      await managed.remove(request.params.id)
      return reply.status(204).send(null)
    },
  )
  api.get(
    '/v1/managed-vms/:id/removal',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'planVmRemoval', params: IdParam, response: replies(200, RemovalPlan) },
    },
    request => removal.plan(request.params.id),
  )
  api.post(
    '/v1/managed-vms/:id/removal',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'removeVm',
        params: IdParam,
        body: RemoveVm,
        response: replies(200, RemovedVm),
      },
    },
    async request => {
      const removed = await removal.remove(request.params.id, request.body)
      onWork()
      return removed
    },
  )
  api.get(
    '/v1/source-vms/:id/hardware-versions',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'listHardwareVersions',
        params: IdParam,
        response: replies(200, HardwareVersionList),
      },
    },
    async request => ({ items: await hardware.versions(request.params.id) }),
  )
  api.get(
    '/v1/source-vms/:id/hardware-versions/:version',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'readHardwareVersion',
        params: VersionParam,
        response: replies(200, HardwareVersionDetail),
      },
    },
    request => hardware.version(request.params.id, request.params.version),
  )
  api.get(
    '/v1/source-vms/:id/hardware-comparison',
    {
      config: { caller: 'viewer' },
      schema: {
        operationId: 'compareHardware',
        params: IdParam,
        querystring: ComparisonQuery,
        response: replies(200, HardwareComparison),
      },
    },
    request => hardware.compare(request.params.id, request.query.from, request.query.to),
  )
  api.post(
    '/v1/source-vms/:id/preflight',
    {
      config: { caller: 'operator' },
      schema: { operationId: 'runPreflight', params: IdParam, response: replies(200, PreflightView) },
    },
    async request => {
      await preflights.run(request.params.id)
      return preflights.last(request.params.id)
    },
  )
  api.get(
    '/v1/source-vms/:id/preflight',
    {
      config: { caller: 'viewer' },
      schema: { operationId: 'readPreflight', params: IdParam, response: replies(200, PreflightView) },
    },
    request => preflights.last(request.params.id),
  )
}
