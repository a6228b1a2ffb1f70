import { type Known } from '../domain/preflight.js'
import { AppError } from '../errors.js'
import { dumpPlugin } from '../nbdkit/dump-plugin.js'

export interface VddkLibrary {
  /** The major version of the library that would read disks; asked anew each time, for it may be exchanged. */
  readonly major: () => Promise<Known<number>>
}

/** nbdkit-vddk-plugin(1) tells `vddk_library_version` once it could load the library. */
export const vddkLibrary = (options: {
  readonly nbdkitPath: string
  readonly plugin: string
  readonly libraryDir: string
}): VddkLibrary => ({
  major: async () => {
    try {
      const { nbdkitPath, plugin, libraryDir } = options
      const told = await dumpPlugin(nbdkitPath, plugin, [`libdir=${libraryDir}`])
      const version = told.get('vddk_library_version') ?? ''
      return /^\d{1,3}$/.test(version)
        ? { kind: 'known', value: Number(version) }
        : { kind: 'unknown', why: 'the VDDK library could not be loaded' }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { kind: 'unknown', why: error.message }
    }
  },
})
