import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { NbdError } from '../../native/errors.js'
import { type ConnectTarget } from '../../native/types.js'
import { AppError } from '../errors.js'
import { startNbdkit } from '../nbdkit/server.js'
import { type StagingTools } from './exports.js'
import { serveOverlayAlone } from './overlay-server.js'

export interface EndsOptions {
  readonly socketDir: string
  readonly nbdkitPath: string
  readonly staging: StagingTools
  readonly startTimeoutMs: number
}

/** Serves what an overlay holds for as long as the work lasts. */
export async function withOverlay<T>(
  options: EndsOptions,
  path: string,
  work: (source: ConnectTarget) => Promise<T>,
): Promise<T> {
  const { staging, startTimeoutMs } = options
  const place = newPlace(options)
  const { qemuNbdPath } = staging
  const server = await serveOverlayAlone(
    { qemuNbdPath, socketPath: place.path, exportName: place.exportName, startTimeoutMs },
    path,
  )
  return work(place).finally(() => server.end())
}

/** The same with a device, to write to. */
export async function withDevice<T>(
  options: EndsOptions,
  devicePath: string,
  work: (target: ConnectTarget) => Promise<T>,
): Promise<T> {
  const { nbdkitPath, startTimeoutMs } = options
  const place = newPlace(options)
  const exported = [`exportname=${place.exportName}`, 'exportname-strict=true']
  const argv = ['--filter=exportname', 'file', devicePath, ...exported]
  const server = await startNbdkit({ nbdkitPath, socketPath: place.path, argv, startTimeoutMs })
  return work(place).finally(() => server.end())
}

function newPlace({ socketDir }: EndsOptions) {
  const exportName = randomBytes(16).toString('hex')
  return { kind: 'unix', path: join(socketDir, `${exportName}.sock`), exportName } as const
}

/** What libnbd says when the other side is gone, whatever was being asked of it. */
const lostConnection = new Set(['ESHUTDOWN', 'ENOTCONN', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'])

/** An NbdError in the operator's words, what was read being an overlay and what was written a device; anything else as it came. */
export function overlayError(path: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(cause instanceof NbdError)) return cause
  const attempt = `${path} at ${cause.offset}+${cause.length}: ${cause.errno}`
  // A server that was killed says nothing about what it served.
  if (cause.op === 'nbd_connect' || lostConnection.has(cause.errno))
    return new AppError('NBD_UNREACHABLE', attempt, cause)
  if (cause.side !== 'target') return new AppError('STAGING_INVALID', attempt, cause)
  if (cause.op === 'nbd_flush') return new AppError('TARGET_FLUSH_FAILED', attempt, cause)
  return new AppError(cause.errno === 'ENOSPC' ? 'TARGET_FULL' : 'TARGET_WRITE_FAILED', attempt, cause)
}
