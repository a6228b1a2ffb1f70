import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Known } from '../domain/preflight.js'
import { AppError } from '../errors.js'
import { dumpPlugin } from '../nbdkit/dump-plugin.js'

export interface VddkLibrary {
  /** Whether there is a library to read with; asked anew each time, for it may be installed meanwhile. */
  readonly isPresent: () => Promise<boolean>
  /** The major version of the library that would read disks; asked anew each time, for it may be exchanged. */
  readonly major: () => Promise<Known<number>>
}

export interface VddkPlace {
  readonly nbdkitPath: string
  readonly plugin: string
  /** Of VDDK as it is unpacked: holds the library, or `lib64` with it. */
  readonly libraryDir: string
}

/** Undefined: none is configured. nbdkit-vddk-plugin(1) tells `vddk_library_version` once it could load the library. */
export const vddkLibrary = (place: VddkPlace | undefined): VddkLibrary => ({
  isPresent: async () => place !== undefined && (await holdsLibrary(place.libraryDir)),
  major: async () => {
    if (place === undefined) return { kind: 'unknown', why: 'no VDDK library is configured' }
    try {
      const { nbdkitPath, plugin, libraryDir } = place
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

export const libraryName = /^libvixDiskLib\.so(\.\d+)*$/

/** A directory that cannot be looked into is not one without a library: whoever reads says why it fails. */
async function holdsLibrary(libraryDir: string): Promise<boolean> {
  try {
    for (const directory of [libraryDir, join(libraryDir, 'lib64')])
      if ((await readdir(directory)).some(name => libraryName.test(name))) return true
    return false
  } catch (error) {
    const isAbsent =
      error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return !isAbsent
  }
}
