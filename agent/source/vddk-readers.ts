import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { startNbdkit } from '../nbdkit/server.js'
import { type DiskReaders, type SourceVsphere } from './deps.js'

export interface VddkOptions {
  readonly nbdkitPath: string
  /** `vddk`, or the plugin's path. */
  readonly plugin: string
  /** Holds lib64/libvixDiskLib.so. */
  readonly libraryDir: string
  /** Of vCenter or the ESXi host. */
  readonly host: string
  readonly port: number
  readonly credentials: () => Promise<{ readonly user: string; readonly password: string }>
  readonly thumbprintSha1: SourceVsphere['thumbprintSha1']
  /** Where the sockets go; nobody else may enter it. */
  readonly socketDir: string
  readonly startTimeoutMs: number
}

/**
 * One nbdkit with the VDDK plugin for each open disk (nbdkit-vddk-plugin(1)): VDDK brings libraries of its own, so it never
 * shares a process with anything of ours. The password goes through a pipe, never through arguments, environment or a file.
 */
export function vddkReaders(options: VddkOptions): DiskReaders {
  return {
    open: async (request, signal) => {
      const { user, password } = await options.credentials()
      const thumbprint = await options.thumbprintSha1(signal)
      const socketPath = join(options.socketDir, `${randomBytes(8).toString('hex')}.sock`)
      const server = await startNbdkit({
        nbdkitPath: options.nbdkitPath,
        socketPath,
        argv: [
          '--readonly',
          options.plugin,
          `libdir=${options.libraryDir}`,
          `server=${options.host}`,
          `port=${options.port}`,
          `user=${user}`,
          'password=-3',
          `thumbprint=${thumbprint}`,
          `vm=moref=${request.vmMoref}`,
          ...(request.snapshotMoref === null ? [] : [`snapshot=${request.snapshotMoref}`]),
          `file=${request.fileName}`,
        ],
        secret: password,
        startTimeoutMs: options.startTimeoutMs,
      })
      return { socketPath, complaint: server.complaint, close: server.end }
    },
  }
}
