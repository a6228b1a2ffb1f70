import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { startNbdkit } from '../nbdkit/server.js'
import { type DatastoreFile, type DiskReaders, type SourceVsphere } from './deps.js'

export interface FolderOptions {
  readonly vsphere: Pick<SourceVsphere, 'datastoreFile'>
  readonly nbdkitPath: string
  /** Where the sockets go; nobody else may enter it. */
  readonly socketDir: string
  readonly startTimeoutMs: number
  readonly logger: Logger
}

/**
 * Reads disks of VMs that are off over the server's HTTPS, without VDDK: nbdkit's curl plugin asks this process on a unix
 * socket, and this process asks the server, on connections to the confirmed certificate and in its own session. So nbdkit
 * gets neither a secret nor a way to the network. There is no map of what is allocated: everything is read.
 */
export function folderReaders(options: FolderOptions): DiskReaders {
  const { vsphere, nbdkitPath, socketDir, startTimeoutMs, logger } = options
  return {
    open: async (request, signal) => {
      if (request.snapshotMoref !== null)
        throw new AppError('VDDK_MISSING', `a snapshot of ${request.vmMoref} cannot be read`)
      const fileName = request.fileName.replace(/\.vmdk$/, '-flat.vmdk')
      const file = await vsphere.datastoreFile(request.vmMoref, fileName, signal)
      const stem = join(socketDir, randomBytes(8).toString('hex'))
      const gateway = await Gateway.start(`${stem}.http`, file, fileName, logger)
      try {
        const server = await startNbdkit({
          nbdkitPath,
          socketPath: `${stem}.sock`,
          argv: [
            '--readonly',
            'curl',
            `unix-socket-path=${stem}.http`,
            'protocols=http',
            'followlocation=false',
            'url=http://datastore/disk',
          ],
          startTimeoutMs,
        })
        return {
          socketPath: `${stem}.sock`,
          complaint: () => [gateway.complaint, server.complaint()].filter(text => text !== '').join('; '),
          close: async () => {
            await server.end()
            await gateway.close()
          },
        }
      } catch (error) {
        await gateway.close()
        throw error
      }
    },
  }
}

/** One file under one socket: its size, and ranges of it. */
class Gateway {
  readonly #path: string
  readonly #server: Server
  readonly #ending = new AbortController()
  #complaint = ''

  private constructor(path: string, server: Server) {
    this.#path = path
    this.#server = server
  }

  static async start(path: string, file: DatastoreFile, name: string, logger: Logger): Promise<Gateway> {
    const server = createServer()
    const gateway = new Gateway(path, server)
    server.on('request', (request, response) => {
      gateway.#answer(file, request, response).catch((error: unknown) => {
        if (!gateway.#ending.signal.aborted)
          logger.warn({ file: name, err: error }, 'a file could not be read')
        gateway.#complaint ||=
          error instanceof AppError ? error.message : 'an unexpected error; the log has it'
        response.destroy()
      })
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, resolve)
    })
    return gateway
  }

  /** Why the first range that failed did. */
  get complaint(): string {
    return this.#complaint
  }

  async close(): Promise<void> {
    this.#ending.abort()
    const closed = new Promise(resolve => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
    await rm(this.#path, { force: true })
  }

  async #answer(file: DatastoreFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = { 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream' }
    if (request.method === 'HEAD') {
      response.writeHead(200, { ...headers, 'content-length': file.sizeBytes.toString() }).end()
      return
    }
    const range = rangeOf(request.headers.range, file.sizeBytes)
    if (request.method !== 'GET' || range === undefined) {
      response.writeHead(416, { ...headers, 'content-length': '0' }).end()
      return
    }
    const { first, last } = range
    response.writeHead(206, {
      ...headers,
      'content-length': (last - first + 1n).toString(),
      'content-range': `bytes ${first}-${last}/${file.sizeBytes}`,
    })
    await pipeline(file.read(first, last - first + 1n, this.#ending.signal), response)
  }
}

interface Range {
  readonly first: bigint
  readonly last: bigint
}

/** As HTTP has it: a range that reaches beyond the file ends with it, and nbdkit 1.32 asks for one byte too many. */
function rangeOf(header: string | undefined, sizeBytes: bigint): Range | undefined {
  const match = /^bytes=(\d{1,20})-(\d{1,20})$/.exec(header ?? '')
  if (match === null) return undefined
  const [first, last] = [BigInt(match[1] ?? ''), BigInt(match[2] ?? '')]
  if (first > last || first >= sizeBytes) return undefined
  return { first, last: last < sizeBytes ? last : sizeBytes - 1n }
}
