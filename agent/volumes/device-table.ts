import { type Stats } from 'node:fs'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { volumeSerial, type VolumeSerial } from '../domain/ids.js'
import { AppError } from '../errors.js'

/**
 * How udev names disks by their serial (60-persistent-storage.rules): virtio-blk as `virtio-<serial>`, a QEMU SCSI disk as
 * `scsi-0QEMU_QEMU_HARDDISK_<serial>`. Partitions have `-part1` behind it and are none of our names.
 */
const linkPattern = /^(?:virtio-|scsi-.*[_-])([0-9a-f]{20})$/

/** Where each serial leads, or only this one, as the links say; more than one path when they contradict one another. */
export async function linkedPaths(
  byIdDir: string,
  only?: VolumeSerial,
): Promise<ReadonlyMap<VolumeSerial, readonly string[]>> {
  const paths = new Map<VolumeSerial, readonly string[]>()
  for (const name of (await namesIn(byIdDir)).toSorted()) {
    const serial = linkPattern.exec(name)?.[1]
    if (serial === undefined || (only !== undefined && serial !== only)) continue
    const path = await leadsTo(join(byIdDir, name))
    if (path === undefined) continue
    const known = paths.get(volumeSerial(serial)) ?? []
    if (!known.includes(path)) paths.set(volumeSerial(serial), [...known, path])
  }
  return paths
}

/** udev makes the directory with the first disk that has a serial. */
async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

/** The one device that carries the serial. Rejects with VOLUME_UNKNOWN or VOLUME_IDENTITY_MISMATCH. */
export async function deviceOf(byIdDir: string, serial: VolumeSerial): Promise<string> {
  const [path, other] = (await linkedPaths(byIdDir, serial)).get(serial) ?? []
  if (path === undefined) throw new AppError('VOLUME_UNKNOWN', `no device carries the serial ${serial}`)
  if (other !== undefined)
    throw new AppError('VOLUME_IDENTITY_MISMATCH', `${path} and ${other} both carry the serial ${serial}`)
  const own = await kernelSerial(path).catch(whyGone(serial))
  if (own !== undefined && own !== serial)
    throw new AppError('VOLUME_IDENTITY_MISMATCH', `${path} is linked as ${serial} but says ${own}`)
  return path
}

/** For what fails on a device of this serial: one that leaves while it is looked at is no device any more. */
export const whyGone =
  (serial: VolumeSerial) =>
  (error: unknown): never => {
    const hasLeft = error instanceof Error && 'code' in error && leaving.has(String(error.code))
    throw hasLeft
      ? new AppError('VOLUME_UNKNOWN', `the device of serial ${serial} has just left`, error)
      : error
  }
const leaving: ReadonlySet<string> = new Set(['ENOENT', 'ENXIO', 'ENODEV'])

/** A link that leads nowhere is about to go: its device has left. */
async function leadsTo(link: string): Promise<string | undefined> {
  try {
    return await realpath(link)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/**
 * What the disk itself told the kernel: virtio-blk's `serial`, SCSI's vital product data page 80 behind its four bytes of
 * header (SPC-4 7.8.11). Undefined for devices that have no serial of their own, such as loop devices.
 */
async function kernelSerial(path: string): Promise<string | undefined> {
  const sysfs = sysfsOf(await stat(path))
  if (sysfs === undefined) return undefined
  const virtio = (await contentOf(join(sysfs, 'serial')))?.toString('latin1').trim()
  if (virtio !== undefined && virtio !== '') return virtio
  const page80 = await contentOf(join(sysfs, 'device/vpd_pg80'))
  return page80 === undefined ? undefined : page80.subarray(4).toString('latin1').trim()
}

/** The kernel's directory of a block device, by its number: names can be anything. Undefined for other files. */
export function sysfsOf(facts: Stats): string | undefined {
  if (!facts.isBlockDevice()) return undefined
  // As makedev(3) packs them.
  const major = Math.floor(facts.rdev / 256) % 4096
  const minor = (facts.rdev % 256) + Math.floor(facts.rdev / 2 ** 20) * 256
  return `/sys/dev/block/${major}:${minor}`
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
