import { randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { AppError } from '../../errors.js'
import { libraryName, vddkLibrary } from '../vddk-library.js'
import { unusable } from './tar-entries.js'
import { unpack, usualUnpackLimits, type UnpackLimits } from './unpack.js'

export interface InstallOptions {
  readonly archivePath: string
  /** What the VMA's configuration calls `library_dir`: becomes a link to what was unpacked. */
  readonly libraryDir: string
  readonly nbdkitPath: string
  readonly plugin: string
  readonly limits?: UnpackLimits
}

export interface Installed {
  /** The library's file, such as `libvixDiskLib.so.8.0.3`. */
  readonly file: string
  readonly major: number
}

/**
 * Unpacks VDDK beside `libraryDir`, loads it once, and only then lets `libraryDir` lead to it, in one step: a reader finds
 * the old library or the new one. Rejects with VDDK_ARCHIVE_REFUSED; then everything is as before. A killed run leaves a
 * directory named `.vddk-` and random digits, which the next run removes.
 */
export async function installVddk(options: InstallOptions): Promise<Installed> {
  const { archivePath, nbdkitPath, plugin } = options
  const libraryDir = resolve(options.libraryDir)
  const parent = dirname(libraryDir)
  await mkdir(parent, { recursive: true })
  await mustBeReplaceable(libraryDir)
  const name = `${prefix}${randomBytes(8).toString('hex')}`
  const into = join(parent, name)
  await mkdir(into, { mode: 0o755 })
  try {
    await unpack(archivePath, into, options.limits ?? usualUnpackLimits)
    const found = await findLibrary(into)
    const version = await vddkLibrary({ nbdkitPath, plugin, libraryDir: found.directory }).major()
    if (version.kind === 'unknown') throw unusable(`the library in it does not load: ${version.why}`)
    const link = join(parent, `${name}.link`)
    await symlink(relative(parent, found.directory), link)
    await rename(link, libraryDir)
    await removeOthers(parent, name)
    return { file: found.file, major: version.value }
  } catch (error) {
    await rm(into, { recursive: true, force: true })
    throw error
  }
}

const prefix = '.vddk-'

/** A directory somebody else made is never taken away. */
async function mustBeReplaceable(libraryDir: string): Promise<void> {
  try {
    if (!(await lstat(libraryDir)).isSymbolicLink())
      throw new AppError('CONFIG_INVALID', `${libraryDir} is there, and was not made by this program`)
    const target = await readlink(libraryDir)
    if (!target.startsWith(prefix))
      throw new AppError(
        'CONFIG_INVALID',
        `${libraryDir} leads to ${target}, which this program did not make`,
      )
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

interface Found {
  /** What nbdkit takes as `libdir`. */
  readonly directory: string
  readonly file: string
}

/** The one directory of the archive with a library in it or in its `lib64`. */
async function findLibrary(root: string): Promise<Found> {
  const found: Found[] = []
  const look = async (directory: string): Promise<void> => {
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) await look(join(directory, entry.name))
      else if (entry.isFile() && libraryName.test(entry.name)) found.push({ directory, file: entry.name })
    }
  }
  await look(root)
  const directories = new Set(found.map(one => one.directory))
  const [first] = found.sort((a, b) => b.file.length - a.file.length)
  if (first === undefined) throw unusable('the archive holds no libvixDiskLib.so')
  if (directories.size > 1) throw unusable('the archive holds several libvixDiskLib.so')
  const inLib64 = first.directory.endsWith('/lib64')
  return { directory: inLib64 ? dirname(first.directory) : first.directory, file: first.file }
}

/** What older runs unpacked. A reader that has one open keeps its files until it ends. */
async function removeOthers(parent: string, kept: string): Promise<void> {
  for (const name of await readdir(parent))
    if (name.startsWith(prefix) && !name.startsWith(kept))
      await rm(join(parent, name), { recursive: true, force: true })
}
