import { ErrorReply } from '../api/schemas.js'
import { OriginalReplication, OriginalStarted } from '../api/original.js'
import { type apiServer } from '../http-server/server.js'
import { type JobAdmin, type ManagedVms } from './deps.js'

export interface OriginalRoutesDeps {
  readonly managed: ManagedVms
  readonly admin: JobAdmin
  readonly onWork: () => void
}

/**
 * What scripts written for MigrateKit OSSEA call. With `start_replication: false` the VM is only added; with true it is
 * added and a pass of its job is started, which rejects with JOB_BUSY while one runs.
 */
export function originalRoutes(
  api: ReturnType<typeof apiServer>,
  { managed, admin, onWork }: OriginalRoutesDeps,
) {
  api.post(
    '/api/v1/replications',
    {
      config: { caller: 'operator' },
      schema: {
        operationId: 'originalReplication',
        body: OriginalReplication,
        response: { 200: OriginalStarted, default: ErrorReply },
      },
    },
    async request => {
      const sourceVmId = request.body.source_vm.id
      const added = await managed.add(sourceVmId)
      if (!request.body.start_replication) {
        const status = added === 'added' ? ('added' as const) : ('already-added' as const)
        return { status, context_id: sourceVmId, job_id: null, pass_id: null }
      }
      const jobId = (await admin.jobOfVm(sourceVmId)) ?? (await admin.createJob({ sourceVmId }))
      const { passId } = await admin.startPass(jobId, 'snapshot')
      onWork()
      return { status: 'replicating' as const, context_id: sourceVmId, job_id: jobId, pass_id: passId }
    },
  )
}
