import { Type } from 'typebox'
import { ErrorReply } from '../../api/schemas.js'
import {
  CloseExportQuery,
  OverlayParams,
  StagedWorkReply,
  StagedWorkRequest,
  StagingView,
} from '../../api/volumed.js'
import { fenceToken } from '../../domain/fence.js'
import { passId, volumeSerial } from '../../domain/ids.js'
import { type apiServer } from '../../http-server/server.js'
import { type StagedProgress, type StagedVolumes } from '../staged-work.js'

/** Overlays of staged passes: long work is asked for again until it has ended. */
export function stagedRoutes(api: ReturnType<typeof apiServer>, staged: StagedVolumes): void {
  const path = '/v1/staged/:serial/:passId'
  const nameOf = (params: { readonly serial: string; readonly passId: string }) => ({
    serial: volumeSerial(params.serial),
    pass: passId(params.passId),
  })
  api.put(
    path,
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'advanceStaged',
        params: OverlayParams,
        body: StagedWorkRequest,
        response: { 200: StagedWorkReply, default: ErrorReply },
      },
    },
    async request => {
      const { fenceToken: token, diskBytes, ...rest } = request.body
      const order = { ...rest, diskBytes: BigInt(diskBytes) }
      return viewOf(await staged.advance(nameOf(request.params), order, fenceToken(BigInt(token))))
    },
  )
  api.delete(
    path,
    {
      config: { caller: 'oma' },
      schema: {
        operationId: 'dropStaged',
        params: OverlayParams,
        querystring: CloseExportQuery,
        response: { 204: Type.Null(), default: ErrorReply },
      },
    },
    async (request, reply) => {
      await staged.drop(nameOf(request.params), fenceToken(BigInt(request.query.fenceToken)))
      return reply.status(204).send(null)
    },
  )
  api.get(
    '/v1/staged',
    {
      config: { caller: 'oma' },
      schema: { operationId: 'listStaged', response: { 200: StagingView, default: ErrorReply } },
    },
    async () => {
      const { freeBytes, overlays } = await staged.space()
      return {
        freeBytes: freeBytes.toString(),
        overlays: overlays.map(({ serial, pass, storedBytes }) => ({
          serial,
          passId: pass,
          storedBytes: storedBytes.toString(),
        })),
      }
    },
  )
}

function viewOf(progress: StagedProgress) {
  switch (progress.kind) {
    case 'running':
      return {
        kind: progress.kind,
        doneBytes: progress.doneBytes.toString(),
        totalBytes: progress.totalBytes?.toString() ?? null,
      }
    case 'sealed': {
      const { dataBytes, zeroBytes, ...rest } = progress.sealed
      const sealed = { dataBytes: dataBytes.toString(), zeroBytes: zeroBytes.toString(), ...rest }
      return { kind: progress.kind, sealed }
    }
    case 'applied':
    case 'checked':
      return progress
  }
}
